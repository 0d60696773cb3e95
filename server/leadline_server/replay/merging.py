"""One call of all the records that belong to it: pure functions over records.

A reader of files and a listener to live events can both use them.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from leadline_server.domain.call import Call, CallDirection, CallLeg, CallResult, Party
from leadline_server.domain.call_legs import earliest, latest
from leadline_server.domain.call_results import best_result
from leadline_server.replay.columns import TEXTS
from leadline_server.replay.linking import pair_name
from leadline_server.replay.records import Record

MAX_LEGS: Final = 64
"""Of the contract."""

_NEVER: Final = datetime.max.replace(tzinfo=UTC)


def merged(call_id: str, records: Sequence[Record]) -> Call:
    """One call of all its records.

    The record that was answered tells who was called, the first one the rest. The call begins with its first record,
    was answered when the first leg was, and ends with its last record.

    Args:
        call_id: of the call; records with another id, and inner halves, add their legs and say nothing else.
        records: at least one.
    """
    told = told_by(call_id, records)
    first = told[0]
    main = _answered_by(told) or first
    result = best_result(record.leg.result for record in records)
    texts = {name: value for record in reversed(told) for name, value in _texts(record.call).items()}
    return replace(
        main.call,
        id=call_id,
        caller=first.call.caller,
        direction=direction_of(told),
        linked_id=next((record.call.linked_id for record in told if record.call.linked_id), None),
        start_time=earliest(record.call.start_time for record in records),
        answer_time=_answer_time(records, main, result),
        end_time=latest(record.call.end_time for record in records),
        result=result,
        is_final=True,
        event_time=_event_time(records),
        legs=legs_of(records),
        attributes={key: value for record in reversed(told) for key, value in record.call.attributes.items()},
        **texts,
    )


def _answered_by(told: Sequence[Record]) -> Record | None:
    """The record that a user answered; else one that a queue or a menu answered."""
    answered = [record for record in told if record.is_answered]
    return next((record for record in answered if record.user_id), None) or next(iter(answered), None)


def told_by(call_id: str, records: Sequence[Record]) -> Sequence[Record]:
    """The records that tell of the call itself: those with its id that are no inner halves, else all there are."""
    own = [record for record in records if record.call.id == call_id]
    return [record for record in own if not record.is_piece] or own or records


def direction_of(told: Sequence[Record]) -> CallDirection | None:
    """The direction that the first record tells which tells one."""
    return next((record.call.direction for record in told if record.call.direction is not None), None)


def owner(call_id: str, records: Sequence[Record]) -> str | None:
    """The user who answered first, else the first one named. Of outbound and internal calls: who placed it."""
    told = told_by(call_id, records)
    if direction_of(told) in {CallDirection.OUTBOUND, CallDirection.INTERNAL}:
        placed = next((record.user_id for record in told if record.user_id), None)
        if placed:
            return placed
    with_user = [record for record in records if record.user_id]
    answered = sorted((record for record in with_user if record.is_answered), key=_answered_at)
    return next((record.user_id for record in (*answered, *with_user)), None)


def _answered_at(record: Record) -> tuple[datetime, bool]:
    """When a record was answered. At the same time the leg knows better who it was than the call."""
    return record.leg.answer_time or _NEVER, not record.is_piece


def legs_of(records: Sequence[Record], most: int | None = MAX_LEGS) -> tuple[CallLeg, ...]:
    """The legs by id; answered ones first, where the contract does not take them all.

    A repeated record counts once, and so do the two records of a Local channel.

    Args:
        records: of one call.
        most: legs that are taken; None for all.
    """
    outer = {name: record for record in records if not record.is_piece and (name := pair_name(record))}
    legs: dict[str, CallLeg] = {}
    for record in records:
        host = outer.get(pair_name(record)) if record.is_piece else None
        if host is None:
            known = legs.get(record.leg.id)
            legs[record.leg.id] = record.leg if known is None else _joined(record.leg, known)
        else:
            legs[host.leg.id] = _joined(legs.get(host.leg.id, host.leg), record.leg)
    return tuple(sorted(legs.values(), key=lambda leg: leg.result is not CallResult.ANSWERED)[:most])


def _joined(leg: CallLeg, other: CallLeg) -> CallLeg:
    """One leg of two records of it."""
    return replace(
        leg,
        user_id=leg.user_id or other.user_id,
        party=Party(
            phone_number=leg.party.phone_number or other.party.phone_number,
            name=leg.party.name or other.party.name,
            extension=leg.party.extension or other.party.extension,
        ),
        start_time=earliest((leg.start_time, other.start_time)),
        answer_time=earliest((leg.answer_time, other.answer_time)),
        end_time=latest((leg.end_time, other.end_time)),
        result=best_result((leg.result, other.result)),
    )


def _answer_time(records: Sequence[Record], main: Record, result: CallResult | None) -> datetime | None:
    if result is not CallResult.ANSWERED:
        return main.call.answer_time
    return earliest(record.call.answer_time for record in records if record.is_answered)


def _event_time(records: Sequence[Record]) -> datetime | None:
    """The latest, where every record has one: else the report is to count as the newest."""
    times = [record.call.event_time for record in records]
    return None if None in times else latest(times)


def _texts(call: Call) -> dict[str, Any]:
    return {name: value for name in TEXTS if (value := getattr(call, name))}
