"""The commands `leadline keys issue`, `list`, `rotate`, `revoke` and `deny`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from leadline_server.cli.session import Session, remote
from leadline_server.domain.access.principals import WITHOUT_ACCOUNT, Role

if TYPE_CHECKING:  # importing these would slow the start of every command
    from leadline import Client
    from leadline.admin.v1.key_pb2 import Key

KeyId = Annotated[str, typer.Argument(metavar="KEY", help="The key's id: 16 hexadecimal digits.")]
OfPlatform = Annotated[bool, typer.Option("--platform", help="What belongs to no account.")]
Expires = Annotated[str, typer.Option(metavar="TIME", help="When it ends: 2027-01-31, or 2027-01-31T18:00Z.")]


@remote
def issue(
    session: Session,
    role: Annotated[
        str, typer.Option(metavar="ROLE", help=f"What the key is for: {', '.join(role.value for role in Role)}.")
    ],
    user: Annotated[str, typer.Option(metavar="USER", help="The user that it acts for, with the role user.")] = "",
    grant: Annotated[
        list[str] | None,
        typer.Option(metavar="GRANT", help="call_data (platform) or update_preferences (service)."),
    ] = None,
    label: Annotated[str, typer.Option(metavar="TEXT", help="A name for people: office PBX.")] = "",
    certificate: Annotated[
        str,
        typer.Option(metavar="NAME", help="Accept client certificates with this name instead: URI:spiffe://acme/pbx."),
    ] = "",
    expires: Expires = "",
) -> None:
    """Issue an API key, and print it. It is never shown again."""
    from leadline_server.cli.output import print_json

    if role not in set(Role):
        raise typer.BadParameter(f"--role: {role!r} is not a role; known are {', '.join(Role)}")
    client = of_platform(session.client, is_of_platform=Role(role) in WITHOUT_ACCOUNT)
    issued = client.issue_key(
        f"ROLE_{role.upper()}",
        user_id=user,
        grants=[f"GRANT_{one.upper()}" for one in grant or ()],
        label=label,
        certificate_name=certificate,
        expire_time=time_of("--expires", expires) if expires else None,
    )
    if session.as_json:
        print_json(issued)
        return
    if issued.secret:
        session.note(f"Key {issued.key.key_id} of the role {role}. It is shown this once:")
        session.say(issued.secret)
    else:
        session.say(f"Certificates with the name {certificate} are accepted as {issued.key.key_id}.")


@remote
def list_keys(session: Session, *, platform: OfPlatform = False) -> None:
    """List the API keys of the account, with their roles and ends. No key itself is shown."""
    from leadline_server.cli.output import Column, print_json_array, table

    found = list(of_platform(session.client, is_of_platform=platform).list_keys(page_size=1000))
    if session.as_json:
        print_json_array(found)
        return
    if not found:
        session.say("There are no keys.")
        return
    columns = [Column(name) for name in ("Key", "Role", "User", "Grants", "State")]
    columns += [Column("Label", can_shrink=True), Column("Certificate", can_shrink=True)]
    now = datetime.now(UTC)
    table(session.console, columns, [_row(key, now) for key in found])


@remote
def rotate(
    session: Session,
    key_id: KeyId,
    overlap: Annotated[
        float, typer.Option(metavar="HOURS", min=0, max=720, help="How long both keys are accepted, in hours.")
    ] = 24.0,
    *,
    platform: OfPlatform = False,
) -> None:
    """Issue a key in the place of another, and print it. Both are accepted for a while."""
    from leadline_server.cli.output import print_json

    client = of_platform(session.client, is_of_platform=platform)
    rotated = client.rotate_key(key_id, overlap_seconds=round(overlap * 3600))
    if session.as_json:
        print_json(rotated)
        return
    end = rotated.replaced.expire_time.ToDatetime(UTC).isoformat(timespec="seconds")
    session.note(f"Key {rotated.key.key_id} takes the place of {key_id}, which ends at {end}. It is shown this once:")
    session.say(rotated.secret)


@remote
def revoke(session: Session, key_id: KeyId, *, platform: OfPlatform = False) -> None:
    """End an API key at once, for new requests and for open watches."""
    key = of_platform(session.client, is_of_platform=platform).revoke_key(key_id)
    session.say(f"Key {key.key_id} is not accepted any more.")


@remote
def deny(
    session: Session,
    issuer: Annotated[str, typer.Argument(metavar="ISSUER", help="The issuer, as in the tokens' iss.")],
    subject: Annotated[str, typer.Option(metavar="TEXT", help="All tokens of this subject (sub).")] = "",
    token: Annotated[str, typer.Option(metavar="ID", help="The one token with this id (jti).")] = "",
    expires: Expires = "",
    *,
    platform: Annotated[bool, typer.Option("--platform", help="Tokens of every account.")] = False,
) -> None:
    """Refuse JWTs from now on although their signatures are right."""
    if bool(subject) is bool(token):
        raise typer.BadParameter("give either --subject or --token")
    until = time_of("--expires", expires) if expires else None
    client = of_platform(session.client, is_of_platform=platform)
    client.deny_tokens(issuer, subject=subject, token_id=token, expire_time=until)
    session.say("Refused from now on.")


def of_platform(client: "Client", *, is_of_platform: bool) -> "Client":
    """The client, for the keys that belong to no account."""
    return client.using(account="") if is_of_platform else client


def time_of(option: str, text: str) -> datetime:
    """The time in an option's text; UTC where it names no zone. Ends the command if it is none."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{option}: {text!r} is not a time, such as 2027-01-31") from None
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def _row(key: "Key", now: datetime) -> Sequence[str]:
    from leadline.admin.v1.key_pb2 import Grant, Role

    grants = ", ".join(Grant.Name(grant).removeprefix("GRANT_").lower() for grant in key.grants)
    role = Role.Name(key.role).removeprefix("ROLE_").lower()
    return key.key_id, role, key.user_id, grants, _state(key, now), key.label, key.certificate_name


def _state(key: "Key", now: datetime) -> str:
    if key.HasField("revoke_time"):
        return "revoked"
    if not key.HasField("expire_time"):
        return "accepted"
    end = key.expire_time.ToDatetime(UTC)
    return "expired" if end <= now else f"accepted until {end.isoformat(timespec='minutes')}"
