"""Several servers on one ledger: each call is delivered by one of them, and by another one if that dies."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from leadline_server.concurrency import lease as lease_module
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.call_log_states import CallLogState
from leadline_server.domain.leases import LEASE
from leadline_server.ports.ledger import CallKey
from support.apps import ACCOUNT, STRANGER, Harness, open_harness
from support.crms import Switch
from support.ledgers import each_ledger

pytestmark = each_ledger

REPORTS = 64


@dataclass
class Server:
    """One of several apps on one folder, behind its own way to the CRM."""

    harness: Harness
    crm: Switch
    tasks: set[asyncio.Task[object]]

    def die(self) -> None:
        """End all that it does at once, with nothing recorded and nothing given back."""
        for task in self.tasks | {delivery.task for delivery in _worker(self.harness).in_flight.values()}:
            task.cancel()


def _worker(harness: Harness):  # type: ignore[no-untyped-def] # noqa: ANN202 - its type is private
    return harness.app.commands.log_call._worker  # noqa: SLF001 - only the worker knows the calls under way


@asynccontextmanager
async def server(folder: Path) -> AsyncIterator[Server]:
    crm, before = Switch(), asyncio.all_tasks()
    async with open_harness(folder, wrap=crm.wrap) as harness:
        yield Server(harness, crm, asyncio.all_tasks() - before)


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[tuple[Server, Server]]:
    """Two servers that know of one contact: STRANGER is Ada Lovelace."""
    async with server(tmp_path) as first, server(tmp_path) as second:
        await first.harness.create("Ada Lovelace", STRANGER)
        yield first, second


def is_logged(log: CallLog) -> bool:
    return log.state is CallLogState.LOGGED and not log.update_pending


async def leased_by(server: Server, call_id: str) -> CallLog:
    """The call log, once this server carries it."""
    async with asyncio.timeout(20):
        while True:
            log = await server.harness.app.ledger.call_logs.get(CallKey(ACCOUNT, call_id))
            if log is not None and log.lease_owner == _worker(server.harness).id:
                return log
            await asyncio.sleep(0.01)


async def test_64_reports_of_one_call_over_two_servers_make_one_log_and_get_one_answer(
    servers: tuple[Server, Server],
) -> None:
    for number in range(5):
        logs = await asyncio.gather(*(servers[i % 2].harness.log(f"call-{number}") for i in range(REPORTS)))
        assert all(log == logs[0] for log in logs)
        assert logs[0].state is CallLogState.LOGGED
        assert sum(each.crm.calls["create_call_log"] for each in servers) == number + 1


async def test_news_to_one_server_of_a_call_that_another_delivers_are_waited_for(
    servers: tuple[Server, Server],
) -> None:
    first, second = servers
    first.crm.hang()
    log = asyncio.create_task(first.harness.log("call-1"))
    await leased_by(first, "call-1")
    news = asyncio.create_task(second.harness.log("call-1", note="They called back."))
    await second.harness.settled("call-1", lambda log: log.call.note == "They called back.")
    for delivery in _worker(first.harness).in_flight.values():
        delivery.cut(TimeoutError())  # its CRM hangs; after this attempt another one begins
    first.crm.come_back()
    assert is_logged(await first.harness.settled("call-1", is_logged))
    assert (await news).call.note == "They called back."
    await log
    assert sum(each.crm.calls["create_call_log"] for each in servers) == 1


async def test_a_server_answers_pending_within_the_budget_while_another_one_is_at_it(
    servers: tuple[Server, Server],
) -> None:
    first, second = servers
    first.crm.hang()
    await first.harness.log("call-1", seconds=0.2)
    async with asyncio.timeout(2):
        log = await second.harness.log("call-1", seconds=0.3)
    assert log.state is CallLogState.PENDING
    assert second.crm.calls["create_call_log"] == 0


async def test_what_a_dead_server_was_delivering_another_one_delivers_when_the_lease_is_over(
    servers: tuple[Server, Server],
) -> None:
    first, second = servers
    first.crm.hang()
    calls = [asyncio.create_task(first.harness.log(f"call-{i}")) for i in range(8)]
    for i in range(8):
        await leased_by(first, f"call-{i}")
    first.die()
    async with asyncio.timeout(LEASE.total_seconds() + 1.5):
        for i in range(8):
            await second.harness.settled(f"call-{i}", is_logged)
    assert second.crm.calls["create_call_log"] == 8
    assert (first.crm.calls["create_call_log"], second.crm.calls["update_call_log"]) == (0, 0)
    await asyncio.gather(*calls, return_exceptions=True)


async def test_whoever_asks_for_a_dead_servers_call_takes_it_over_themselves(servers: tuple[Server, Server]) -> None:
    first, second = servers
    first.crm.hang()
    call = asyncio.create_task(first.harness.log("call-1"))
    await leased_by(first, "call-1")
    first.die()
    second.harness.clock.advance(LEASE)
    assert is_logged(await second.harness.log("call-1"))
    await asyncio.gather(call, return_exceptions=True)


def _is_renewed(log: CallLog, now: datetime) -> bool:
    return log.lease_until is not None and log.lease_until >= now + LEASE


async def test_a_slow_delivery_renews_its_lease_and_is_not_delivered_twice(
    servers: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = servers
    monkeypatch.setattr(lease_module, "RENEW_SECONDS", 0.05)
    is_well = asyncio.Event()

    async def slow(_: str) -> None:
        await is_well.wait()

    first.crm.before = slow
    call = asyncio.create_task(first.harness.log("call-1"))
    await leased_by(first, "call-1")
    for _ in range(3):
        for each in servers:
            each.harness.clock.advance(timedelta(seconds=3))
        await second.harness.settled("call-1", partial(_is_renewed, now=first.harness.clock.now()))
    is_well.set()
    assert is_logged(await call)
    assert second.crm.calls["create_call_log"] == 0
    assert first.crm.calls["create_call_log"] == 1


async def test_a_delivery_whose_lease_another_server_took_is_stopped_and_the_others_answer_given(
    servers: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = servers
    first.crm.hang()
    call = asyncio.create_task(first.harness.log("call-1", seconds=15.0))
    await leased_by(first, "call-1")
    monkeypatch.setattr(lease_module, "RENEW_SECONDS", 0.05)
    second.crm.before = first.crm.before  # so that the second is still at it when the first finds out
    second.harness.clock.advance(LEASE)
    await leased_by(second, "call-1")
    async with asyncio.timeout(5):
        while _worker(first.harness).in_flight.values():
            await asyncio.sleep(0.01)
    second.crm.come_back()
    for delivery in _worker(second.harness).in_flight.values():
        delivery.cut(TimeoutError())
    assert is_logged(await second.harness.settled("call-1", is_logged))
    assert (await call).call_id == "call-1"
    assert (first.crm.calls["create_call_log"], second.crm.calls["create_call_log"]) == (0, 1)
