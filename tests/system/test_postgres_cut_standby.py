"""The primary is cut off from its synchronous standby: no call is confirmed that the standby does not have."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import grpc
import pytest
from e2e.crm_journey import a_call
from fakes.process import FakeProcess, fake_process
from leadline import AsyncClient, LeadlineError
from support.forwarders import Forwarder, forwarder
from support.postgres import MEMORY, PostgresServer, postgres_server
from support.servers import ServerProcess, until
from system.postgres_replicas import SECONDS, clients_of, servers, until_logged
from system.test_postgres_failover import NOT_SERVING, PERSON, SERVING, until_health

pytestmark = pytest.mark.system

FEW, CALLS = 20, 60
PATIENCE: Final = 4.0
"""How long a client waits for an answer, in seconds; longer than a server waits for PostgreSQL."""

REFUSED: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})
REPLAYED: Final = "SELECT pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()"


@dataclass
class Callers:
    """They report calls to the servers by turns.

    Attributes:
        answered: the calls whose report ended OK.
        codes: how the other reports ended.
    """

    clients: list[AsyncClient]
    answered: set[str] = field(default_factory=set)
    codes: set[grpc.StatusCode] = field(default_factory=set)

    async def report(self, number: int) -> None:
        """Report a call once."""
        call_id = f"call-{number}"
        try:
            client = self.clients[number % len(self.clients)]
            await client.log_call(a_call(call_id, "+12025550147"), timeout=PATIENCE)
        except LeadlineError as error:
            self.codes.add(error.code)
        else:
            self.answered.add(call_id)

    async def report_all(self, first: int, last: int) -> None:
        """Report calls once."""
        await asyncio.gather(*map(self.report, range(first, last)))

    async def until_answered(self, first: int, last: int) -> None:
        """Report calls, ten a second, each again until it is answered."""
        async with asyncio.timeout(SECONDS), asyncio.TaskGroup() as group:
            for number in range(first, last):
                group.create_task(self._until_answered(number))
                await asyncio.sleep(0.1)

    async def _until_answered(self, number: int) -> None:
        while f"call-{number}" not in self.answered:
            await self.report(number)
            await asyncio.sleep(0.1)


@dataclass(frozen=True)
class Stage:
    """Two servers on a primary, whose standby is behind a link."""

    primary: PostgresServer
    standby: PostgresServer
    link: Forwarder
    database: str
    crm: FakeProcess
    running: list[ServerProcess]
    callers: Callers

    async def cut(self) -> None:
        """Cut the link. The servers have noticed when this ends."""
        self.link.cut()
        await until_health(self.running, NOT_SERVING)

    def on_standby(self) -> set[str]:
        """The calls that the standby has."""
        until(lambda: self.standby.sql(REPLAYED) == "t")
        return set(self.standby.sql("SELECT call_id FROM call_logs", self.database).splitlines())

    async def logs(self) -> list[int]:
        """How many logs each answered call has in the CRM, once all have one."""
        for call_id in self.callers.answered:
            await until_logged(self.callers.clients[1], call_id)
        return [len(logs) for logs in self.crm.written().logs.values()]


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    with ExitStack() as stack:
        primary = stack.enter_context(postgres_server(parent=MEMORY))
        link = stack.enter_context(forwarder(primary.port))
        standby = stack.enter_context(primary.standby("second", port=link.port))
        crm = stack.enter_context(fake_process("hubspot", folder / "crm"))
        primary.configure(synchronous_standby_names="second")
        crm.control("POST", "/people", [PERSON])
        url = primary.create()
        both = url.replace(f":{primary.port}/", f":{primary.port},127.0.0.1:{standby.port}/")
        running = stack.enter_context(servers(folder, crm, both, 2, LEADLINE_LEDGER_TIMEOUT="2"))
        async with clients_of(running) as clients:
            yield Stage(primary, standby, link, url.rpartition("/")[2], crm, running, Callers(clients))


async def test_nothing_is_confirmed_while_the_standby_is_cut_off_and_all_is_there_once_afterwards(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path) as here:
        await here.callers.until_answered(0, FEW)
        before = set(here.callers.answered)
        await here.cut()
        await here.callers.report_all(FEW, CALLS)
        assert here.callers.answered == before == here.on_standby()
        here.link.join()
        await until_health(here.running, SERVING)
        await here.callers.until_answered(FEW, CALLS)
        assert await here.logs() == [1] * CALLS
        assert here.callers.codes <= REFUSED
        assert len(here.on_standby()) == CALLS


async def test_a_standby_that_is_promoted_while_it_is_cut_off_has_every_call_that_was_confirmed(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path) as here:
        reporting = asyncio.create_task(here.callers.until_answered(0, CALLS))
        await asyncio.sleep(1)  # some of the calls
        await here.cut()
        before = set(here.callers.answered)
        assert 0 < len(before) < CALLS
        assert before <= here.on_standby()
        await asyncio.to_thread(here.standby.promote)
        await asyncio.sleep(PATIENCE)  # both take writes, and the old primary confirms none
        assert here.callers.answered == before
        here.primary.stop("immediate")  # it is fenced
        await until_health(here.running, SERVING)
        await reporting
        assert await here.logs() == [1] * CALLS
        assert here.callers.codes <= REFUSED
