"""The phone system's time zone, as the ids of its records tell it.

Asterisk's unique ids begin with the second in which a channel came up: "1791191400.301" is 2026-10-05 09:10:00 UTC. A
row of that call that shows 11:10:00 was written at UTC+2. Source: the Asterisk documentation, "CDR Specification".
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

_UNIQUE_ID: Final = re.compile(r"(?:.*-)?(?P<epoch>\d{9,11})\.\d+")
_STEP: Final = 900  # every offset of a zone is a whole number of quarters of an hour
_EARLY, _LATE = 120, 450  # seconds that a row may begin before and after its channel came up, and still be told by it
_MIN_OFFSET, _MAX_OFFSET = -12 * 3600, 14 * 3600
_KEPT: Final = 2_000
_MISFIT: Final = 0.1  # of the rows that tell

# The zones of most people, by population: those come first where many zones fit.
_WELL_KNOWN: Final = (
    *("UTC", "America/New_York", "Europe/Berlin", "Europe/London", "Europe/Paris", "America/Chicago", "America/Denver"),
    *("America/Los_Angeles", "Europe/Madrid", "Europe/Rome", "Europe/Zurich", "Europe/Vienna", "Europe/Amsterdam"),
    *("Europe/Brussels", "Europe/Luxembourg", "Europe/Warsaw", "Europe/Athens", "Europe/Helsinki", "Europe/Kyiv"),
    *("Europe/Istanbul", "Europe/Moscow", "Africa/Cairo", "Africa/Johannesburg", "Africa/Lagos", "Africa/Nairobi"),
    *("America/Toronto", "America/Phoenix", "America/Halifax", "America/Mexico_City", "America/Bogota"),
    *("America/Lima", "America/Santiago", "America/Sao_Paulo", "America/Argentina/Buenos_Aires", "Asia/Kolkata"),
    *("Asia/Dubai", "Asia/Jerusalem", "Asia/Karachi", "Asia/Dhaka", "Asia/Jakarta", "Asia/Bangkok", "Asia/Singapore"),
    *("Asia/Manila", "Asia/Shanghai", "Asia/Hong_Kong", "Asia/Tokyo", "Asia/Seoul", "Australia/Sydney"),
    *("Australia/Brisbane", "Australia/Adelaide", "Australia/Perth", "Pacific/Auckland", "Pacific/Honolulu"),
)


def epoch_of(unique_id: str) -> datetime | None:
    """When the channel of an Asterisk unique id came up; None where the id does not tell."""
    match = _UNIQUE_ID.fullmatch(unique_id)
    return datetime.fromtimestamp(int(match["epoch"]), UTC) if match is not None else None


def whole_offset(start: datetime, began: datetime) -> timedelta | None:
    """By how many whole quarters of an hour a start is off from when its channel came up.

    That is zero if the start was read in the right zone. None: the id has nothing to do with the time.
    """
    shift = int((start - began).total_seconds())
    offset = (shift + _EARLY) // _STEP * _STEP
    return timedelta(seconds=offset) if abs(offset) <= _MAX_OFFSET - _MIN_OFFSET else None


@dataclass(frozen=True, slots=True)
class Misfit:
    """A zone that the rows do not fit, and the zones that they fit.

    Attributes:
        offset: what the clock of most rows shows, as seconds east of UTC.
        zones: names of the zones that fit, the most widely used first; empty where none does.
        rows: how many rows tell.
        fitting_rows: how many of them fit the given zone.
    """

    offset: int
    zones: tuple[str, ...]
    rows: int
    fitting_rows: int


@dataclass(slots=True)
class ZoneEvidence:
    """Offsets from UTC that rows show, gathered while a file is read."""

    _offsets: Counter[tuple[int, int]] = field(default_factory=Counter)

    def add(self, began: datetime, clock: datetime) -> None:
        """Takes one row: when its channel came up, and the time that the row shows, without a zone."""
        epoch = int(began.timestamp())
        shift = int((clock.replace(tzinfo=UTC) - began).total_seconds())
        offset = (shift + _EARLY) // _STEP * _STEP
        key = (epoch // 3600 * 3600, offset)
        tells = shift - offset < _LATE and _MIN_OFFSET <= offset <= _MAX_OFFSET
        if tells and (key in self._offsets or len(self._offsets) < _KEPT):
            self._offsets[key] += 1

    def misfit(self, zone: ZoneInfo | None) -> Misfit | None:
        """Whether another zone fits the rows, and this one does not; every zone does better than None."""
        rows = self._offsets.total()
        fitting = self._fitting(zone) if zone is not None else 0
        if fitting >= rows * (1 - _MISFIT):
            return None
        best = dict(self._all_fits())
        most = max(best.values(), default=0)
        if most - fitting < max(rows * _MISFIT, 1):
            return None
        zones = tuple(name for name in _by_use(best) if best[name] == most)
        return Misfit(self._usual_offset(), zones, rows, fitting)

    def _fitting(self, zone: ZoneInfo) -> int:
        return sum(
            rows
            for (hour, offset), rows in self._offsets.items()
            if _offset_at(zone, hour) == timedelta(seconds=offset)
        )

    def _all_fits(self) -> Iterator[tuple[str, int]]:
        for name in _zone_names():
            yield name, self._fitting(ZoneInfo(name))

    def _usual_offset(self) -> int:
        offsets: Counter[int] = Counter()
        for (_, offset), rows in self._offsets.items():
            offsets[offset] += rows
        return offsets.most_common(1)[0][0]


def offset_name(seconds: int) -> str:
    """UTC+2, UTC-3:30, or UTC."""
    if not seconds:
        return "UTC"
    hours, rest = divmod(abs(seconds), 3600)
    return f"UTC{'-' if seconds < 0 else '+'}{hours}" + (f":{rest // 60:02}" if rest else "")


def _offset_at(zone: ZoneInfo, epoch: int) -> timedelta | None:
    return datetime.fromtimestamp(epoch, zone).utcoffset()


@cache
def _zone_names() -> tuple[str, ...]:
    """Names as people use them: places, and UTC; no `Etc/GMT+5`, `posix/...` or `EST5EDT`."""
    areas = ("Africa/", "America/", "Antarctica/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/")
    return ("UTC", *sorted(name for name in available_timezones() if name.startswith(areas)))


def _by_use(names: dict[str, int]) -> list[str]:
    known = {name: place for place, name in enumerate(_WELL_KNOWN)}
    return sorted(names, key=lambda name: (known.get(name, len(known)), name))
