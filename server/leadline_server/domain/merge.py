"""Merges the reports of one call.

A report names only the fields that it has news of. The rules for each field:

- a value of a final report beats a value of any other report;
- else the newest `event_time` wins; without event times the last report to arrive wins;
- a report that comes after a final one, and is not final itself, only fills unset fields. "After" means by
  `event_time` if both have one, else by arrival.

So the order of arrival does not matter if every report has an `event_time` and none is later than the final one.

Example: a report of 12:00 says result BUSY. A report of 11:59 arrives later and says NO_ANSWER. The call stays BUSY.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from leadline_server.domain.call import Call, CallLeg, Party
from leadline_server.domain.call_legs import told_by_legs
from leadline_server.domain.errors import FieldViolation, InvalidRequest
from leadline_server.domain.fast_init import fast_init, maker
from leadline_server.domain.unshown import unshown

MAX_ATTRIBUTES: Final = 64
"""Attributes of one call, whichever reports brought them."""

MAX_CLEARED: Final = 64
"""Attributes without a value whose stamps a call keeps."""

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


class Stamp(NamedTuple):
    """When a field was last written, and whether by a final report. No stamp: no time, and not final."""

    time: datetime | None = None
    final: bool = False


_UNSTAMPED = Stamp()

FieldStamps = Mapping[str, Stamp]


@fast_init
@dataclass(frozen=True, slots=True, kw_only=True)
class Stamps:
    """The stamps of a call's fields, of its attributes by key, and of its legs' fields by leg id.

    `ended` is the earliest `event_time` of a final report; None if there is none.
    """

    fields: FieldStamps = field(default_factory=dict)
    attributes: FieldStamps = field(default_factory=dict)
    legs: Mapping[str, FieldStamps] = field(default_factory=dict)
    ended: datetime | None = None


@fast_init
@unshown
@dataclass(frozen=True, slots=True, kw_only=True)
class CallEvent:
    """The news of a call in one report.

    `fields` and the inner mappings of `legs` have field names as keys; a party's are `caller.name` and the like. None
    clears a field. `is_final` and `event_time` belong to the report itself, so they are not among the fields.

    `assumed` has fields that the report does not tell, and that are likely. They count while no report has told such a
    field, and every report that tells it beats them. `legs_decide` says that the phone system reports each leg
    for itself: the call's result, its times and its end follow from its legs (`call_legs`).

    Example: `CallEvent(call_id="c-1", fields={"result": CallResult.BUSY, "caller.name": None})`.
    """

    call_id: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, str | None] = field(default_factory=dict)
    legs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    event_time: datetime | None = None
    is_final: bool | None = None
    assumed: Mapping[str, Any] = field(default_factory=dict)
    legs_decide: bool = False


class Merged(NamedTuple):
    """A call after a report, and the stamps that the next report is merged by."""

    call: Call
    stamps: Stamps


_OF_PARTIES: Final = {
    f"{side}.{name}": (side, name)
    for side in ("caller", "callee")
    for name in ("phone_number", "name", "extension", "user_id")
}
"""The fields of parties by their paths. Names that are made anew from a path are compared letter by letter later."""

_new_call: Final = maker(Call)
_new_party: Final = maker(Party)
_new_stamp: Final = maker(Stamp)
_new_stamps: Final = maker(Stamps)
_merged_into: Final = maker(Merged)
new_call_event: Final = maker(CallEvent)


def merge(call: Call | None, stamps: Stamps, event: CallEvent) -> Merged:
    """The call and its stamps after `event`. `call` is None for the first report."""
    merged = _merged(call, stamps, event)
    return Merged(told_by_legs(merged.call), merged.stamps) if event.legs_decide else merged


def _merged(call: Call | None, stamps: Stamps, event: CallEvent) -> Merged:
    # A call that its legs ended may still get news of its other legs, so it is not settled for them.
    is_settled = call is not None and call.is_final is True and not event.legs_decide
    rule = _Rule(event, stamps.ended, is_settled=is_settled)
    if call is None:
        return _first(rule, event)
    changes, field_stamps = rule.merge_fields(call, stamps.fields, event.fields)
    changes["attributes"], attribute_stamps = rule.merge_attributes(
        call.attributes, stamps.attributes, event.attributes
    )
    changes["legs"], leg_stamps = _merge_legs(rule, call.legs, stamps.legs, event.legs)
    changes["is_final"] = call.is_final or (call.is_final if event.is_final is None else event.is_final)
    changes["event_time"] = _later(call.event_time, event.event_time)
    ended = _earlier(stamps.ended, event.event_time) if event.is_final else stamps.ended
    merged = _with_assumed(replace(call, **changes), field_stamps, event.assumed)
    return Merged(merged, Stamps(fields=field_stamps, attributes=attribute_stamps, legs=leg_stamps, ended=ended))


def _with_assumed(call: Call, stamps: FieldStamps, assumed: Mapping[str, Any]) -> Call:
    """The call with those assumed fields that no report has told so far."""
    taken = {path: value for path, value in assumed.items() if path not in stamps and _read(call, path) is None}
    return replace(call, **_changes(call, taken)) if taken else call


def _first(rule: "_Rule", event: CallEvent) -> Merged:
    """The call of a first report. All of its values win, so nothing is compared."""
    own: dict[str, Any] = {}
    parties: dict[str, dict[str, Any]] = {"caller": {}, "callee": {}}
    for path, value in ({**event.assumed, **event.fields} if event.assumed else event.fields).items():
        if (place := _OF_PARTIES.get(path)) is None:
            own[path] = value
        else:
            party, name = place
            parties[party][name] = value
    attributes, attribute_stamps = rule.merge_attributes({}, {}, event.attributes)
    legs, leg_stamps = _merge_legs(rule, (), {}, event.legs)
    call = _new_call(
        id=event.call_id,
        caller=_new_party(**parties["caller"]),
        callee=_new_party(**parties["callee"]),
        attributes=attributes,
        legs=legs,
        is_final=event.is_final,
        event_time=event.event_time,
        **own,
    )
    ended = event.event_time if event.is_final else None
    stamps = rule.stamped({}, event.fields)
    return _merged_into(call, _new_stamps(fields=stamps, attributes=attribute_stamps, legs=leg_stamps, ended=ended))


class _Rule:
    """Decides which values of one event win."""

    def __init__(self, event: CallEvent, ended: datetime | None, *, is_settled: bool) -> None:
        self._stamp = _new_stamp(event.event_time, event.is_final is True)
        self._is_late = is_settled and not event.is_final
        self._is_held_up = ended is not None and event.event_time is not None and event.event_time <= ended

    def merge_fields(
        self, record: Call | CallLeg, stamps: FieldStamps, news: Mapping[str, Any]
    ) -> tuple[dict[str, Any], FieldStamps]:
        """The fields of the record that the news changes, with their new values; and the new stamps."""
        won = {path: value for path, value in news.items() if self._wins(value, stamps.get(path), _read(record, path))}
        return _changes(record, won), self.stamped(stamps, won)

    def merge_attributes(
        self, values: Mapping[str, str], stamps: FieldStamps, news: Mapping[str, str | None]
    ) -> tuple[Mapping[str, str], FieldStamps]:
        """The attributes with the news that wins, and their stamps."""
        if not news:
            return values, stamps
        won = {key: value for key, value in news.items() if self._wins(value, stamps.get(key), values.get(key))}
        after = {key: value for key, value in {**values, **won}.items() if value is not None}
        if len(after) > MAX_ATTRIBUTES:
            raise InvalidRequest(
                [
                    FieldViolation(
                        "call.attributes",
                        f"A call has at most {MAX_ATTRIBUTES} attributes; with this report it would have {len(after)}.",
                    )
                ]
            )
        return after, _bounded(self.stamped(stamps, won), after)

    def _wins(self, value: object, old: Stamp | None, current: object) -> bool:
        was, now = old or _UNSTAMPED, self._stamp
        if now.final != was.final:
            return now.final
        if self._is_late and not self._is_held_up:
            return current is None and value is not None
        if self._is_late and was.time is None:
            return current is None
        return was.time is None or now.time is None or now.time >= was.time

    def stamped(self, stamps: FieldStamps, won: Mapping[str, Any]) -> FieldStamps:
        """The stamps after the values in `won` were taken over."""
        if not won or (self._stamp == _UNSTAMPED and not stamps):
            return stamps
        if not stamps:
            return dict.fromkeys(won, self._stamp)
        after = dict(stamps)
        for path in won:
            # News without a time keeps the field's old time, so that news older than that stays outdated.
            stamp = Stamp(self._stamp.time or stamps.get(path, _UNSTAMPED).time, self._stamp.final)
            if stamp != _UNSTAMPED:
                after[path] = stamp
        return after


def _bounded(stamps: FieldStamps, values: Mapping[str, str]) -> FieldStamps:
    """The stamps of the attributes, with those of at most MAX_CLEARED attributes that have no value: the newest ones.

    An attribute that was cleared keeps its stamp, so that a late report does not set it again. Without a bound, reports
    that clear ever new keys would grow the call for ever, and no client could see it.
    """
    cleared = [key for key in stamps if key not in values]
    if len(cleared) <= MAX_CLEARED:
        return stamps
    cleared.sort(key=lambda key: stamps[key].time or _LONG_AGO)
    dropped = set(cleared[: len(cleared) - MAX_CLEARED])
    return {key: stamp for key, stamp in stamps.items() if key not in dropped}


def _merge_legs(
    rule: _Rule, legs: tuple[CallLeg, ...], stamps: Mapping[str, FieldStamps], news: Mapping[str, Mapping[str, Any]]
) -> tuple[tuple[CallLeg, ...], Mapping[str, FieldStamps]]:
    if not news:
        return legs, stamps
    by_id = {leg.id: leg for leg in legs}
    after = dict(stamps)
    for leg_id, fields in news.items():
        leg = by_id.get(leg_id) or CallLeg(id=leg_id)
        changes, leg_stamps = rule.merge_fields(leg, stamps.get(leg_id, {}), fields)
        by_id[leg_id] = replace(leg, **changes)
        if leg_stamps:
            after[leg_id] = leg_stamps
    # Sorted, so that the order of the reports does not change the call.
    return tuple(by_id[leg_id] for leg_id in sorted(by_id)), after


def _read(record: Call | CallLeg, path: str) -> object:
    party, dot, name = path.rpartition(".")
    return getattr(getattr(record, party), name) if dot else getattr(record, name)


def _changes(record: Call | CallLeg, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by path, as changes of the record's own fields. Values of a party make a changed party."""
    own: dict[str, Any] = {}
    parties: dict[str, dict[str, Any]] = {}
    for path, value in values.items():
        party, dot, name = path.rpartition(".")
        if dot:
            parties.setdefault(party, {})[name] = value
        else:
            own[name] = value
    for party, changes in parties.items():
        own[party] = replace(getattr(record, party), **changes)
    return own


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((time for time in (one, other) if time is not None), default=None)


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((time for time in (one, other) if time is not None), default=None)
