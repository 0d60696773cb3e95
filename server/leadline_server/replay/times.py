"""Wall-clock times of a phone system, as instants.

Clocks that are set back show one hour twice. Which of both a row means is taken from what else it says: its duration,
its talk time, and the second in which its call began where the id tells it. Where nothing tells, it is the first of
both. A time that the clocks skipped is read with the offset from before the change.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise, product
from zoneinfo import ZoneInfo

from leadline_server.replay.records import BadRow

_SAME_CALL = timedelta(minutes=90)


@dataclass(frozen=True, slots=True)
class Span:
    """A call's times in UTC. `answer` is None where nobody answered, `end` where it is not known."""

    start: datetime
    answer: datetime | None
    end: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What helps to tell the first 01:30 of a night from the second. None: not known.

    Attributes:
        duration: seconds from start to end.
        talk_time: seconds from answer to end.
        began: when the call's channel came up.
    """

    duration: int | None = None
    talk_time: int | None = None
    began: datetime | None = None


def read_span(start: str, answer: str, end: str, zone: ZoneInfo, hints: Hints) -> Span:
    """The three times of a row; `answer` and `end` may be empty.

    Raises:
        BadRow: a time cannot be read, `start` is missing, or the times run backwards.
    """
    if not start.strip():
        raise BadRow("the start time is missing")
    starts = read_instants(start, zone)
    answers: list[datetime | None] = [*read_instants(answer, zone)] if answer.strip() else [None]
    ends: list[datetime | None] = [*read_instants(end, zone)] if end.strip() else [None]
    spans = [Span(*times) for times in product(starts, answers, ends)]
    span = min(spans, key=lambda candidate: _mismatch(candidate, hints)) if len(spans) > 1 else spans[0]
    if span.end is not None and span.end < span.start:
        raise BadRow(f"the end time {end} is before the start time {start}")
    if span.answer is not None and not span.start <= span.answer <= (span.end or span.answer):
        raise BadRow(f"the answer time {answer} is not between start and end")
    return span


def read_instants(text: str, zone: ZoneInfo) -> list[datetime]:
    """The instants in UTC that a time can mean, earliest first: two in the hour that clocks show twice, else one.

    Args:
        text: ISO 8601, `T` or a space between date and time; with an offset `zone` does not matter.
        zone: where the clock hangs.

    Raises:
        BadRow: it is no time.
    """
    try:
        local = datetime.fromisoformat(text.strip())
        if local.tzinfo is not None:
            return [local.astimezone(UTC)]
        folds = [local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    except (ValueError, OverflowError):
        raise BadRow(f"{text.strip()[:40]!r} is no time") from None
    if folds[0] == folds[1]:
        return folds[:1]
    shown = [instant for instant in folds if instant.astimezone(zone).replace(tzinfo=None) == local]
    return sorted(shown) if shown else folds[:1]


def _mismatch(span: Span, hints: Hints) -> tuple[timedelta, timedelta, timedelta, timedelta, datetime]:
    """How badly a reading fits, to be compared: backwards times, duration, talk time, beginning; then the earliest."""
    none = timedelta()
    times = [time for time in (span.start, span.answer, span.end) if time is not None]
    began_off = none if hints.began is None else abs(span.start - hints.began)
    return (
        sum((max(one - other, none) for one, other in pairwise(times)), none),
        _off(span.start, span.end, hints.duration),
        _off(span.answer, span.end, hints.talk_time),
        began_off if began_off <= _SAME_CALL else none,
        span.start,
    )


def _off(begin: datetime | None, end: datetime | None, seconds: int | None) -> timedelta:
    if begin is None or end is None or seconds is None:
        return timedelta()
    return abs(end - begin - timedelta(seconds=seconds))
