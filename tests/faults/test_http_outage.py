"""The CRM is down for as long as calls come, then back: all are accepted at full speed, and all arrive, once."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from faults.http_crm.checks import assert_exactly_once
from faults.http_crm.phones import LINES, PENDING, Phones, settled, stranger, want_placeholders
from faults.http_crm.process import crm_process
from faults.http_crm.stage import serving
from support.servers import ServerProcess

CALLS, SOAK_CALLS = 200, 5_000
STRANGERS = 50
LEAST_SPEED = 0.8  # calls a second while the CRM is down, of those while it is up; runs differ by a fifth
MOST_GROWTH = 24.0  # MiB of resident memory, however many calls wait
DEADLINE = 0.5  # seconds that a request to the CRM may take

SHORT_OUTAGES = [
    pytest.param({"refuses": True}, id="refused"),
    pytest.param({"mode": "error"}, id="500"),
    pytest.param({"mode": "rate_limited"}, id="429"),
    pytest.param({"mode": "hang"}, id="hanging"),
]
# Refused credentials need an administrator: they are tried again once a minute.
OUTAGES = [*SHORT_OUTAGES, pytest.param({"token": "another"}, id="expired token")]


class Outcome(NamedTuple):
    """Calls a second and MiB of resident memory, before the outage and in it."""

    speed_before: float
    speed: float
    memory_before: float
    memory: float
    memory_after: float


@pytest.mark.parametrize("outage", SHORT_OUTAGES)
async def test_200_calls_during_an_outage(tmp_path: Path, outage: dict[str, Any]) -> None:
    check(await down_and_back(tmp_path, outage, CALLS))


@pytest.mark.soak
@pytest.mark.parametrize("outage", OUTAGES)
async def test_5000_calls_during_an_outage(tmp_path: Path, outage: dict[str, Any]) -> None:
    check(await down_and_back(tmp_path, outage, SOAK_CALLS))


def check(outcome: Outcome) -> None:
    assert outcome.speed >= LEAST_SPEED * outcome.speed_before, outcome
    assert max(outcome.memory, outcome.memory_after) <= outcome.memory_before + MOST_GROWTH, outcome


async def down_and_back(folder: Path, outage: dict[str, Any], calls: int) -> Outcome:
    with crm_process(folder / "crm.db") as crm:
        with serving(folder / "data", crm, deadline=DEADLINE, settle_time=DEADLINE) as [server]:
            await want_placeholders(server)
            up, noticed, down = (Phones(name, known_and_new(name)) for name in ("up", "noticed", "down"))
            await up.ring([server], LINES)  # whatever is done once is done
            speed_before, memory_before = await up.ring([server], calls), resident(server)
            crm.misbehave(**outage)
            # Those who call first may have to wait until the CRM is known to be down.
            await noticed.ring([server], LINES)
            speed, memory = await down.ring([server], calls), resident(server)
            assert {answer.state for answer in down.answers.values()} == {PENDING}
            crm.recover()
            logs = await settled(server, 120 + calls / 20)
            memory_after = resident(server)
        assert len(logs) == 2 * (LINES + calls)
        assert_exactly_once(crm.written(), logs, [up, noticed, down])
    return Outcome(speed_before, speed, memory_before, memory, memory_after)


def known_and_new(name: str) -> Any:
    """Numbers that called before, and, in the outage, some that never did."""
    first = 0 if name == "up" else STRANGERS // 2
    return lambda call: stranger(first + call % STRANGERS)


def resident(server: ServerProcess) -> float:
    """Resident memory of a process in MiB (proc(5), VmRSS)."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{server.pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024
