"""`leadline account show` and `set`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from leadline_server.cli.preferences import Assignments, Inherited, assigned, nobody, text_of
from leadline_server.cli.session import Session, remote

if TYPE_CHECKING:  # what these bring along would slow the start of every command
    from leadline.v1.preferences_pb2 import AccountSettings


@remote
def show(session: Session) -> None:
    """An account's defaults, locks, region and time zone."""
    _answer(session, session.client.get_account_settings())


@remote
def update(
    session: Session,
    assignments: Assignments = None,
    lock: Annotated[
        list[str] | None, typer.Option(metavar="FIELD", help="Users can no longer change this preference; repeatable.")
    ] = None,
    unlock: Annotated[
        list[str] | None, typer.Option(metavar="FIELD", help="They can change it again; repeatable.")
    ] = None,
    inherit: Inherited = None,
) -> None:
    """Write an account's settings; its preferences are `defaults.FIELD`."""
    from leadline.v1.preferences_pb2 import AccountSettings

    settings = AccountSettings()
    mask = assigned(settings, assignments, inherit)
    if lock or unlock:
        if "locked" in mask:
            raise typer.BadParameter("give the whole list with locked=..., or change it with --lock and --unlock")
        settings.locked.extend(_locked(session.client.get_account_settings().locked, lock or (), unlock or ()))
        mask.append("locked")
    if not mask:
        raise typer.BadParameter("nothing to write: give FIELD=VALUE, --lock, --unlock or --inherit FIELD")
    _answer(session, session.client.update_account_settings(settings, update_mask=mask))


def _locked(now: Sequence[str], lock: Sequence[str], unlock: Sequence[str]) -> list[str]:
    """The new list; a name may be given as a default's, too.

    Raises:
        typer.BadParameter: one is to be locked and unlocked.
    """
    locking, unlocking = ({name.removeprefix("defaults.") for name in names} for names in (lock, unlock))
    if both := locking & unlocking:
        raise typer.BadParameter(f"both locked and unlocked: {', '.join(sorted(both))}")
    return sorted({*now, *locking} - unlocking)


def _answer(session: Session, settings: "AccountSettings") -> None:
    from leadline_server.cli.show import Column, print_json, sheet, table

    if session.as_json:
        print_json(settings)
        return
    built_in = session.client.using(user=nobody()).get_preferences().effective
    session.say(f"Account {session.account}:")
    sheet(
        session.console,
        [
            ("default_region", settings.default_region),
            ("time_zone", settings.time_zone),
            ("number_formats", ", ".join(settings.number_formats) or "-"),
            ("caller_id_prefixes", ", ".join(settings.caller_id_prefixes) or "-"),
        ],
    )
    rows = []
    for field in settings.defaults.DESCRIPTOR.fields:
        if field.name == "crm_user_id":  # a user's alone
            continue
        is_own = settings.defaults.HasField(field.name)  # type: ignore[arg-type] # a name from the descriptor
        origin = "account" if is_own else "built-in"
        remark = "locked" if field.name in settings.locked else ""
        rows.append((f"defaults.{field.name}", text_of(built_in, field.name) or "-", origin, remark))
    session.say()
    table(session.console, [Column("Preference"), Column("Value", can_shrink=True), Column("From"), Column("")], rows)
    session.hint("To change one", "account", "set", "FIELD=VALUE")
