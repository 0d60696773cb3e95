"""The options of `leadline calls import`, read and completed by what the file and the account's settings tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

if TYPE_CHECKING:  # what these bring along would slow the start of every other command
    import zoneinfo

    from leadline_server.domain.call import CallDirection
    from leadline_server.replay.account import AccountDetails
    from leadline_server.replay.clock_texts import DateOrder
    from leadline_server.replay.detection import RecordFormat
    from leadline_server.replay.rules import Rules
    from leadline_server.replay.survey import Survey
    from leadline_server.replay.zones import Misfit

_NAMED_ZONES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """Options that the file and the account's settings complete.

    Attributes:
        zone: of `--time-zone`; None where it was not given.
        date_order: of `--date-order`; None where it was not given.
        own_numbers: of `--own-number`, as they were written.
        extension_pattern: of `--extension-pattern`; empty where it was not given.
        is_forced: whether records that do not fit the zone are sent all the same.
    """

    zone: "zoneinfo.ZoneInfo | None" = None
    date_order: "DateOrder | None" = None
    own_numbers: tuple[str, ...] = ()
    extension_pattern: str = ""
    is_forced: bool = False


def completed(
    rules: "Rules", wishes: Wishes, survey: "Survey", account: "AccountDetails", warnings: list[str]
) -> "Rules":
    """The rules with what the options, the file and the server tell.

    Args:
        rules: of the other options.
        wishes: the options that are completed here.
        survey: of the file.
        account: as the server tells it.
        warnings: gets a sentence for what is done against better knowledge.

    Raises:
        UnusableFile: no zone is known, another one fits the records, or the order of day and month cannot be told.
    """
    from dataclasses import replace

    from leadline_server.replay.own_numbers import own_numbers

    pattern = wishes.extension_pattern or account.numbering.extension_pattern
    numbering = replace(account.numbering, extension_pattern=pattern)
    return replace(
        rules,
        time_zone=_time_zone(wishes, survey, account, warnings) or rules.time_zone,
        date_order=survey.order(wishes.date_order),
        numbering=numbering,
        users={**account.users, **rules.users},
        own_numbers=own_numbers(wishes.own_numbers, numbering, account.own_numbers),
    )


def _time_zone(
    wishes: Wishes, survey: "Survey", account: "AccountDetails", warnings: list[str]
) -> "zoneinfo.ZoneInfo | None":
    """The zone of times without an offset: the given one, else the account's if it was set. It is never guessed."""
    from leadline_server.replay.records import UnusableFile

    given = wishes.zone or (zone(account.time_zone) if account.time_zone else None)
    if not survey.needs_zone:
        return given
    misfit = survey.zones.misfit(given)
    if given is None:
        raise UnusableFile(
            "the times in the file have no offset, and no time zone is known: give --time-zone, such as "
            f"--time-zone Europe/Berlin, or set the account's: leadline account set time_zone=ZONE.{_advice(misfit)}"
        )
    if misfit is None:
        return given
    sentence = (
        f"the records do not fit the time zone {given.key}: of {misfit.rows} rows whose ids tell when they began, "
        f"{misfit.fitting_rows} fit.{_advice(misfit)}"
    )
    if not wishes.is_forced:
        raise UnusableFile(f"{sentence} Nothing was sent. To replay them in {given.key} all the same, give --force")
    warnings.append(sentence)
    return given


def _advice(misfit: "Misfit | None") -> str:
    """Which zones fit, if the ids of the records tell."""
    from leadline_server.replay.zones import offset_name

    if misfit is None:
        return ""
    more = len(misfit.zones) - _NAMED_ZONES
    named = ", ".join(misfit.zones[:_NAMED_ZONES]) + (f" and {more} more" if more > 0 else "")
    return f" The ids say that the clock stood at {offset_name(misfit.offset)}; zones that would fit: {named}."


def record_format(name: str) -> "RecordFormat":
    """The form of `--format`."""
    from leadline_server.replay.detection import RecordFormat

    if name not in list(RecordFormat):
        raise typer.BadParameter(f"unknown format {name!r}; known: {', '.join(RecordFormat)}")
    return RecordFormat(name)


def extension_pattern(text: str) -> str:
    """The masks of `--extension-pattern`, in their stored form."""
    from leadline_server.domain.numbers.numbering_rules import read_extension_pattern

    try:
        return read_extension_pattern(text)
    except ValueError as error:
        raise typer.BadParameter(f"--extension-pattern: {error}") from None


def zone(name: str) -> "zoneinfo.ZoneInfo":
    """The zone of this name."""
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise typer.BadParameter(f"unknown time zone {name!r}; use an IANA name such as Europe/Berlin") from None


def date_order(name: str | None) -> "DateOrder | None":
    """The order of `--date-order`."""
    from leadline_server.replay.clock_texts import DateOrder

    if name is None:
        return None
    if name not in list(DateOrder):
        raise typer.BadParameter(f"--date-order {name!r}: expected dmy (10/5 is in May) or mdy (10/5 is in October)")
    return DateOrder(name)


def source(name: str) -> str:
    """The source of `--source`."""
    from leadline_server.domain.call_ids import MAX_SOURCE, is_source

    if not is_source(name):
        raise typer.BadParameter(f"--source {name!r}: at most {MAX_SOURCE} letters, digits, dots, dashes, underscores")
    return name


def direction(name: str | None) -> "CallDirection | None":
    """The direction of `--direction`."""
    from leadline_server.domain.call import CallDirection

    if name is None:
        return None
    try:
        return CallDirection[name.upper()]
    except KeyError:
        raise typer.BadParameter(f"--direction {name!r}: expected inbound, outbound or internal") from None


def users(pairs: Sequence[str], path: Path | None) -> Mapping[str, str]:
    """The users by extension, of `--users` and `--user`."""
    from leadline_server.replay.rules import add_user, read_users

    found = read_users(path) if path is not None else {}
    for pair in pairs:
        extension, equals, name = (part.strip() for part in pair.partition("="))
        if not (extension and equals and name):
            raise typer.BadParameter(f"--user {pair!r}: expected EXTENSION=USER, such as 101=alice")
        add_user(found, extension, name)
    return found
