"""SIGTERM under load, round after round: no accepted call is lost, and the exit is clean and in time."""

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from faults.http_crm.checks import assert_exactly_once
from faults.http_crm.phones import Phones, settled, stranger, want_placeholders
from faults.http_crm.process import crm_process
from faults.http_crm.stage import serving
from support.ledgers import each_ledger

pytestmark = each_ledger

SEED = 20_260_305
ROUNDS, SOAK_ROUNDS = 5, 50
GRACE = 4.0  # seconds, the setting grace_period
MORE = 3.0  # seconds beyond it: 2 for deliveries under way (app.DRAIN_SECONDS), 1 to close the files and to exit
LATENCIES = [0.0, 0.02, 0.2]


async def test_sigterm_under_load_5_times(tmp_path: Path) -> None:
    await terminated_again_and_again(tmp_path, ROUNDS)


@pytest.mark.soak
async def test_sigterm_under_load_50_times(tmp_path: Path) -> None:
    await terminated_again_and_again(tmp_path, SOAK_ROUNDS)


def callers(round_: int) -> Callable[[int], str]:
    """The strangers of a round, over and over; half of them call for the first time."""
    return lambda call: stranger(20 * round_ + call % 40)


async def terminated_again_and_again(folder: Path, rounds: int) -> None:
    chance = random.Random(SEED)
    phones = list[Phones]()
    settings = {"LEADLINE_GRACE_PERIOD": str(GRACE)}
    with crm_process(folder / "crm.db") as crm:
        for number in range(rounds):
            with serving(folder / "data", crm, settings=settings, settle_time=1.0) as [server]:
                await want_placeholders(server)
                crm.misbehave(latency=chance.choice(LATENCIES))
                phones.append(Phones(f"round-{number}", callers(number)))
                load = asyncio.create_task(phones[-1].ring_until_gone(server))
                await asyncio.sleep(chance.uniform(0.1, 0.6))  # the instant is what chance decides here
                began = time.monotonic()
                server.terminate()
                assert await asyncio.to_thread(server.wait) == 0
                assert time.monotonic() - began < GRACE + MORE
                await load
                assert "Traceback" not in server.stderr
        with serving(folder / "data", crm, settings=settings, settle_time=1.0) as [server]:
            logs = await settled(server, 60 + 3 * rounds)
        assert_exactly_once(crm.written(), logs, phones)
        assert sum(1 for phone in phones if phone.answered) > rounds / 2, "most signals came before any answer"
