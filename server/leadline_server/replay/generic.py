"""Reads the texts of one row, by the fields of leadline's own form, as a record.

The readers of other phone systems' exports make such texts of their columns. Every field is optional but the start;
docs/call-records.md describes them.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from leadline_server.domain.call import Call, CallDirection, CallResult, Party
from leadline_server.replay.clock_texts import has_no_time
from leadline_server.replay.columns import ATTRIBUTE_PREFIX, TEXTS
from leadline_server.replay.parties import read_party
from leadline_server.replay.records import BadRow, RawRow, Record, attributes_of, with_one_leg
from leadline_server.replay.rules import Rules, Target
from leadline_server.replay.times import Hints, Span
from leadline_server.replay.values import Values, is_damaged
from leadline_server.replay.words import Told, read_direction, read_result
from leadline_server.replay.zones import epoch_of

TIME_FIELDS: Final = ("start_time", "answer_time", "end_time", "event_time")
ID_FIELD: Final = "id"

# These fields identify a row that has no id of its own.
_IDENTITY: Final = (
    *("id", "caller_number", "caller_extension", "callee_number", "callee_extension", "start_time", "end_time"),
    *("number", "extension", "direction", "duration", "talk_time"),
)
_OUTSIDE: Final = {
    CallDirection.INBOUND: "caller",
    CallDirection.OUTBOUND: "callee",
    CallDirection.INTERNAL: None,
    None: None,
}
_is_time_of_day = re.compile(r"\d{1,2}[:.]\d\d.*").fullmatch
_VOICEMAIL_BOX: Final = re.compile(r"voice ?mail|vmail", re.IGNORECASE)


def read_record(row: RawRow, rules: Rules) -> Record:
    """The record of a row.

    Raises:
        BadRow: its start or its direction cannot be read.
    """
    return _Reading(row, rules).record()


def joined_times(values: Mapping[str, str]) -> dict[str, str]:
    """The values with `date` and `time` put together as `start_time`, and times of day on that date."""
    found = {name: value for name, value in values.items() if name not in {"date", "time"}}
    date, time = values.get("date", ""), values.get("time", "")
    start = found.get("start_time", "")
    if date and (not start or _is_time_of_day(start)):
        start = f"{date} {start or time}".strip()
    for name in ("answer_time", "end_time"):
        if date and _is_time_of_day(found.get(name, "")):
            found[name] = f"{date} {found[name]}"
    return {**found, "start_time": start or time}


class _Reading:
    """One row on its way to a record."""

    def __init__(self, row: RawRow, rules: Rules) -> None:
        self._row = row
        self._rules = rules
        self._values = Values(row.values)
        self._implied: CallResult | None = None
        self._direction = self._told_direction()
        self._caller = self._party("caller", is_ours=self._direction is not CallDirection.INBOUND)
        self._callee = self._party("callee", is_ours=self._direction is not CallDirection.OUTBOUND)

    def record(self) -> Record:
        """The record."""
        values = self._values
        direction = self._direction or self._direction_by_sides()
        own = self._callee if direction is CallDirection.INBOUND else self._caller
        user_id = values.text("user_id") or own.user_id
        if direction is CallDirection.INTERNAL:
            user_id = user_id or self._callee.user_id
        call = self._call(direction)
        return Record(
            line=self._row.line,
            size=self._row.size,
            call=with_one_leg(call, values.text("leg_id") or f"leg-{self._digest()}", user_id),
            user_id=user_id,
            extension=own.extension or "",
            is_piece=bool(values.text("is_piece")),
            channel=values.text("channel"),
            peer_channel=values.text("peer_channel"),
            dials_own_number=(self._callee.phone_number or "") in self._rules.own_numbers,
            shown_number=self._caller.phone_number or "",
            notes=tuple(values.notes),
        )

    def _call(self, direction: CallDirection | None) -> Call:
        told = self._told_result()
        span, is_absolute = self._span(told)
        texts: dict[str, Any] = {name: text for name in TEXTS if (text := self._values.text(name))}
        return Call(
            id=self._id() or f"cdr-{self._digest()}",
            linked_id=self._values.text("linked_id") or None,
            direction=direction,
            caller=self._caller,
            callee=self._callee,
            start_time=span.start,
            answer_time=span.answer,
            end_time=span.end,
            result=self._result(told, span),
            event_time=self._event_time() or ((span.end or span.start) if is_absolute else None),
            attributes=attributes_of(**self._attributes()),
            **texts,
        )

    def _told_direction(self) -> CallDirection | None:
        """The direction that a word tells, or the dial plan's context."""
        word = self._values.text("direction")
        if not word:
            return self._rules.default_direction if self._values.text("number") else None
        told = read_direction(word)
        if told is None:
            raise BadRow(f"unknown direction {word[:40].upper()!r}; known: inbound, outbound, internal, missed")
        direction, self._implied = told
        return direction

    def _party(self, side: str, *, is_ours: bool) -> Party:
        """One side. `number`, `name` and `extension` are the outside's, and ours, where the direction says which."""
        values, rules = self._values, self._rules
        outside = _OUTSIDE.get(self._direction)
        shared = {"number": outside == side, "name": outside == side, "extension": outside not in {None, side}}
        number = values.text(f"{side}_number") or (values.text("number") if shared["number"] else "")
        name, number = read_party(number)
        name = values.text(f"{side}_name") or (values.text("name") if shared["name"] else "") or name
        extension = values.text(f"{side}_extension") or (values.text("extension") if shared["extension"] else "")
        if is_ours and rules.is_extension(number):
            number, extension = "", extension or number
        if is_damaged(number):
            values.note(f"the {side}'s number {number[:40]!r} was damaged by a spreadsheet")
        return Party(
            phone_number=number or None,
            name=name or None,
            extension=extension or None,
            user_id=rules.user_of(extension),
        )

    def _direction_by_sides(self) -> CallDirection | None:
        """By the context, then by which side has an extension, or a number that looks like one."""
        ours = {
            side: bool(party.extension)
            or self._rules.target(party.phone_number or "") is Target.FEATURE_CODE
            or (party.phone_number or "") in self._rules.own_numbers
            for side, party in (("caller", self._caller), ("callee", self._callee))
        }
        context = self._values.text("context")
        return self._rules.direction(context, caller_is_ours=ours["caller"], callee_is_ours=ours["callee"])

    def _told_result(self) -> Told:
        word = self._values.text("result")
        told = read_result(word)
        if not told.is_known and not told.is_ended:
            self._values.note(f"result {word[:40]!r} is not known")
        return told

    def _result(self, told: Told, span: Span) -> CallResult | None:
        """The column's word; without one, a call with an answer time or a talk time was answered."""
        if self._direction is not CallDirection.OUTBOUND and _VOICEMAIL_BOX.search(self._callee.name or ""):
            return CallResult.VOICEMAIL
        is_answered = span.answer is not None or bool(self._values.seconds("talk_time"))
        if told.is_ended and is_answered:
            return CallResult.ANSWERED
        if told.is_ended:  # without a column that tells it, nothing says that it was not answered
            return CallResult.NO_ANSWER if {"answer_time", "talk_time"} & self._row.values.keys() else None
        if told.result or self._implied:
            return told.result or self._implied
        return CallResult.ANSWERED if is_answered else None

    def _span(self, told: Told) -> tuple[Span, bool]:
        """The times, those that are missing worked out from the durations; and whether they need no zone."""
        values = self._values
        duration, talk, ring = (values.seconds(name) for name in ("duration", "talk_time", "ring_time"))
        began = epoch_of(values.text("id"))
        span, is_absolute = values.span(self._rules, Hints(duration=duration, talk_time=talk, began=began))
        answer, end = span.answer, span.end
        if answer is None and ring is not None and (told.result is CallResult.ANSWERED or talk):
            answer = span.start + timedelta(seconds=ring)
        if end is None and duration is not None:
            end = span.start + timedelta(seconds=duration)
        if end is None and talk is not None:
            end = (answer or span.start + timedelta(seconds=ring or 0)) + timedelta(seconds=talk)
        if answer is None and end is not None and talk:
            answer = max(span.start, end - timedelta(seconds=talk))
        return Span(span.start, answer, end), is_absolute

    def _id(self) -> str:
        written = self._values.text("id")
        if is_damaged(written):
            self._values.note(f"the id {written[:40]!r} was damaged by a spreadsheet")
            return ""
        return written

    def _event_time(self) -> datetime | None:
        """When the record was written, where the text says its offset: another zone must not make it newer."""
        text = self._values.text("event_time")
        if has_no_time(text):
            return None
        local = self._values.clock("event_time", self._rules.date_order)
        return local.astimezone(UTC) if local is not None and local.tzinfo is not None else None

    def _attributes(self) -> dict[str, str]:
        prefixed = {name.removeprefix(ATTRIBUTE_PREFIX): name for name in self._row.values if ATTRIBUTE_PREFIX in name}
        return {name: self._values.text(column) for name, column in prefixed.items()}

    def _digest(self) -> str:
        identity = "\x1f".join(self._row.values.get(name, "") for name in _IDENTITY)
        return hashlib.sha256(identity.encode(errors="replace")).hexdigest()[:20]
