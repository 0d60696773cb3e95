"""Reads one event of a phone system, by its definition: a report of a call, or why the event is skipped.

Example: Twilio's `CallStatus=busy` of a child call is a report of the parent's call, with a leg whose result is BUSY.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import islice
from typing import Any, Final

from leadline.v1 import call_pb2

from leadline_server.domain.call import CallDirection
from leadline_server.domain.call_ids import sourced_id
from leadline_server.domain.merge import CallEvent
from leadline_server.ingress.compiled_definition import CompiledFields, CompiledIngress, CompiledKind
from leadline_server.ingress.event_values import EventValues
from leadline_server.ingress.parties import AccountParties, ReadParty
from leadline_server.wire.call import MAX_LEGS, call_event
from leadline_server.wire.mapping import time_fields
from leadline_server.wire.violations import Violations

MAX_EVENTS: Final = 100
"""The most events of one request."""

_TEXTS: Final = {"disposition": 256, "recording_url": 2048, "voicemail_url": 2048}
_ABSENT: Final[tuple[Any, ...]] = (None, "", {}, [])
_DIGEST: Final = 20  # characters of a hash that is an id


class BadEvent(Exception):
    """An event that no report can be made of. The message says why, and has nothing of the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventReading:
    """An event as it was read.

    Attributes:
        kind: the index of its kind in the definition.
        skipped: why it is skipped; empty if it is not.
        event: what it tells of its call; None if it is skipped.
        plain_id: the call's id without the source.
    """

    kind: int
    skipped: str = ""
    event: CallEvent | None = None
    plain_id: str = ""


class EventReader:
    """Reads the events of one route.

    Args:
        definition: the definition.
        source: the source that call ids carry; empty: none.
    """

    def __init__(self, definition: CompiledIngress, source: str) -> None:
        self._definition = definition
        self._source = source

    def events(self, document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """The documents that expressions read, one for each event. Raises BadEvent if there are too many or none."""
        path = self._definition.events
        events = [document["body"]] if path is None else list(path.items(document))
        if len(events) > MAX_EVENTS:
            raise BadEvent(f"the request has {len(events)} events; at most {MAX_EVENTS} are taken")
        if not events:
            raise BadEvent("the request has no events where the definition looks for them")
        return [{**document, "event": event} for event in events]

    def is_skipped(self, context: Mapping[str, Any]) -> bool:
        """Whether an event is skipped."""
        index = self._kind(context)
        return index is not None and bool(self._definition.kinds[index].skip)

    def _kind(self, context: Mapping[str, Any]) -> int | None:
        """The index of the first kind that fits."""
        kinds = enumerate(self._definition.kinds)
        return next((index for index, kind in kinds if kind.when is None or kind.when.is_true(context)), None)

    def read(self, context: Mapping[str, Any], parties: AccountParties) -> EventReading:
        """Read an event.

        Args:
            context: of `events`.
            parties: what the account's parties are.

        Raises:
            BadEvent: no kind fits, or the report breaks a rule.
        """
        index = self._kind(context)
        if index is None:
            raise BadEvent("no kind of event fits")
        kind = self._definition.kinds[index]
        if kind.skip:
            return EventReading(kind=index, skipped=kind.skip)
        plain_id = _call_id(kind.call, context)
        values = EventValues(self._definition.definition, context)
        event = _Event(values, kind, parties).read(sourced_id(self._source, plain_id), self._source)
        return EventReading(kind=index, event=event, plain_id=plain_id)


def with_call_id(event: CallEvent, call_id: str) -> CallEvent:
    """The event under another id of its call."""
    return replace(event, call_id=call_id)


def _call_id(call: CompiledFields, context: Mapping[str, Any]) -> str:
    if not call.id_parts:
        found = call.paths["id"].text(context)
        if not found:
            raise BadEvent("the event has no id of its call")
        return found
    parts = [path.text(context) for path in call.id_parts]
    if not any(parts):
        raise BadEvent("the event has none of the values that make up the call's id")
    digest = sha256("\x1f".join(parts).encode(errors="replace")).hexdigest()
    return f"call-{digest[:_DIGEST]}"


class _Event:
    """One event on its way to a report."""

    def __init__(self, values: EventValues, kind: CompiledKind, parties: AccountParties) -> None:
        self._values = values
        self._kind = kind
        self._parties = parties

    def read(self, call_id: str, source: str) -> CallEvent:
        """The report. Raises BadEvent if it breaks a rule."""
        call, values = self._kind.call, self._values
        linked_id = values.text(call, "linked_id")
        sides = {side: self._party(values, call, side) for side in ("caller", "callee")}
        fields: dict[str, Any] = {
            **self._own_fields(call),
            "linked_id": sourced_id(source, linked_id) if linked_id else "",
            "attributes": values.attributes(call),
            "direction": self._direction(call, sides),
            **{side: party.fields() for side, party in sides.items()},
        }
        assumed = {name: fields.pop(name) for name in call.assumed}
        if assumed.get("direction") is CallDirection.INBOUND:
            assumed.pop("callee", None)  # it is one of several phones; the legs say which of them answered
        if self._kind.legs is not None:
            fields["legs"] = self._legs(self._kind.legs)
        event = _checked(call_id, fields)
        legs_decide = self._kind.legs is not None
        return replace(event, assumed=_checked(call_id, assumed).fields, legs_decide=legs_decide)

    def _own_fields(self, call: CompiledFields) -> dict[str, Any]:
        values = self._values
        times = _completed(values.times(call), values.seconds(call, "duration"), values.seconds(call, "talk_time"))
        texts = {name: values.text(call, name) for name in _TEXTS}
        return {
            **times,
            **{name: text for name, text in texts.items() if len(text) <= _TEXTS[name]},  # a cut address is none
            "event_time": values.time(call, "event_time"),
            "result": values.result(call, times["answer_time"]),
            "attestation": values.attestation(call),
            "is_final": values.is_true(call, "is_final") or None,
        }

    def _direction(self, call: CompiledFields, sides: Mapping[str, ReadParty]) -> CallDirection | None:
        told = self._values.direction(call)
        if told is not None or not any(party.is_known for party in sides.values()):
            return told
        context = self._values.text(call, "context")
        by_sides = self._parties.direction(context, sides["caller"], sides["callee"])
        # A number of our own would be the caller's if the call went out.
        return by_sides or (CallDirection.INBOUND if "direction" in call.assumed else None)

    def _legs(self, legs: CompiledFields) -> list[dict[str, Any]]:
        found = list(islice(self._values.each(legs), MAX_LEGS + 1))
        if len(found) > MAX_LEGS:
            raise BadEvent(f"the event has more than {MAX_LEGS} legs")
        return [self._leg(legs, values) for values in found]

    def _leg(self, legs: CompiledFields, values: EventValues) -> dict[str, Any]:
        party = self._party(values, legs, "party")
        return {
            "id": values.text(legs, "id"),
            "party": party.fields(without_user=True),
            "user_id": party.user_id or self._parties.user_of(party),
            **values.times(legs),
            "result": values.told(values.text(legs, "result")),
        }

    def _party(self, values: EventValues, table: CompiledFields, side: str) -> ReadParty:
        texts = {name: values.text(table, f"{side}.{name}") for name in ("address", "name", "extension", "user")}
        return self._parties.read(adds_plus=values.adds_plus, **texts)


def _completed(
    times: dict[str, datetime | None], duration: int | None, talk_time: int | None
) -> dict[str, datetime | None]:
    """The times, those that are missing worked out from the end and the durations."""
    start, answer, end = times["start_time"], times["answer_time"], times["end_time"]
    if start is None and end is not None and duration is not None:
        start = end - timedelta(seconds=duration)
    if answer is None and end is not None and talk_time:
        answer = end - timedelta(seconds=talk_time)
    return {"start_time": start, "answer_time": answer, "end_time": end}


def _checked(call_id: str, fields: Mapping[str, Any]) -> CallEvent:
    """The report with these fields, by the rules of LogCall's requests. Raises BadEvent."""
    check = Violations()
    event = call_event(check, "call", call_pb2.Call(id=call_id, **_present(fields)))
    if check:
        raise BadEvent("; ".join(check.sentences()))
    return event


def _present(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that have a value, as protobuf's constructors take them."""
    return {name: _wire(value) for name, value in fields.items() if value not in _ABSENT}


def _wire(value: Any) -> Any:
    if isinstance(value, datetime):
        return time_fields(value)
    if isinstance(value, dict):
        return _present(value)
    return [_wire(part) for part in value] if isinstance(value, list) else value
