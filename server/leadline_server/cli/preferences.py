"""The commands `leadline preferences show` and `set`."""

import uuid
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from leadline_server.cli.session import Session, remote

if TYPE_CHECKING:  # importing these would slow the start of every command
    from leadline.v1.preferences_pb2 import Preferences
    from leadline.v1.preferences_service_pb2 import GetPreferencesResponse, UpdatePreferencesResponse

    UserPreferences = GetPreferencesResponse | UpdatePreferencesResponse

Assignments = Annotated[
    list[str] | None, typer.Argument(metavar="FIELD=VALUE", help="A field and its value; commas separate list items.")
]
Inherited = Annotated[
    list[str] | None,
    typer.Option("--inherit", metavar="FIELD", help="Remove this field's own value; repeatable."),
]
_SOURCES: Final = {"BUILT_IN": "built-in", "ACCOUNT": "account", "USER": "user"}


@remote
def show(
    session: Session,
    user: Annotated[
        str, typer.Argument(metavar="USER", help="The user; without one, the preferences of a user who set none.")
    ] = "",
) -> None:
    """Show a user's preferences, and which level each value comes from."""
    _show(session, user, session.client.using(user=user or new_user()).get_preferences())


@remote
def update(
    session: Session,
    user: Annotated[str, typer.Argument(metavar="USER", help="The user.")],
    assignments: Assignments = None,
    inherit: Inherited = None,
) -> None:
    """Write a user's own preferences."""
    from leadline.v1.preferences_pb2 import Preferences

    preferences = Preferences()
    mask = assigned(preferences, assignments, inherit)
    if not mask:
        raise typer.BadParameter("nothing to write: give FIELD=VALUE, or --inherit FIELD")
    _show(session, user, session.client.using(user=user).update_preferences(preferences, update_mask=mask))


def assigned(message: Any, assignments: Sequence[str] | None, inherit: Sequence[str] | None) -> list[str]:
    """Set the fields of a message from texts such as `auto_log_calls=no`; returns the paths for the update mask.

    Raises:
        typer.BadParameter: a field does not exist, its value is invalid, or it is both written and inherited.
    """
    from leadline_server.cli import values

    given = values.pairs("FIELD=VALUE", assignments or (), "a field, an equals sign, and its value")
    for path, text in given.items():
        values.assign(message, path, text)
    for path in inherit or ():
        values.locate(message, path)
        if path in given:
            raise typer.BadParameter(f"{path} is both written and inherited")
    return [*given, *dict.fromkeys(inherit or ())]


def new_user() -> str:
    """The id of a user who set no preferences. Users need no registration, and reading stores nothing."""
    return f"new-{uuid.uuid4()}"


def text_of(preferences: "Preferences", name: str) -> str:
    """A preference's value as the command `set` takes it, such as `BUSY, NO_ANSWER`; empty if it is absent."""
    from leadline_server.cli.choices import word

    if not preferences.HasField(name):  # type: ignore[arg-type] # a name from the descriptor
        return ""
    field, value = preferences.DESCRIPTOR.fields_by_name[name], getattr(preferences, name)
    if field.message_type is not None:
        inner = field.message_type.fields_by_name["values"]
        return ", ".join(word(inner.enum_type, one) if inner.enum_type else one for one in value.values)
    if field.enum_type is not None:
        return word(field.enum_type, value)
    return str(value).lower() if isinstance(value, bool) else value


def _show(session: Session, user: str, answer: "UserPreferences") -> None:
    from leadline_server.cli.output import Column, print_json, table

    if session.as_json:
        print_json(answer)
        return
    owner = f"user {user}" if user else "a user who set none"
    session.say(f"Preferences of {owner} in account {session.account}:")
    columns = [Column("Preference"), Column("Value", can_shrink=True), Column("From"), Column("Remark", drop_order=1)]
    table(session.console, columns, list(_rows(answer)))
    if user:
        session.hint("To change one", "preferences", "set", user, "FIELD=VALUE")


def _rows(answer: "UserPreferences") -> Iterator[tuple[str, ...]]:
    from leadline.v1.preferences_pb2 import PreferenceSource

    from leadline_server.cli.choices import word

    for field in answer.effective.DESCRIPTOR.fields:
        source = word(PreferenceSource, answer.sources[field.name])
        remark = "locked" if field.name in answer.locked else ""
        own = text_of(answer.user, field.name)
        if remark and own:
            remark = f"locked; the user's own value {own} does not apply"
        yield field.name, text_of(answer.effective, field.name) or "-", _SOURCES.get(source, source), remark
