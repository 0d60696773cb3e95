"""One call of several that the phone system reports under ids of their own. Pure functions over calls.

Example: the caller of call "17.1" reaches a queue, and the queue rings Alice ("17.2") and Bob ("17.3"). The joined call
has the legs "17.1", "17.2" and "17.3". Bob answers, so the call is ANSWERED, and its callee is Bob.

Each call that joined is a leg, so its own news changes its own leg only. The times, the result and the own side of the
joined call follow from these legs. All other fields merge as in one call.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from leadline_server.domain.call import Call, CallDirection, CallLeg, CallResult, Party
from leadline_server.domain.call_results import best_result
from leadline_server.domain.errors import FieldViolation, InvalidRequest
from leadline_server.domain.merge import CallEvent, Stamps, merge
from leadline_server.domain.numbers.numbering_rules import RulesOrRegion
from leadline_server.domain.numbers.phone_number import PhoneNumber

MAX_LINKED: Final = 256
"""How many calls join one log. A further one gets a log of its own."""

MAX_LISTED_LEGS: Final = 64
"""How many legs a call lists. Those of joined calls beyond it are counted."""

_MOST_LEGS: Final = 2 * MAX_LINKED
_TIMES: Final = ("start_time", "answer_time", "end_time")
_PARTY: Final = ("phone_number", "name", "extension", "user_id")
_SHARED: Final = (
    "disposition",
    "subject",
    "note",
    "recording_url",
    "voicemail_url",
    "summary",
    "transcript",
    "attestation",
)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedCall:
    """A call that joined others: its id, whether it is final, and the earliest event time of a final report."""

    id: str
    is_final: bool = False
    ended: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedCalls:
    """The calls that share a log.

    Attributes:
        stored_id: the id that the ledger and the CRM know the log by. It never changes.
        calls: the calls, the first stored first. `LinkedCall.id` is also the id of the call's leg.
        omitted_legs: the legs that the call does not list.
    """

    stored_id: str
    calls: tuple[LinkedCall, ...]
    omitted_legs: tuple[CallLeg, ...] = ()


class Conversation(NamedTuple):
    """A call with the stamps of its fields, and with the calls that have joined it."""

    call: Call
    stamps: Stamps
    joined: JoinedCalls


def opened(call: Call, stamps: Stamps, joined: JoinedCalls | None, user_id: str) -> Conversation:
    """The call with all its legs listed. A call that has not joined yet gets a leg of its own, of user `user_id`."""
    if joined is not None:
        return Conversation(replace(call, legs=(*call.legs, *joined.omitted_legs)), stamps, joined)
    paths = _leg_paths(call.direction)
    own_stamps = {leg_path: stamps.fields[path] for path, leg_path in paths.items() if path in stamps.fields}
    part = LinkedCall(id=call.id, is_final=call.is_final is True, ended=stamps.ended)
    return Conversation(
        replace(call, legs=(*(leg for leg in call.legs if leg.id != call.id), _own_leg(call, user_id))),
        Stamps(
            fields={path: stamp for path, stamp in stamps.fields.items() if path not in paths},
            attributes=stamps.attributes,
            legs={**stamps.legs, call.id: {**stamps.legs.get(call.id, {}), **own_stamps}},
        ),
        JoinedCalls(stored_id=call.id, calls=(part,)),
    )


def with_report(known: Conversation, event: CallEvent, user_id: str) -> Conversation:
    """The conversation after a report of one of its calls, by user `user_id`.

    Raises:
        InvalidRequest: the call would have too many legs or attributes.
    """
    part = next(part for part in known.joined.calls if part.id == event.call_id)
    paths = _leg_paths(event.fields.get("direction") or known.call.direction)
    own = {paths[path]: value for path, value in event.fields.items() if path in paths}
    news = replace(
        event,
        fields={path: value for path, value in event.fields.items() if path not in paths},
        legs={**event.legs, part.id: {"user_id": _user_of(known.call, part.id) or user_id} | own},
    )
    # Whether a report comes after a final one is a matter of its own call, not of the others.
    before = replace(known.call, is_final=part.is_final or None)
    call, stamps = merge(before, replace(known.stamps, ended=part.ended), news)
    if len(call.legs) > _MOST_LEGS:
        raise InvalidRequest([FieldViolation("call.legs", f"calls that joined have at most {_MOST_LEGS} legs")])
    after = replace(part, is_final=call.is_final is True, ended=stamps.ended)
    calls = tuple(after if one is part else one for one in known.joined.calls)
    return _summed(call, replace(stamps, ended=None), replace(known.joined, calls=calls))


def united(base: Conversation, part: Conversation, *, is_first: bool) -> Conversation | None:
    """One conversation of two; None if it would be too large. `base` keeps its stored id.

    Args:
        base: gets the news of the other.
        part: the other.
        is_first: whether `base` was stored first.
    """
    calls = (*base.joined.calls, *part.joined.calls) if is_first else (*part.joined.calls, *base.joined.calls)
    own = {one.id for one in part.joined.calls}
    legs = {leg.id: leg for leg in part.call.legs}
    legs |= {leg.id: leg for leg in base.call.legs if leg.id not in own or leg.id not in legs}
    if len(calls) > MAX_LINKED or len(legs) > _MOST_LEGS:
        return None
    before = replace(base.call, is_final=None, legs=tuple(legs.values()))
    call, stamps = merge(before, replace(base.stamps, ended=None), _shared_news(part.call))
    stamps_of_legs = {**part.stamps.legs, **base.stamps.legs}
    stamps_of_legs |= {name: part.stamps.legs[name] for name in own & part.stamps.legs.keys()}
    stamps = replace(stamps, ended=None, legs=stamps_of_legs)
    return _summed(call, stamps, replace(base.joined, calls=calls))


def without_spelling(
    event: CallEvent, call: Call, number: PhoneNumber, user_id: str, rules: RulesOrRegion
) -> CallEvent:
    """The event without the other party's number if it is `number`, however each phone system spells that."""
    path = f"{_other_side(call.direction)}.phone_number"
    text = event.fields.get(path)
    if not text or event.fields.get("direction", call.direction) is not call.direction:
        return event
    party = replace(getattr(call, _other_side(call.direction)), phone_number=text)
    reported = replace(call, **{_other_side(call.direction): party}).number_of_counterpart(user_id, rules)
    if reported.key != number.key:
        return event
    return replace(event, fields={name: value for name, value in event.fields.items() if name != path})


def _summed(call: Call, stamps: Stamps, joined: JoinedCalls) -> Conversation:
    """The conversation with the fields that follow from its legs, and with no more legs listed than there may be."""
    ids = {part.id for part in joined.calls}
    own = [leg for leg in call.legs if leg.id in ids]
    legs = sorted(call.legs, key=lambda leg: (leg.result is not CallResult.ANSWERED, leg.id))
    listed = sorted(legs[:MAX_LISTED_LEGS], key=lambda leg: leg.id)
    fields: dict[str, Any] = {
        "id": call.linked_id if call.linked_id in ids else joined.calls[0].id,
        "start_time": _earliest(leg.start_time for leg in own),
        "answer_time": _earliest(leg.answer_time for leg in own),
        "end_time": max((leg.end_time for leg in own if leg.end_time), default=None),
        "result": best_result(leg.result for leg in own),
        "is_final": all(part.is_final for part in joined.calls) or None,
        "legs": tuple(listed),
        _own_side(call.direction): _main_leg(own).party,
    }
    omitted = tuple(legs[MAX_LISTED_LEGS:])
    return Conversation(replace(call, **fields), stamps, replace(joined, omitted_legs=omitted))


def _main_leg(legs: Sequence[CallLeg]) -> CallLeg:
    """The leg that tells who of the account spoke: the first that was answered, else the first."""
    return min(legs, key=lambda leg: (not leg.is_answered, leg.answer_time or leg.start_time or _NEVER, leg.id))


def _own_leg(call: Call, user_id: str) -> CallLeg:
    listed = next((leg for leg in call.legs if leg.id == call.id), CallLeg(id=call.id))
    party = getattr(call, _own_side(call.direction))
    return replace(
        listed,
        user_id=listed.user_id or user_id,
        party=listed.party if party == Party() else party,
        **{name: getattr(call, name) or getattr(listed, name) for name in (*_TIMES, "result")},
    )


def _user_of(call: Call, leg_id: str) -> str | None:
    return next((leg.user_id for leg in call.legs if leg.id == leg_id), None)


def _shared_news(call: Call) -> CallEvent:
    """The fields of a call that joins, as a report: all but those of its leg, and but the number that joins it."""
    other = _other_side(call.direction)
    fields = {name: value for name in _SHARED if (value := getattr(call, name)) is not None}
    name = getattr(call, other).name
    if name is not None:
        fields[f"{other}.name"] = name
    return CallEvent(
        call_id=call.id,
        fields=fields,
        attributes=dict(call.attributes),
        event_time=call.event_time,
        is_final=call.is_final,
    )


def _leg_paths(direction: CallDirection | None) -> Mapping[str, str]:
    """The fields of a call that belong to its leg: {"result": "result", "callee.name": "party.name", ...}."""
    own = _own_side(direction)
    return {name: name for name in (*_TIMES, "result")} | {f"{own}.{name}": f"party.{name}" for name in _PARTY}


def _own_side(direction: CallDirection | None) -> str:
    return "callee" if direction is CallDirection.INBOUND else "caller"


def _other_side(direction: CallDirection | None) -> str:
    return "caller" if direction is CallDirection.INBOUND else "callee"


def _earliest(times: Iterable[datetime | None]) -> datetime | None:
    return min((time for time in times if time is not None), default=None)


def joined_fields(joined: JoinedCalls, call_id: str) -> dict[str, Any]:
    """The fields of a call log that show which calls joined the call."""
    ids = tuple(part.id for part in joined.calls if part.id != call_id)
    return {"joined": joined, "linked_call_ids": ids, "omitted_leg_count": len(joined.omitted_legs)}
