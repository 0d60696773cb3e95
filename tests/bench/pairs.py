"""Leadline and bare echoes by turns, under the same load, and what their figures are worth."""

import importlib.util
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path
from typing import NamedTuple

from bench import workload
from bench.messages import read_messages, write_messages
from bench.processes import Result, Server, TlsFiles, echo_server, load

_NORMAL_90 = 1.645  # so many standard deviations to both sides have 90% of a normal distribution


class Interval(NamedTuple):
    """A median, and the interval that has the true one in nine of ten cases."""

    median: float
    low: float
    high: float


def interval_90(values: Sequence[float]) -> Interval:
    """The median and its 90% interval by order statistics, which suppose nothing about how the values are distributed.

    Example: of 45 values, sorted, the interval goes from the 17th to the 29th.
    """
    ordered, count = sorted(values), len(values)
    half = _NORMAL_90 * sqrt(count) / 2
    low, high = int(count / 2 - half), int(count / 2 + half)
    return Interval(statistics.median(values), ordered[max(0, low)], ordered[min(count - 1, high)])


@dataclass(frozen=True)
class Load:
    """One kind of call, all calls made beforehand.

    Attributes:
        name: as tables show it.
        method: the RPC.
        requests: the requests of one run, by the run's number.
        check: counts the right answers.
        in_flight: calls at once; at a rate, at most.
        rate: calls a second; 0: as fast as answers come.
    """

    name: str
    method: str
    requests: Callable[[int], Sequence[bytes]]
    check: workload.Check
    in_flight: int
    rate: float = 0


@dataclass(frozen=True)
class Paired:
    """Runs of one load against all servers by turns. `uvloop_echo` is empty if uvloop is not installed."""

    load: Load
    leadline: list[Result] = field(default_factory=list)
    echo: list[Result] = field(default_factory=list)
    uvloop_echo: list[Result] = field(default_factory=list)

    @property
    def cpu_figures(self) -> list[float]:
        """The echo's server CPU per call divided by leadline's, pair by pair: 1 would be a bare echo."""
        return _ratios(self.echo, self.leadline, _cpu)

    @property
    def uvloop_figures(self) -> list[float]:
        """The same for the echo on uvloop."""
        return _ratios(self.uvloop_echo, self.leadline, _cpu)

    def times(self, figure: Callable[[Result], float]) -> list[float]:
        """Leadline's figure divided by the echo's, pair by pair."""
        return _ratios(self.leadline, self.echo, figure)


def _cpu(result: Result) -> float:
    return result.cpu_per_call


def _ratios(some: Sequence[Result], others: Sequence[Result], figure: Callable[[Result], float]) -> list[float]:
    return [figure(one) / figure(other) for one, other in zip(some, others, strict=False)]


@contextmanager
def echoes(response: Path, tls: TlsFiles | None) -> Iterator[Sequence[Server]]:
    """The echo on asyncio, and if uvloop is installed, the one on it."""
    with ExitStack() as stack:
        servers = [stack.enter_context(echo_server(response, tls))]
        if importlib.util.find_spec("uvloop") is not None:
            servers.append(stack.enter_context(echo_server(response, tls, has_uvloop=True)))
        yield servers


def run_pairs(paired: Paired, server: Server, folder: Path, runs: Sequence[int], tls: TlsFiles | None) -> None:
    """Add so many runs against one process of each server.

    Raises:
        AssertionError: an answer of leadline's is wrong.
    """
    wanted = paired.load
    file, answers, response = folder / "requests", folder / "answers", folder / "response"
    # The echo answers with a response of leadline's to such a request; to get one warms leadline up too.
    write_messages(file, renamed(wanted.requests(runs[0])))
    load(server, wanted.method, file, wanted.in_flight, answers, wanted.rate)
    response.write_bytes(read_messages(answers)[-1])
    with echoes(response, tls) as bare:
        for echo in bare:
            load(echo, wanted.method, file, wanted.in_flight, rate=wanted.rate)
        for run in runs:
            requests = wanted.requests(run)
            write_messages(file, requests)
            paired.leadline.append(load(server, wanted.method, file, wanted.in_flight, answers, wanted.rate))
            right = wanted.check(read_messages(answers))
            if right != len(requests):
                raise AssertionError(f"{wanted.name}: {right} right answers to {len(requests)} requests")
            for echo, results in zip(bare, (paired.echo, paired.uvloop_echo), strict=False):
                results.append(load(echo, wanted.method, file, wanted.in_flight, rate=wanted.rate))


def renamed(requests: Sequence[bytes]) -> list[bytes]:
    """The same requests for calls of other ids, from other numbers: a warm-up takes nothing away."""
    return [
        request.replace(b"known-", b"KNOWN-").replace(b"+4470", b"+4479").replace(b"+4471", b"+4478")
        for request in requests
    ]
