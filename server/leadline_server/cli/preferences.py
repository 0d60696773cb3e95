"""`leadline preferences show` and `set`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from leadline_server.cli.session import Session, remote

if TYPE_CHECKING:  # what these bring along would slow the start of every command
    from leadline.v1.preferences_pb2 import Preferences
    from leadline.v1.preferences_service_pb2 import GetPreferencesResponse, UpdatePreferencesResponse

    Answer = GetPreferencesResponse | UpdatePreferencesResponse

Assignments = Annotated[
    list[str] | None, typer.Argument(metavar="FIELD=VALUE", help="What to write; lists are separated by commas.")
]
Inherited = Annotated[
    list[str] | None,
    typer.Option("--inherit", metavar="FIELD", help="Give up the own value of this field; repeatable."),
]
SOURCES: Final = {"BUILT_IN": "built-in", "ACCOUNT": "account", "USER": "user"}


@remote
def show(
    session: Session,
    user: Annotated[str, typer.Argument(metavar="USER", help="The user; none: whoever set nothing.")] = "",
) -> None:
    """What applies to a user, and which level each value comes from."""
    answer = session.client.using(user=user or nobody()).get_preferences()
    _answer(session, user, answer)


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
    _answer(session, user, session.client.using(user=user).update_preferences(preferences, update_mask=mask))


def assigned(message: Any, assignments: Sequence[str] | None, inherit: Sequence[str] | None) -> list[str]:
    """Sets a message's fields as they were typed, and returns the paths of all that are to be written.

    Raises:
        typer.BadParameter: a field does not exist, cannot have its value, or is both written and inherited.
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


def nobody() -> str:
    """A user who never set anything: users need no registration, and asking stores nothing."""
    import uuid

    return f"nobody-{uuid.uuid4()}"


def text_of(preferences: "Preferences", name: str) -> str:
    """A preference's value as `set` takes it; empty where it is absent."""
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


def _answer(session: Session, user: str, answer: "Answer") -> None:
    from leadline.v1.preferences_pb2 import PreferenceSource

    from leadline_server.cli.choices import word
    from leadline_server.cli.output import Column, print_json, table

    if session.as_json:
        print_json(answer)
        return
    whose = f"user {user}" if user else "a user who set nothing"
    session.say(f"What applies to {whose} in account {session.account}:")
    columns = [Column("Preference"), Column("Value", can_shrink=True), Column("From"), Column("Remark", goes=1)]
    rows = []
    for field in answer.effective.DESCRIPTOR.fields:
        source = word(PreferenceSource, answer.sources[field.name])
        remark = "locked" if field.name in answer.locked else ""
        own = text_of(answer.user, field.name)
        if remark and own:
            remark = f"locked; {own} is set and does not count"
        rows.append((field.name, text_of(answer.effective, field.name) or "-", SOURCES.get(source, source), remark))
    table(session.console, columns, rows)
    if user:
        session.hint("To change one", "preferences", "set", user, "FIELD=VALUE")
