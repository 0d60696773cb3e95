"""The counts of RPCs for /metrics: how many, how they end, how long they take."""

import time
from bisect import bisect_left
from collections import Counter
from time import perf_counter
from typing import Final, NamedTuple

from leadline_server.transport import status


class TracedCall(NamedTuple):
    """A call that was traced: an example of its bucket. `time` is in seconds since 1970."""

    trace_id: str
    seconds: float
    time: float


class RpcDurations:
    """The durations of the calls of one RPC that ended with one status code.

    Attributes:
        counts: how many calls are in each bucket. The last count is of calls above the highest bucket.
        seconds: the sum of all durations.
        traced: the last traced call of each bucket.
    """

    BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
    __slots__ = ("counts", "seconds", "traced")

    def __init__(self) -> None:
        self.counts = [0] * (len(self.BUCKETS) + 1)
        self.seconds = 0.0
        self.traced: dict[int, TracedCall] = {}


class RpcCounts:
    """The counts of one RPC. Only the event loop's thread uses them, so they need no lock.

    Attributes:
        arrived: calls so far.
        in_flight: calls in progress.
        by_code: the durations of ended calls by status code.
        refused: the calls that ended with an error, by its code and reason.
    """

    __slots__ = ("arrived", "by_code", "in_flight", "refused")

    def __init__(self) -> None:
        self.arrived = 0
        self.in_flight = 0
        self.by_code = {status.OK: RpcDurations()}
        self.refused: Counter[tuple[str, str]] = Counter()

    def begin(self) -> float:
        """Count a call that has arrived. Returns the time, for `end`."""
        self.arrived += 1
        self.in_flight += 1
        return perf_counter()

    def end(self, code: str, began: float) -> None:
        """Count a call that has ended with a status code."""
        seconds = perf_counter() - began
        self.in_flight -= 1
        durations = self.by_code.get(code) or self.by_code.setdefault(code, RpcDurations())
        durations.counts[bisect_left(RpcDurations.BUCKETS, seconds)] += 1
        durations.seconds += seconds

    def traced(self, code: str, began: float, trace_id: str) -> None:
        """A call that has ended, after `end`, was traced."""
        seconds, durations = perf_counter() - began, self.by_code[code]
        call = TracedCall(trace_id, seconds, time.time())
        durations.traced[bisect_left(RpcDurations.BUCKETS, seconds)] = call
