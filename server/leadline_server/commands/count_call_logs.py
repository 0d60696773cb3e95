"""CountCallLogs: how many call logs an account has, by day, state and reason, and user."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from leadline_server.domain.call_log_states import CallLogReason, CallLogState
from leadline_server.domain.errors import FieldViolation, InvalidRequest
from leadline_server.ports.ledger import CallLogFilter, CallLogs

MAX_COUNTS: Final = 10_000
"""The most counts of an answer."""

MAX_PERIOD: Final = timedelta(days=100)
"""The longest period that is counted at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLogCounting:
    """Which call logs to count, and what the counts are split by.

    Attributes:
        selection: the call logs. It has a `start_time` and an `end_time`.
        time_zone: the zone of the days.
    """

    selection: CallLogFilter
    time_zone: ZoneInfo
    by_day: bool
    by_reason: bool
    by_user: bool


class CallLogCountKey(NamedTuple):
    """The values that the call logs of one count share. None: the counts are not split by that."""

    day: date | None
    state: CallLogState | None
    reason: CallLogReason | None
    user_id: str | None


class CountCallLogs:
    """Counts call logs. Each day is a query of its own, so a long period does not hold up other readers."""

    def __init__(self, call_logs: CallLogs) -> None:
        self._call_logs = call_logs

    async def execute(self, counting: CallLogCounting) -> Sequence[tuple[CallLogCountKey, int]]:
        """The counts that are not zero, by day, then state, reason and user.

        Raises:
            InvalidRequest: there would be more than MAX_COUNTS.
        """
        counts: Counter[CallLogCountKey] = Counter()
        for day, selection in _days(counting.selection, counting.time_zone):
            groups = await self._call_logs.count(
                selection, by_reason=counting.by_reason, by_user=counting.by_user, limit=MAX_COUNTS + 1
            )
            for state, reason, user_id, calls in groups:
                counts[CallLogCountKey(day if counting.by_day else None, state, reason, user_id)] += calls
            if len(counts) > MAX_COUNTS:
                raise InvalidRequest(
                    [FieldViolation("group_by", f"There are more than {MAX_COUNTS:,} counts. Choose a shorter period.")]
                )
        return sorted(counts.items(), key=lambda item: [(value is not None, value or 0) for value in item[0]])


def _days(selection: CallLogFilter, zone: ZoneInfo) -> Iterator[tuple[date, CallLogFilter]]:
    """The days of a selection's period, each with the selection of its part of that period."""
    start, end = selection.start_time, selection.end_time
    while start is not None and end is not None and start < end:
        day = start.astimezone(zone).date()
        # Midnight of the next day in the zone: a day with a change of the clock has 23 or 25 hours.
        following = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
        yield day, replace(selection, start_time=start, end_time=min(end, following))
        start = following
