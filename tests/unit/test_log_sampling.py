"""Lines of one kind in the log are sampled, so that refused requests cannot fill a disk."""

from typing import Any

import pytest
import structlog
from leadline_server.logs import SampledLines


class Log:
    """Counts the lines that a processor lets through."""

    def __init__(self) -> None:
        self.now = 100.0
        self.lines: list[Any] = []
        self.sampled = SampledLines(lambda: self.now)

    def write(self, method: str, **event: object) -> None:
        try:
            self.lines.append(self.sampled(None, method, event))
        except structlog.DropEvent:
            return


def refuse(log: Log, times: int, reason: str = "INVALID_REQUEST") -> None:
    for _ in range(times):
        log.write("info", event="rpc_refused", rpc="LogCall", reason=reason)


def test_a_million_refusals_are_a_few_lines_and_a_count() -> None:
    log = Log()
    refuse(log, 100_000)
    log.now += 9.9
    refuse(log, 1)
    assert len(log.lines) == 20
    log.now += 0.1
    refuse(log, 1)
    assert log.lines[-1]["left_out"] == 100_001 - 20
    refuse(log, 1)
    assert "left_out" not in log.lines[-1]


def test_a_flood_of_one_kind_hides_no_other_kind() -> None:
    log = Log()
    refuse(log, 10_000)
    refuse(log, 1, reason="ACCOUNT_NOT_FOUND")
    assert log.lines[-1]["reason"] == "ACCOUNT_NOT_FOUND"


@pytest.mark.parametrize("method", ["error", "critical", "exception"])
def test_errors_are_never_left_out(method: str) -> None:
    log = Log()
    for number in range(1_000):
        log.write(method, event="rpc_failed", correlation_id=str(number))
    assert len(log.lines) == 1_000


def test_the_sampler_itself_is_bounded() -> None:
    log = Log()
    for number in range(5_000):
        refuse(log, 21, reason=str(number))
    assert log.sampled.kinds <= 1_000
