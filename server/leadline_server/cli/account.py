"""The commands `leadline account show` and `set`."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from leadline_server.cli.preferences import Assignments, Inherited, assigned, new_user, text_of
from leadline_server.cli.session import Session, remote

if TYPE_CHECKING:  # importing these would slow the start of every command
    from leadline.v1.preferences_pb2 import AccountSettings, Preferences

_PLACEHOLDER_FIELDS: Final = (
    "placeholder_limit_per_hour",
    "placeholder_limit_per_day",
    "placeholder_limit_per_user_per_hour",
    "placeholder_limit_per_user_per_day",
    "placeholder_unattested_percent",
)
_USER_ONLY: Final = "crm_user_id"  # a preference that only users have


@remote
def show(session: Session) -> None:
    """Show an account's region, time zone, number formats, defaults and locks."""
    _show(session, session.client.get_account_settings())


@remote
def update(
    session: Session,
    assignments: Assignments = None,
    lock: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD", help="Do not let users change this preference; repeatable."),
    ] = None,
    unlock: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD", help="Let users change this preference again; repeatable."),
    ] = None,
    inherit: Inherited = None,
) -> None:
    """Write an account's settings. Its preferences are called `defaults.FIELD`."""
    from leadline.v1.preferences_pb2 import AccountSettings

    settings = AccountSettings()
    mask = assigned(settings, assignments, inherit)
    if lock or unlock:
        if "locked" in mask:
            raise typer.BadParameter("give the whole list with locked=..., or change it with --lock and --unlock")
        locking, unlocking = _lock_changes(lock or (), unlock or ())
        settings.locked.extend(sorted({*session.client.get_account_settings().locked, *locking} - unlocking))
        mask.append("locked")
    if not mask:
        raise typer.BadParameter("nothing to write: give FIELD=VALUE, --lock, --unlock or --inherit FIELD")
    _show(session, session.client.update_account_settings(settings, update_mask=mask))


def _lock_changes(lock: Sequence[str], unlock: Sequence[str]) -> tuple[set[str], set[str]]:
    """The preferences to lock and to unlock; `defaults.placeholder_name` means `placeholder_name`.

    Raises:
        typer.BadParameter: a preference does not exist, or is both locked and unlocked.
    """
    locking, unlocking = ({name.removeprefix("defaults.") for name in names} for names in (lock, unlock))
    if both := locking & unlocking:
        raise typer.BadParameter(f"both locked and unlocked: {', '.join(sorted(both))}")
    known = _account_preferences()
    for option, names in (("--lock", locking), ("--unlock", unlocking)):
        if unknown := names.difference(known):
            missing = ", ".join(sorted(unknown))
            raise typer.BadParameter(f"{option}: there is no preference {missing}; known are {', '.join(known)}")
    return locking, unlocking


def _account_preferences() -> list[str]:
    from leadline.v1.preferences_pb2 import Preferences

    return [field.name for field in Preferences.DESCRIPTOR.fields if field.name != _USER_ONLY]


def _show(session: Session, settings: "AccountSettings") -> None:
    from leadline_server.cli.output import Column, print_json, sheet, table

    if session.as_json:
        print_json(settings)
        return
    built_in = session.client.using(user=new_user()).get_preferences().effective
    session.say(f"Account {session.account}:")
    sheet(session.console, _settings_rows(settings))
    session.say()
    columns = [Column("Preference"), Column("Value", can_shrink=True), Column("From"), Column("")]
    table(session.console, columns, list(_rows(settings, built_in)))
    session.hint("To change one", "account", "set", "FIELD=VALUE")


def _settings_rows(settings: "AccountSettings") -> Iterator[tuple[str, str]]:
    yield "default_region", settings.default_region
    yield "time_zone", settings.time_zone or "-"
    yield "number_formats", ", ".join(settings.number_formats) or "-"
    yield "caller_id_prefixes", ", ".join(settings.caller_id_prefixes) or "-"
    for name in _PLACEHOLDER_FIELDS:
        is_set = settings.HasField(name)
        yield name, f"{getattr(settings, name):,}" if is_set else "-"
    yield "create_without_log", "true" if settings.create_without_log else "false"
    yield "join_linked_calls", "true" if settings.join_linked_calls else "false"


def _rows(settings: "AccountSettings", effective: "Preferences") -> Iterator[tuple[str, ...]]:
    for name in _account_preferences():
        is_own = settings.defaults.HasField(name)  # type: ignore[arg-type] # a name from the descriptor
        origin = "account" if is_own else "built-in"
        lock = "locked" if name in settings.locked else ""
        yield f"defaults.{name}", text_of(effective, name) or "-", origin, lock
