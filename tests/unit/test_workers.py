"""Parts of the supervisor and of its workers."""

import json
import subprocess
import sys

import pytest
from leadline_server.transport.addresses import AddressUnavailable, check_free, reserve
from leadline_server.workers.figures import MergedFigures
from leadline_server.workers.lines import Lines
from leadline_server.workers.plan import SupervisorPlan, WorkerPlan
from leadline_server.workers.supervisor import FIRST_DELAY, LONGEST_DELAY, STABLE_SECONDS, Slot
from prometheus_client import generate_latest

HEAVY = ("asyncio", "grpc", "leadline", "pydantic", "prometheus_client", "structlog", "typer")
RESERVES = "from leadline_server.transport.addresses import reserve; print(reserve('127.0.0.1:0'))"
IMPORTS = "import sys, leadline_server.workers.supervisor; print(*sys.modules)"


class Ended:
    """A worker that ended."""

    def __init__(self, ready_at: float | None) -> None:
        self.ready_at = ready_at


def test_the_supervisor_imports_the_standard_library_alone() -> None:
    printed = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True).stdout
    imported = {name.partition(".")[0] for name in printed.split()}
    assert not imported & set(HEAVY)
    own = {name for name in printed.split() if name.startswith("leadline_server.")}
    parts = ("", ".lines", ".plan", ".supervisor", ".worker_process")
    assert own == {f"leadline_server.workers{part}" for part in parts}


def test_plans_come_back_as_they_were() -> None:
    flags = {"listen": "127.0.0.1:1", "grace_period": 2.5}
    plan = SupervisorPlan(2, flags, "/tmp/folder", 30.0, "info", "json")  # noqa: S108 - it is never opened
    assert SupervisorPlan.of(plan.text) == plan
    told = WorkerPlan(1, 2, 3, 4, flags, "/tmp/folder")  # noqa: S108 - it is never opened
    assert WorkerPlan.of(told.text) == told


def test_a_worker_that_ends_soon_waits_twice_as_long_each_time() -> None:
    slot = Slot(1)
    delays = [slot.delay(Ended(None), 0.0) for _ in range(20)]  # type: ignore[arg-type] # it reads the time alone
    assert delays[:4] == [FIRST_DELAY, 2 * FIRST_DELAY, 4 * FIRST_DELAY, 8 * FIRST_DELAY]
    assert max(delays) == delays[-1] == LONGEST_DELAY


def test_a_worker_that_served_long_starts_again_soon() -> None:
    slot = Slot(1)
    for _ in range(10):
        slot.delay(Ended(0.0), 1.0)  # type: ignore[arg-type] # see above
    assert slot.delay(Ended(0.0), STABLE_SECONDS) == FIRST_DELAY  # type: ignore[arg-type] # see above


def test_figures_of_workers_are_one_family_with_a_sample_for_each() -> None:
    counted = [["calls", "Calls.", "counter", "", [["calls_total", {"rpc": "LogCall"}, 2.0, None, None]]]]
    text = generate_latest(MergedFigures({1: counted, 2: None, 3: counted})).decode()
    assert text.count("# TYPE calls_total counter") == 1
    assert 'calls_total{rpc="LogCall",worker="1"} 2.0' in text
    assert 'calls_total{rpc="LogCall",worker="3"} 2.0' in text
    assert 'leadline_worker_up{worker="2"} 0.0' in text


@pytest.mark.parametrize("style", ["console", "json"])
def test_the_supervisor_logs_from_its_level_on(style: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines("warning", style)
    lines.write("info", "worker replaced", worker=1)
    lines.write("warning", "worker ended", worker=1, code=-9)
    written = capsys.readouterr().err
    assert written.count("\n") == 1
    if style == "json":
        fields = json.loads(written)
        assert (fields["event"], fields["worker"], fields["level"]) == ("worker ended", 1, "warning")
    else:
        assert "worker ended" in written
        assert "code=-9" in written


def test_a_reserved_address_has_a_port_and_malformed_ones_are_refused() -> None:
    printed = subprocess.run(
        [
            sys.executable,
            "-c",
            "from leadline_server.transport.addresses import reserve; print(reserve('127.0.0.1:0'))",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert printed.startswith("127.0.0.1:")
    check_free(printed)  # it was reserved while that process ran, and no longer
    with pytest.raises(AddressUnavailable):
        reserve("localhost")
