"""A flood of reports of one account delays the lookups of another hardly more than it delays those of a bare echo."""

import asyncio
import sys
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any, Final

import pytest
from bench.processes import echo_server
from faults.bounds.flood import CORES, ended, on_core, started
from support.servers import server_process

pytestmark = pytest.mark.soak

ROUNDS: Final = 3
SECONDS: Final = 6.0
EARLY: Final = 1.5
"""So long the flood goes on before the lookups begin, and at least as long after them."""


async def flooded(address: str, in_flight: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The figures of the victim and of the flooder in one round."""
    with on_core(CORES[-1]):
        flooder = await started("flood", address, str(SECONDS), str(in_flight))
        await asyncio.sleep(EARLY)  # its connections are open, and as many calls as may wait do so
        lookups = await started("victim", address, str(SECONDS - 2 * EARLY))
    return await ended(lookups), await ended(flooder)


@pytest.mark.skipif(len(CORES) < 2, reason="the server and the flood need a core each")
@pytest.mark.parametrize("in_flight", [64, 1_000])
async def test_a_flood_delays_another_account_as_much_as_it_delays_an_echo(tmp_path: Path, in_flight: int) -> None:
    config, answer = tmp_path / "leadline.toml", tmp_path / "answer"
    config.write_text("[accounts.demo]\n[accounts.victim]\n")
    answer.write_bytes(bytes(200))
    with ExitStack() as stack:
        with on_core(CORES[0]):
            echo = stack.enter_context(echo_server(answer))
            data, settings = tmp_path / "data", {"LEADLINE_CONFIG": str(config)}
            server = stack.enter_context(server_process(data, settings=settings))
        bare, ours = list[float](), list[float]()
        for _ in range(ROUNDS):
            bare.append((await flooded(echo.address, in_flight))[0]["p99"])
            victim, flooder = await flooded(server.address, in_flight)
            ours.append(victim["p99"])
            assert victim["failed"] == 0
            assert flooder["ended"]["OK"] > 0
            assert flooder["ended"].keys() <= {"OK", "RESOURCE_EXHAUSTED"}
            assert flooder["told"] == flooder["ended"].get("RESOURCE_EXHAUSTED", 0)
    allowed = max(1.5 * median(bare), median(bare) + 0.025)
    figures = f"p99 {median(ours):.3f} s of {ours}, allowed {allowed:.3f} s; the echo's: {bare}"
    sys.stdout.write(f"{in_flight} in flight: {figures}\n")
    assert median(ours) <= allowed, figures
