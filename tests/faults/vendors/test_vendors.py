"""Every vendor's CRM passes the tests of a plain CRM: crashes, outages, lost answers and lagging searches."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from fakes.connections import OPTIONS
from fakes.process import FakeProcess, fake_process
from faults.http_crm.checks import assert_exactly_once
from faults.http_crm.phones import PENDING, Phones, settled, stranger, want_placeholders
from faults.vendors.stage import INDEX_LAG, serving, written_of

SEED: Final = 20_261_125
ROUNDS, SOAK_ROUNDS = 1, 25
LOST_CALLS, SOAK_LOST_CALLS = 24, 300
OUTAGE_CALLS, SOAK_OUTAGE_CALLS = 40, 1_000
FEW_LOOKUPS: Final = {"bottlecrm": 200}
"""Calls of a long outage where the CRM allows few lookups: BottleCRM two a second, which leadline keeps to."""

PAUSES: Final = {"pipedrive": 0.1}
"""Seconds between two calls of a line where logs are found by reading the latest: twice as many, four times as long."""

STRANGERS: Final = 12
SETTLE_SECONDS: Final = 60.0

TROUBLES: Final[list[dict[str, Any]]] = [
    {},
    {"latency": 0.05},
    {"mode": "rate_limited"},
    {"mode": "error", "every": 2},
    {"mode": "unavailable"},
    {"mode": "error_after_commit", "every": 2},
    {"mode": "drop_after_commit", "every": 3},
    {"refuses": True},
]
OUTAGES: Final = [
    pytest.param({"refuses": True}, id="refused"),
    pytest.param({"mode": "error"}, id="500"),
    pytest.param({"mode": "rate_limited"}, id="429"),
    pytest.param({"mode": "html"}, id="a page"),
]

AT_LEAST_ONCE: Final = {"bottlecrm"}
"""CRMs that cannot tell whether they have a call: after a lost answer its log may be there twice."""

vendors = pytest.mark.parametrize("vendor", OPTIONS)
vendors_that_find_logs = pytest.mark.parametrize(
    "vendor", [vendor for vendor in OPTIONS if vendor not in AT_LEAST_ONCE]
)


@vendors_that_find_logs
async def test_kill_9_loses_nothing_and_doubles_nothing(tmp_path: Path, vendor: str) -> None:
    await killed(tmp_path, vendor, ROUNDS)


@pytest.mark.soak
@vendors_that_find_logs
async def test_kill_9_again_and_again_loses_nothing_and_doubles_nothing(tmp_path: Path, vendor: str) -> None:
    await killed(tmp_path, vendor, SOAK_ROUNDS)


@vendors_that_find_logs
async def test_every_third_write_is_done_and_its_answer_lost(tmp_path: Path, vendor: str) -> None:
    await lost_answers(tmp_path, vendor, LOST_CALLS)


@pytest.mark.soak
@vendors_that_find_logs
async def test_every_third_write_is_done_and_its_answer_lost_for_long(tmp_path: Path, vendor: str) -> None:
    await lost_answers(tmp_path, vendor, SOAK_LOST_CALLS)


@vendors
async def test_calls_of_an_outage_arrive_once_when_it_is_over(tmp_path: Path, vendor: str) -> None:
    await outage(tmp_path, vendor, {"refuses": True}, OUTAGE_CALLS)


@pytest.mark.soak
@vendors
@pytest.mark.parametrize("trouble", OUTAGES)
async def test_a_thousand_calls_of_an_outage_arrive_once(tmp_path: Path, vendor: str, trouble: dict[str, Any]) -> None:
    await outage(tmp_path, vendor, trouble, FEW_LOOKUPS.get(vendor, SOAK_OUTAGE_CALLS))


@vendors
async def test_calls_from_one_new_number_at_two_servers_make_one_contact_though_the_search_lags(
    tmp_path: Path, vendor: str
) -> None:
    with fake_process(vendor, tmp_path / "crm") as crm:
        crm.misbehave(index_lag=INDEX_LAG)
        with serving(tmp_path / "data", crm, size=2) as servers:
            await want_placeholders(servers[0])
            phones = Phones("new", lambda _: stranger(47), steps=1)
            await phones.ring(servers, 10, lines=10)  # at once
            await phones.ring(servers[-1:], 5, lines=1)  # one after the other
            logs = await settled(servers[0], SETTLE_SECONDS)
        assert_exactly_once(written_of(crm), logs, [phones])


async def killed(folder: Path, vendor: str, rounds: int) -> None:
    """Kill the server while it is at work and the CRM is in trouble, and start it again."""
    chance = random.Random(SEED)
    phones = list[Phones]()
    with fake_process(vendor, folder / "crm") as crm:
        for number in range(rounds):
            with serving(folder / "data", crm) as [server]:
                await want_placeholders(server)
                phones.append(Phones(f"round-{number}", callers(number)))
                load = asyncio.create_task(phones[-1].ring_until_gone(server, lines=12, pause=PAUSES.get(vendor, 0.0)))
                trouble = asyncio.create_task(make_trouble(crm, chance))
                await asyncio.sleep(chance.uniform(0.3, 1.0))  # the instant is what chance decides here
                server.kill()
                await load
                trouble.cancel()
        crm.misbehave(index_lag=INDEX_LAG)
        with serving(folder / "data", crm) as [server]:
            logs = await settled(server, SETTLE_SECONDS + 3 * rounds)
        assert_exactly_once(written_of(crm), logs, phones)
        assert any(phone.answered for phone in phones), "every kill came before any answer"


def callers(round_: int) -> Callable[[int], str]:
    """The strangers of a round, over and over; half of them called in the round before."""
    return lambda call: stranger(round_ * STRANGERS // 2 + call % STRANGERS)


async def make_trouble(crm: FakeProcess, chance: random.Random) -> None:
    """One trouble after the other, in an order of chance."""
    while True:
        crm.misbehave(index_lag=INDEX_LAG, **chance.choice(TROUBLES))
        await asyncio.sleep(chance.uniform(0.05, 0.2))


async def lost_answers(folder: Path, vendor: str, calls: int) -> None:
    """Report calls in turn from some strangers while the answers to writes are lost."""
    with fake_process(vendor, folder / "crm") as crm:
        with serving(folder / "data", crm) as [server]:
            await want_placeholders(server)
            crm.misbehave(mode="drop_after_commit", every=3, index_lag=INDEX_LAG)
            phones = Phones("lost", lambda call: stranger(call % STRANGERS), timeout=3.0)
            await phones.ring([server], calls)
            crm.misbehave(index_lag=INDEX_LAG)
            logs = await settled(server, SETTLE_SECONDS + calls)
        assert len(logs) == calls
        assert_exactly_once(written_of(crm), logs, [phones])


async def outage(folder: Path, vendor: str, trouble: dict[str, Any], calls: int) -> None:
    """Report calls while the CRM is down."""
    with fake_process(vendor, folder / "crm") as crm:
        with serving(folder / "data", crm) as [server]:
            await want_placeholders(server)
            crm.misbehave(**trouble)
            phones = Phones("down", lambda call: stranger(call % STRANGERS))
            await phones.ring([server], calls)
            assert {answer.state for answer in phones.answers.values()} == {PENDING}
            crm.recover()
            logs = await settled(server, SETTLE_SECONDS + (calls if vendor in FEW_LOOKUPS else calls / 5))
        assert len(logs) == calls
        assert_exactly_once(written_of(crm), logs, [phones])
