"""The events of one call in any order, doubled, and some of them late: one log, with the right final state."""

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
from leadline_server.domain.call_log_states import CallLogState
from support.ingress import Ingress, open_ingress, told
from support.webhooks import SYSTEMS, PhoneSystem

FEW: Final = 24
ALL: Final = 1_000
_AT_ONCE: Final = 16
_EACH: Final = pytest.mark.parametrize("name", SYSTEMS)


def shuffled(events: Sequence[bytes], seed: int) -> list[bytes]:
    """The events in a seeded order; each may come twice, and the second time much later than all the others."""
    chance = random.Random(seed)
    order = [*events, *(event for event in events if chance.random() < 0.5)]
    chance.shuffle(order)
    return order


async def send_all(ingress: Ingress, system: PhoneSystem, orders: int) -> None:
    """Send each order as a call of its own, several calls at once, and the events of each call one after the other."""
    free = asyncio.Semaphore(_AT_ONCE)

    async def send(number: int) -> None:
        async with free:
            for body in shuffled(system.events(str(number)), number):
                answer = await ingress.send(system, system.request(body))
                assert answer.status // 100 == 2

    await asyncio.gather(*(send(number) for number in range(orders)))


async def check(ingress: Ingress, system: PhoneSystem, orders: int) -> None:
    logs = {log.call.id: log for log in await ingress.logs()}
    assert sorted(logs) == sorted(system.call_id(str(number)) for number in range(orders))
    for log in logs.values():
        assert {name: told(log, name) for name in system.expected} == system.expected
        assert (log.state, log.user_id) == (CallLogState.LOGGED, "alice")
        assert log.contact is not None
        assert log.contact.name == "Jane Roe"
    assert len({log.crm_log_id for log in logs.values()}) == orders
    assert ingress.count(system.name, "quarantined") == 0


@_EACH
async def test_the_events_in_order_make_one_log(name: str, tmp_path: Path) -> None:
    system = SYSTEMS[name]
    async with open_ingress(tmp_path, **{name: system.settings}) as ingress:
        for body in system.events("0"):
            assert (await ingress.send(system, system.request(body))).status // 100 == 2
        await check(ingress, system, 1)


@_EACH
async def test_the_events_in_any_order_make_one_log(name: str, tmp_path: Path) -> None:
    system = SYSTEMS[name]
    async with open_ingress(tmp_path, **{name: system.settings}) as ingress:
        await send_all(ingress, system, FEW)
        await check(ingress, system, FEW)


@pytest.mark.soak
@_EACH
async def test_the_events_in_a_thousand_orders_make_one_log(name: str, tmp_path: Path) -> None:
    system = SYSTEMS[name]
    async with open_ingress(tmp_path, **{name: system.settings}) as ingress:
        await send_all(ingress, system, ALL)
        await check(ingress, system, ALL)


@_EACH
async def test_all_events_once_more_change_nothing(name: str, tmp_path: Path) -> None:
    system = SYSTEMS[name]
    async with open_ingress(tmp_path, **{name: system.settings}) as ingress:
        requests = [system.request(body) for body in system.events("0")]
        for request in requests:
            await ingress.send(system, request)
        before = await ingress.logs()
        for request in [*requests, *reversed(requests)]:
            assert (await ingress.send(system, request)).status // 100 == 2
        assert await ingress.logs() == before
