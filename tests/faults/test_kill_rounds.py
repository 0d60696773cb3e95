"""kill -9 at random instants under load, round after round, with a CRM that is well and with one that is not."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes.process import FakeProcess
from faults.http_crm.checks import assert_exactly_once
from faults.http_crm.phones import Phones, settled, stranger, want_placeholders
from faults.http_crm.process import crm_process
from faults.http_crm.stage import serving
from support.ledgers import each_ledger
from support.servers import until

pytestmark = each_ledger

SEED = 20_260_304
ROUNDS, SOAK_ROUNDS = 3, 100
NUMBERS = 40  # so many strangers call in a round, half of them for the first time

# The CRM keeps none of leadline's keys unique; it is slower to show a contact, and to finish what it began, than
# leadline can wait for inline; and it is never slower than this.
PROMISES: dict[str, Any] = {"deadline": 1.0, "search_lag": 1.0, "settle_time": 1.0}
INDEX_LAG, LONGEST_LATENCY, LONGEST_TROUBLE = 0.6, 0.4, 0.15
TROUBLES: list[dict[str, Any]] = [
    {},
    {"latency": LONGEST_LATENCY},
    {"latency": 0.05},
    {"mode": "rate_limited"},
    {"mode": "error", "every": 2},
    {"mode": "error_after_commit", "every": 2},
    {"mode": "drop_after_commit", "every": 3},
    {"mode": "hang_after_commit", "every": 5},
    {"mode": "hang"},
    {"refuses": True},
]
ALL_TROUBLES = [pytest.param([{}], id="CRM well"), pytest.param(TROUBLES, id="CRM troubled")]


@pytest.mark.parametrize("troubles", ALL_TROUBLES)
async def test_kill_9_at_random_instants_loses_nothing_and_doubles_nothing(
    tmp_path: Path, troubles: list[dict[str, Any]]
) -> None:
    await killed_again_and_again(tmp_path, ROUNDS, troubles)


@pytest.mark.soak
@pytest.mark.parametrize("troubles", ALL_TROUBLES)
async def test_kill_9_a_hundred_times_loses_nothing_and_doubles_nothing(
    tmp_path: Path, troubles: list[dict[str, Any]]
) -> None:
    await killed_again_and_again(tmp_path, SOAK_ROUNDS, troubles)


async def killed_again_and_again(folder: Path, rounds: int, troubles: list[dict[str, Any]]) -> None:
    chance = random.Random(SEED)
    phones = list[Phones]()
    with crm_process(folder / "crm.db") as crm:
        for number in range(rounds):
            with serving(folder / "data", crm, **PROMISES) as [server]:
                await want_placeholders(server)
                phones.append(Phones(f"round-{number}", callers(number)))
                load = asyncio.create_task(phones[-1].ring_until_gone(server))
                trouble = asyncio.create_task(make_trouble(crm, troubles, chance))
                if number % 3:
                    await asyncio.to_thread(until, lambda: bool(phones[-1].answered))
                await asyncio.sleep(chance.uniform(0.1, 0.9))  # the instant is what chance decides here
                server.kill()
                await load
                trouble.cancel()
        crm.misbehave(index_lag=INDEX_LAG)
        with serving(folder / "data", crm, **PROMISES) as [server]:
            logs = await settled(server, 60 + 3 * rounds)
        assert_exactly_once(crm.written(), logs, phones)
        assert sum(1 for phone in phones if phone.answered) > rounds / 2, "most kills came before any answer"


def callers(round_: int) -> Callable[[int], str]:
    """The strangers of a round, over and over."""
    return lambda call: stranger(round_ * NUMBERS // 2 + call % NUMBERS)


async def make_trouble(crm: FakeProcess, troubles: list[dict[str, Any]], chance: random.Random) -> None:
    """One trouble after the other, in an order of chance."""
    while True:
        crm.misbehave(index_lag=INDEX_LAG, **chance.choice(troubles))
        await asyncio.sleep(chance.uniform(0.02, LONGEST_TROUBLE))
