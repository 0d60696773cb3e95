"""Puts the records of one call together while a file is read: each record a leg, and one LogCall for all of them.

Records of one call need not be neighbours. A call stays open until `WINDOW` further rows have gone by, so memory is
bounded by that many records. A row that comes later still makes a report of its own under the same call id: the server
merges its leg, and `event_time` decides which report's fields are newer, in whatever order they arrive.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from leadline_server.domain.call import Call, CallDirection
from leadline_server.replay.linking import (
    LinkKey,
    guest_keys,
    handed_on,
    host_keys,
    is_part_of,
    is_shared_leg,
    is_transfer_outside,
)
from leadline_server.replay.merging import legs_of, merged, owner, told_by
from leadline_server.replay.records import Ignored, NoRecord, Record, Row, Skipped

WINDOW: Final = 10_000
_CANDIDATES: Final = 16  # records that one link is looked for among, the latest ones

NO_DIRECTION: Final = (
    "cannot tell the direction: neither side is an extension; name the context with --inbound-context, "
    "--outbound-context or --internal-context, or give --extension-pattern, --own-number or --direction"
)
INNER_HALF: Final = "inner half of a Local channel; the call is in the row of its caller's channel"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayCall:
    """One call to send.

    Attributes:
        user_id: whose it is.
        call: what is sent.
        lines: the lines that it was read from.
        size: their bytes.
        notes: lines and what of them could not be taken.
        dropped_legs: how many legs the contract does not take.
    """

    user_id: str
    call: Call
    lines: tuple[int, ...]
    size: int
    notes: tuple[tuple[int, str], ...] = ()
    dropped_legs: int = 0


GroupItem = ReplayCall | Skipped | Ignored | NoRecord


def group(rows: Iterable[Row], default_user: str, window: int = WINDOW) -> Iterator[GroupItem]:
    """Calls in the order of their last rows, and the rows left out.

    Args:
        rows: what a reader returns.
        default_user: the user of calls whose extensions map to no user; empty skips them.
        window: how many rows a call waits for further rows of its own.
    """
    waiting = _Waiting()
    for index, row in enumerate(rows):
        if isinstance(row, Record):
            waiting.add(row, index)
        else:
            yield row
        for call_id, records in waiting.taken_before(index - window + 1):
            yield from _calls(call_id, records, default_user)
    for call_id, records in waiting.taken_before(None):
        yield from _calls(call_id, records, default_user)


@dataclass(slots=True)
class _Group:
    """Records of one call, and the ids that they came with."""

    last_seen: int
    records: list[Record] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)


class _Waiting:
    """Calls whose records may not be complete yet, the one that waits longest first."""

    def __init__(self) -> None:
        self._groups: OrderedDict[str, _Group] = OrderedDict()
        self._calls: dict[str, str] = {}  # the call of an id that was found to be a part of it
        self._hosts: dict[LinkKey, deque[Record]] = {}
        self._guests: dict[LinkKey, deque[Record]] = {}

    def add(self, record: Record, index: int) -> None:
        """Takes a record, and joins the calls that it shows to be one."""
        record = self._with_transfer(record)
        call_id = self._call_of(record)
        found = self._groups.setdefault(call_id, _Group(index))
        found.records.append(record)
        found.ids.add(record.call.id)
        found.last_seen = index
        self._groups.move_to_end(call_id)
        self._link(record)
        self._remember(record)

    def taken_before(self, index: int | None) -> Iterator[tuple[str, list[Record]]]:
        """Takes out the calls whose last record came before this index; all of them where it is None."""
        while self._groups:
            call_id, found = next(iter(self._groups.items()))
            if index is not None and found.last_seen >= index:
                return
            del self._groups[call_id]
            self._forget(found)
            yield call_id, found.records

    def _call_of(self, record: Record) -> str:
        return self._calls.get(record.call.id, record.call.id)

    def _with_transfer(self, record: Record) -> Record:
        """The record; where it is a transfer to an outside party, with the direction and user that this gives it."""
        hosts = [self._lasting(host) for key in guest_keys(record) for host in self._hosts.get(key, ())]
        host = next((host for host in hosts if is_transfer_outside(host, record)), None)
        return record if host is None or host.call.id == record.call.id else handed_on(host, record)

    def _lasting(self, host: Record) -> Record:
        """The record with the end of its whole call: a call that was handed on goes on, and can be again."""
        if host.call.direction is not CallDirection.OUTBOUND:
            return host
        ends = [one.call.end_time for one in self._groups[self._call_of(host)].records if one.call.end_time]
        return replace(host, call=replace(host.call, end_time=max(ends))) if ends else host

    def _link(self, record: Record) -> None:
        for key in guest_keys(record):
            for host in tuple(self._hosts.get(key, ())):
                if is_part_of(self._lasting(host), record):
                    self._join(host, record)
        for key in host_keys(record):
            for guest in tuple(self._guests.get(key, ())):
                if is_part_of(self._lasting(record), guest):
                    self._join(record, guest)

    def _join(self, host: Record, guest: Record) -> None:
        call_id, part_id = self._call_of(host), self._call_of(guest)
        if call_id == part_id:
            return
        if is_shared_leg(host, guest):
            self._share(call_id, guest)
            return
        part, whole = self._groups.pop(part_id), self._groups[call_id]
        whole.records += part.records
        whole.ids |= part.ids
        whole.last_seen = max(whole.last_seen, part.last_seen)
        self._groups.move_to_end(call_id)
        self._calls.update(dict.fromkeys(part.ids | {part_id}, call_id))
        whole.ids.add(part_id)

    def _share(self, call_id: str, guest: Record) -> None:
        """Make a leg of another call a leg of this one, too. Its bytes count there."""
        known = self._groups[call_id].records
        if not any(record.leg.id == guest.leg.id for record in known):
            known.append(replace(guest, size=0, call=replace(guest.call, id=call_id)))

    def _remember(self, record: Record) -> None:
        for index, keys in ((self._hosts, host_keys(record)), (self._guests, guest_keys(record))):
            for key in keys:
                index.setdefault(key, deque(maxlen=_CANDIDATES)).append(record)

    def _forget(self, found: _Group) -> None:
        for call_id in found.ids:
            self._calls.pop(call_id, None)
        for record in found.records:
            for index, keys in ((self._hosts, host_keys(record)), (self._guests, guest_keys(record))):
                for key in keys:
                    _remove(index, key, record)


def _remove(index: dict[LinkKey, deque[Record]], key: LinkKey, record: Record) -> None:
    known = index.get(key)
    if known is None:
        return
    kept = deque((one for one in known if one is not record), maxlen=_CANDIDATES)
    if kept:
        index[key] = kept
    else:
        del index[key]


def _calls(call_id: str, records: list[Record], default_user: str) -> Iterator[GroupItem]:
    records.sort(key=lambda record: record.line)
    call = merged(call_id, records)
    user_id = owner(call_id, records) or default_user
    if _are_only_inner_halves(records):
        for record in records:
            yield Ignored(line=record.line, size=record.size, reason=INNER_HALF)
    elif call.direction is None or not user_id:
        reason = NO_DIRECTION if call.direction is None else _no_user(call_id, records)
        for record in records:
            yield Skipped(line=record.line, size=record.size, reason=reason)
    else:
        yield _replay_call(user_id, call, records)


def _replay_call(user_id: str, call: Call, records: list[Record]) -> ReplayCall:
    return ReplayCall(
        user_id=user_id,
        call=call,
        lines=tuple(record.line for record in records),
        size=sum(record.size for record in records),
        notes=(*((record.line, note) for record in records for note in record.notes), *_contradictions(records)),
        dropped_legs=len(legs_of(records, most=None)) - len(call.legs),
    )


def _contradictions(records: list[Record]) -> Iterator[tuple[int, str]]:
    """Lines that are the same leg as another one by what identifies it, and say something else of it."""
    first: dict[str, Record] = {}
    for record in records:
        other = first.setdefault(record.leg.id, record)
        if other.call != record.call:
            yield record.line, f"has the id or the numbers and times of line {other.line}, and says something else"


def _are_only_inner_halves(records: list[Record]) -> bool:
    """Whether the records tell of no call of their own. Halves that call out do (click to call)."""
    return all(
        record.is_piece and not record.names_its_call and record.call.direction is not CallDirection.OUTBOUND
        for record in records
    )


def _no_user(call_id: str, records: list[Record]) -> str:
    extensions = sorted({record.extension for record in told_by(call_id, records) if record.extension})
    if not extensions:
        return "shows no extension of a user; give --default-user to take such calls"
    return f"no user for extension {', '.join(extensions)}; give --user {extensions[0]}=NAME or --default-user"
