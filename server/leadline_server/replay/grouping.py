"""Puts the rows of one call together: each row a leg, and one LogCall for all of them.

Rows of one call need not be neighbours. A call stays open until `WINDOW` further rows of other calls have gone by, so
memory is bounded by that many rows. A row that comes later still makes a report of its own under the same call id: the
server merges its leg, and `event_time` decides which report's fields are newer, in whatever order they arrive.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from leadline_server.domain.call import Call, CallDirection, CallLeg, CallResult
from leadline_server.replay.records import Ignored, Record, Row, Skipped

WINDOW = 10_000
_MAX_LEGS = 64  # of the contract

# What a call came to, when its legs differ: the first of these that any leg came to.
_RESULT_ORDER = (
    CallResult.ANSWERED,
    CallResult.VOICEMAIL,
    CallResult.NO_ANSWER,
    CallResult.REJECTED,
    CallResult.CANCELED,
    CallResult.BUSY,
    CallResult.FAILED,
)

NO_DIRECTION = (
    "cannot tell the direction: neither side is an extension; name the context with --inbound-context, "
    "--outbound-context or --internal-context, or set --extension-pattern"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayCall:
    """One call to send: whose it is, and the lines that it was read from."""

    user_id: str
    call: Call
    lines: tuple[int, ...]
    size: int


def group(rows: Iterable[Row], default_user: str, window: int = WINDOW) -> Iterator[ReplayCall | Skipped | Ignored]:
    """Calls in the order of their last rows, and the rows left out.

    Args:
        rows: what a reader hands on.
        default_user: whose calls those are whose extensions map to nobody; empty skips them.
        window: how many rows a call waits for further rows of its own.
    """
    waiting: OrderedDict[str, list[Record]] = OrderedDict()
    last_seen: dict[str, int] = {}
    for index, row in enumerate(rows):
        if isinstance(row, Record):
            waiting.setdefault(row.call.id, []).append(row)
            waiting.move_to_end(row.call.id)
            last_seen[row.call.id] = index
        else:
            yield row
        while waiting and last_seen[oldest := next(iter(waiting))] + window <= index:
            del last_seen[oldest]
            yield from _calls(waiting.pop(oldest), default_user)
    for records in waiting.values():
        yield from _calls(records, default_user)


def _calls(records: list[Record], default_user: str) -> Iterator[ReplayCall | Skipped]:
    call = _merged(records)
    user_id = _owner(records) or default_user
    if call.direction is None:
        reason = NO_DIRECTION
    elif not user_id:
        reason = _no_user(records)
    else:
        size = sum(record.size for record in records)
        yield ReplayCall(user_id=user_id, call=call, lines=tuple(record.line for record in records), size=size)
        return
    for record in records:
        yield Skipped(line=record.line, size=record.size, reason=reason)


def _merged(records: list[Record]) -> Call:
    """One call of all its rows; who was called is told by the row that was answered, the rest by the first row."""
    told = [record for record in records if not record.is_piece] or records
    first = told[0]
    main = next((record for record in told if record.is_answered), first)
    results = {record.leg.result for record in records}
    ends = [record.call.end_time for record in records if record.call.end_time is not None]
    texts = {name: value for record in reversed(told) for name, value in _texts(record.call).items()}
    end = max(ends, default=None)
    return replace(
        main.call,
        caller=first.call.caller,
        direction=next((record.call.direction for record in told if record.call.direction is not None), None),
        linked_id=next((record.call.linked_id for record in told if record.call.linked_id), None),
        start_time=_earliest(record.call.start_time for record in records),
        answer_time=main.call.answer_time,
        end_time=end,
        result=next((result for result in _RESULT_ORDER if result in results), None),
        is_final=True,
        event_time=_latest(record.call.event_time for record in records) or end or first.call.start_time,
        legs=_legs(records),
        attributes={key: value for record in reversed(told) for key, value in record.call.attributes.items()},
        **texts,
    )


def _texts(call: Call) -> dict[str, Any]:
    names = ("disposition", "subject", "note", "recording_url", "voicemail_url", "summary", "transcript")
    return {name: value for name in names if (value := getattr(call, name))}


def _legs(records: list[Record]) -> tuple[CallLeg, ...]:
    """The legs by id, a repeated row counted once; answered ones first, where the contract does not take them all."""
    legs = {record.leg.id: record.leg for record in records}
    return tuple(sorted(legs.values(), key=lambda leg: leg.result is not CallResult.ANSWERED)[:_MAX_LEGS])


def _owner(records: list[Record]) -> str | None:
    """The user who answered, else the first one that a row names. Of a call among colleagues it is who placed it."""
    with_user = [record for record in records if record.user_id]
    if with_user and with_user[0].call.direction is CallDirection.INTERNAL:
        return with_user[0].user_id
    answered = (record for record in with_user if record.is_answered)
    return next((record.user_id for record in (*answered, *with_user)), None)


def _no_user(records: list[Record]) -> str:
    extensions = sorted({record.extension for record in records if record.extension})
    if not extensions:
        return "shows no extension of a user; give --default-user to take such calls"
    return f"no user for extension {', '.join(extensions)}; give --user {extensions[0]}=NAME or --default-user"


def _earliest(times: Iterable[datetime | None]) -> datetime | None:
    return min((time for time in times if time is not None), default=None)


def _latest(times: Iterable[datetime | None]) -> datetime | None:
    return max((time for time in times if time is not None), default=None)
