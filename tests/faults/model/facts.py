"""What is known of a call after its reports (docs/flow.md, "Reports"), over flat names of fields.

A field is a path such as "subject", "caller.name", "attributes.queue" or "legs.l1.result", and a report is a mapping of
paths to values, in which None clears. Unset fields have no entry in `Facts.values`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from google.protobuf.timestamp_pb2 import Timestamp
from leadline.v1.call_pb2 import Call

T0: Final = datetime(2031, 5, 5, 9, 0, tzinfo=UTC)
"""When the phone system's events happen: so many minutes after this."""

DECISIVE: Final = ("direction", "result", "attestation", "caller.", "callee.")
"""Fields that a decision rests on, beside `is_final` and the user."""

ENUMS: Final = {"direction": "CALL_DIRECTION_", "result": "CALL_RESULT_", "attestation": "ATTESTATION_"}


class Report(NamedTuple):
    """One report: who tells, what of, when it happened (minutes after T0; None: not said), and whether it is final."""

    user: str
    said: Mapping[str, Any]
    minute: int | None = None
    final: bool | None = None


class Told(NamedTuple):
    """When a field was last told of, by the phone system's time, and whether in a final report."""

    minute: int | None
    final: bool


@dataclass
class Facts:
    """The known facts of a call, and its user.

    Attributes:
        user: whose log it is.
        has_answered: whether that user's leg is known to have been answered.
        values: the fields that are set.
        told: when each was last told of.
        legs: the ids of the legs that were ever reported.
        minute: the latest event's time.
        final: what was last said of being final; once true it stays.
        final_minute: the time of the earliest final report that had one.
    """

    user: str = ""
    has_answered: bool = False
    values: dict[str, Any] = field(default_factory=dict)
    told: dict[str, Told] = field(default_factory=dict)
    legs: frozenset[str] = frozenset()
    minute: int | None = None
    final: bool | None = None
    final_minute: int | None = None

    def copy(self) -> "Facts":
        return Facts(
            user=self.user,
            has_answered=self.has_answered,
            values=dict(self.values),
            told=dict(self.told),
            legs=self.legs,
            minute=self.minute,
            final=self.final,
            final_minute=self.final_minute,
        )

    def after(self, report: Report) -> "Facts":
        """The facts after one more report."""
        new = self.copy()
        for path, value in report.said.items():
            if self._gives_way(path, report):
                new.take(path, value, report)
        new.legs |= {path.split(".")[1] for path in report.said if path.startswith("legs.")}
        if report.minute is not None:
            new.minute = max(report.minute, self.minute or 0)
            if report.final:
                new.final_minute = min(report.minute, report.minute if self.final_minute is None else self.final_minute)
        if not self.final and report.final is not None:
            new.final = report.final
        new.hand_over(self, report)
        return new

    def _gives_way(self, path: str, report: Report) -> bool:
        """Whether what is known of a field gives way to what the report says of it."""
        told = self.told.get(path, Told(None, False))
        if bool(report.final) != told.final:
            return bool(report.final)  # what a final report says outranks all others
        if self.final and not report.final:  # it only fills what is unset, unless it was held up on its way
            if not self._is_before_the_end(report):
                return path not in self.values and report.said[path] is not None
            if told.minute is None:
                return path not in self.values
        if report.minute is not None and told.minute is not None:
            return report.minute >= told.minute  # the newest event wins
        return True  # the last to arrive wins

    def _is_before_the_end(self, report: Report) -> bool:
        """Whether a report that arrives after the final one tells of what happened before that."""
        return report.minute is not None and self.final_minute is not None and report.minute <= self.final_minute

    def take(self, path: str, value: Any, report: Report) -> None:
        """A field is as the report says."""
        if value is None:
            self.values.pop(path, None)
        else:
            self.values[path] = value
        known = self.told.get(path, Told(None, False)).minute
        self.told[path] = Told(known if report.minute is None else report.minute, bool(report.final))

    def hand_over(self, before: "Facts", report: Report) -> None:
        """A reporter whose leg was answered takes the log over from one whose leg was not."""
        if not before.user:
            self.user = report.user
            self.has_answered = self._says_answered(report)
            return
        had_answered = before.has_answered or self._leg_answered(self.user)
        is_answered = self._says_answered(report)
        if is_answered and not had_answered:
            self.user = report.user
        self.has_answered = had_answered or (is_answered and report.user == self.user)

    def _says_answered(self, report: Report) -> bool:
        """Whether the reporter's leg was answered: by its legs if it has some, else by what the report itself says."""
        if any(self.values.get(f"legs.{leg}.user_id") == report.user for leg in self.legs):
            return self._leg_answered(report.user)
        if any(path.startswith("legs.") for path in report.said):
            return False
        return report.said.get("result") == "ANSWERED" or report.said.get("answer_time") is not None

    def _leg_answered(self, user: str) -> bool:
        return any(
            self.values.get(f"legs.{leg}.user_id") == user
            and (self.values.get(f"legs.{leg}.result") == "ANSWERED" or f"legs.{leg}.answer_time" in self.values)
            for leg in self.legs
        )

    @property
    def other_side(self) -> str:
        """Which party is looked up: caller or callee, never the log's own user."""
        direction = self.values["direction"]
        if direction == "INTERNAL":
            return "caller" if self._is_called() else "callee"
        return "caller" if direction == "INBOUND" else "callee"

    def _is_called(self) -> bool:
        callee, caller = self.values.get("callee.user_id"), self.values.get("caller.user_id")
        return caller not in (None, self.user) if callee is None else callee == self.user

    @property
    def address(self) -> str:
        """The other party's number, else its extension, else nothing."""
        side = self.other_side
        return self.values.get(f"{side}.phone_number") or self.values.get(f"{side}.extension") or ""

    @property
    def caller_id(self) -> str | None:
        """The other party's caller-ID name."""
        return self.values.get(f"{self.other_side}.name")

    @property
    def inputs(self) -> tuple[Any, ...]:
        """The facts that a decision depends on."""
        told = {path: value for path, value in self.values.items() if path.startswith(DECISIVE)}
        return self.user, self.final, sorted(told.items())

    @property
    def content(self) -> tuple[Any, ...]:
        """The facts that the CRM shows."""
        return self.user, sorted(self.values.items(), key=lambda item: item[0]), sorted(self.legs)

    def message(self, call_id: str) -> Call:
        """The call as the contract shows it."""
        legs = {leg: {f"legs.{leg}.id": leg} for leg in sorted(self.legs)}
        call = Call(id=call_id)
        for path, value in self.values.items():
            _set(call, path, value, sorted(self.legs))
        _name_legs(call, legs)
        if self.minute is not None:
            call.event_time.CopyFrom(at_minute(self.minute))
        if self.final is not None:
            call.is_final = self.final
        return call


def report_message(call_id: str, report: Report) -> Call:
    """A report as it is sent. A field that it clears is in the message, and empty."""
    legs = sorted({path.split(".")[1] for path in report.said if path.startswith("legs.")})
    call = Call(id=call_id)
    for path, value in report.said.items():
        _set(call, path, value, legs)
    _name_legs(call, legs)
    if report.minute is not None:
        call.event_time.CopyFrom(at_minute(report.minute))
    if report.final is not None:
        call.is_final = report.final
    return call


def at_minute(minute: int) -> Timestamp:
    """So many minutes after T0; the contract's way to say "cleared" where it is negative."""
    time = Timestamp()
    time.FromDatetime(T0 + timedelta(minutes=minute))
    return time


def _name_legs(call: Call, legs: Any) -> None:
    for index, leg in enumerate(legs):
        while len(call.legs) <= index:
            call.legs.add()
        call.legs[index].id = leg


def _set(call: Call, path: str, value: Any, legs: list[str]) -> None:
    head, _, rest = path.partition(".")
    if head == "attributes":
        call.attributes[rest] = value or ""
        return
    message: Any = call
    if head == "legs":
        leg, _, rest = rest.partition(".")
        index = legs.index(leg)
        while len(call.legs) <= index:
            call.legs.add()
        message = call.legs[index]
    elif rest:
        message = getattr(call, head)
    _set_field(message, rest or head, value)


def _set_field(message: Any, name: str, value: Any) -> None:
    if name.endswith("_time"):
        getattr(message, name).CopyFrom(Timestamp() if value is None else at_minute(value))
    elif name in ENUMS:
        enum = message.DESCRIPTOR.fields_by_name[name].enum_type
        setattr(message, name, 0 if value is None else enum.values_by_name[ENUMS[name] + value].number)
    else:
        setattr(message, name, value or "")
