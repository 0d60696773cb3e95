"""Wall-clock times of a phone system, as instants.

Clocks that are set back show one hour twice. Which of both a row means is taken from what else it says: its duration,
its talk time, and the second in which its call began where the id tells it. Where nothing tells, it is the first of
both. A time that the clocks skipped is read with the offset from before the change.

A clock that is corrected by a few seconds during a call makes times that run backwards; they are put right.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise, product
from typing import Final
from zoneinfo import ZoneInfo

from leadline_server.replay.clock_texts import DateOrder, has_no_time, read_clock
from leadline_server.replay.records import BadRow

_SAME_CALL: Final = timedelta(minutes=90)
_CLOCK_STEP: Final = timedelta(minutes=1)  # times that run backwards by as much are a mistake of another kind
_NONE: Final = timedelta()


@dataclass(frozen=True, slots=True)
class Span:
    """A call's times in UTC. `answer` is None for a call without an answer, `end` where it is not known."""

    start: datetime
    answer: datetime | None
    end: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """Hints that tell the first 01:30 of a night from the second. None: not known.

    Attributes:
        duration: seconds from start to end.
        talk_time: seconds from answer to end.
        began: when the call's channel came up.
    """

    duration: int | None = None
    talk_time: int | None = None
    began: datetime | None = None


def read_span(start: str, answer: str, end: str, zone: ZoneInfo, hints: Hints, order: DateOrder | None = None) -> Span:
    """The three times of a row; `answer` and `end` may be empty.

    Raises:
        BadRow: a time cannot be read, `start` is missing, or the times run backwards by a minute or more.
    """
    if has_no_time(start):
        raise BadRow("the start time is missing")
    starts = read_instants(start, zone, order)
    answers: list[datetime | None] = [None] if has_no_time(answer) else [*read_instants(answer, zone, order)]
    ends: list[datetime | None] = [None] if has_no_time(end) else [*read_instants(end, zone, order)]
    spans = [Span(*times) for times in product(starts, answers, ends)]
    span = min(spans, key=lambda candidate: _mismatch(candidate, hints)) if len(spans) > 1 else spans[0]
    if span.end is not None and span.start - span.end >= _CLOCK_STEP:
        raise BadRow(f"the end time {end[:40]} is before the start time {start[:40]}")
    if span.answer is not None and (
        span.start - span.answer >= _CLOCK_STEP
        or (span.end is not None and span.answer - max(span.end, span.start) >= _CLOCK_STEP)
    ):
        raise BadRow(f"the answer time {answer[:40]} is not between start and end")
    return _in_order(span, hints)


def read_instants(text: str, zone: ZoneInfo, order: DateOrder | None = None) -> list[datetime]:
    """The instants in UTC that a time can mean, earliest first: two in the hour that clocks show twice, else one.

    Args:
        text: a time in a form of `clock_texts`; with an offset `zone` does not matter.
        zone: of a time without an offset.
        order: of day and month, for dates such as 10/5/2026.

    Raises:
        BadRow: it is no time.
    """
    try:
        local = read_clock(text, order)
        if local.tzinfo is not None:
            return [local.astimezone(UTC)]
        folds = [local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    except (ValueError, OverflowError):
        raise BadRow(f"{text.strip()[:40]!r} is no time") from None
    if folds[0] == folds[1]:
        return folds[:1]
    shown = [instant for instant in folds if instant.astimezone(zone).replace(tzinfo=None) == local]
    return sorted(shown) if shown else folds[:1]


def _in_order(span: Span, hints: Hints) -> Span:
    """The span with times that run backwards put right: the start stands, durations tell the rest."""
    answer, end = span.answer, span.end
    if end is not None and end < span.start:
        end = span.start + timedelta(seconds=max(hints.duration or hints.talk_time or 0, 0))
    if answer is not None and end is not None and answer > end:
        answer = end - timedelta(seconds=max(hints.talk_time or 0, 0))
    return Span(span.start, max(answer, span.start) if answer is not None else None, end)


def _mismatch(span: Span, hints: Hints) -> tuple[timedelta, timedelta, timedelta, timedelta, datetime]:
    """How badly a reading fits, to be compared: backwards times, duration, talk time, beginning; then the earliest."""
    times = [time for time in (span.start, span.answer, span.end) if time is not None]
    began_off = _NONE if hints.began is None else abs(span.start - hints.began)
    return (
        sum((max(one - other, _NONE) for one, other in pairwise(times)), _NONE),
        _off(span.start, span.end, hints.duration),
        _off(span.answer, span.end, hints.talk_time),
        began_off if began_off <= _SAME_CALL else _NONE,
        span.start,
    )


def _off(begin: datetime | None, end: datetime | None, seconds: int | None) -> timedelta:
    if begin is None or end is None or seconds is None:
        return timedelta()
    return abs(end - begin - timedelta(seconds=seconds))
