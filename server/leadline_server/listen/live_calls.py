"""Calls as they are now, by the rules of call records: a listener's channels are read as the records of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from leadline_server.domain.call import Call, CallResult
from leadline_server.domain.call_legs import latest
from leadline_server.domain.unshown import unshown
from leadline_server.replay.grouping import ReplayCall, group
from leadline_server.replay.records import BadRow, RawRow, Record
from leadline_server.replay.rules import Rules

UNKNOWN_USER: Final = "\0"
"""Stands for the user of a call whose records name none. It is no id of a user."""

ReadRecord = Callable[[RawRow, Rules], Record]
"""Reads the record of a row, or raises BadRow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveCall:
    """A call as it is now.

    Attributes:
        user_id: whose it is; empty if the server is to find the user.
    """

    user_id: str
    call: Call


@unshown
@dataclass(frozen=True, slots=True)
class LiveRow:
    """A record as it would be written now.

    Attributes:
        seen: when the phone system told of it last.
    """

    values: dict[str, str]
    seen: datetime
    is_over: bool


def calls_of(rows: Sequence[LiveRow], read_record: ReadRecord, rules: Rules, *, has_gap: bool) -> list[LiveCall]:
    """The calls of these rows that are to be reported now: who rings is known, or they have ended.

    Args:
        rows: of one conversation.
        read_record: the reader of such records.
        rules: the account's.
        has_gap: events may have been missed. Then the record of the call is to put right what the report says.
    """
    read = (_record(line, row, read_record, rules) for line, row in enumerate(rows, start=1))
    found = group((record for record in read if record is not None), UNKNOWN_USER)
    told = [(item, [rows[line - 1] for line in item.lines]) for item in found if isinstance(item, ReplayCall)]
    return [live for item, own in told if (live := _live(item, own, has_gap=has_gap)) is not None]


def of_record(item: ReplayCall) -> LiveCall:
    """The call of finished records."""
    return LiveCall(user_id="" if item.user_id == UNKNOWN_USER else item.user_id, call=item.call)


def _live(item: ReplayCall, rows: list[LiveRow], *, has_gap: bool) -> LiveCall | None:
    """The call as it is now; None if it is too early to report it."""
    is_over = all(row.is_over for row in rows)
    is_answered = item.call.result is CallResult.ANSWERED
    seen = latest(row.seen for row in rows)
    live = of_record(item)
    if not (is_over or is_answered or live.user_id):
        return None
    call = replace(
        item.call,
        result=item.call.result if is_over or is_answered else None,
        end_time=item.call.end_time if is_over else None,
        is_final=True if is_over else None,
        # After a gap the record of the call is to be at least as new, so that it puts right what was missed.
        event_time=seen.replace(microsecond=0) if seen and has_gap else seen,
    )
    return replace(live, call=call)


def _record(line: int, row: LiveRow, read_record: ReadRecord, rules: Rules) -> Record | None:
    try:
        return read_record(RawRow(line=line, size=0, values=row.values), rules)
    except (BadRow, OverflowError):  # its clock ran backwards, or beyond the calendar
        return None
