"""Watchers of three servers, while commits are delayed by chance and foreign transactions stay open."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any, Final

import asyncpg
import grpc
import pytest
from faults.http_crm.phones import report, settled, stranger, want_placeholders
from faults.http_crm.process import crm_process
from leadline.v1 import call_log_service_pb2 as pb
from leadline.v1.call_log_service_pb2_grpc import CallLogServiceStub
from support.postgres import MEMORY, PostgresServer, postgres_server
from support.servers import ServerProcess
from system.postgres_stage import sharing

ACCOUNT: Final = "demo"
SERVERS: Final = 3
WATCHERS: Final = 6
WRITERS: Final = 12
SEED: Final = 20_261_129
MOVE_AFTER: Final = 40
"""After so many messages a watcher goes on at another server."""

OPEN_SECONDS, SOAK_OPEN_SECONDS = 8.0, 60.0
"""How long the foreign transactions stay open while calls are reported."""

LATE_SECONDS: Final = 10.0
"""A change that a watcher has not seen so long after the last report is late."""

DELAY: Final = """
    CREATE FUNCTION delay() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_sleep(random() * random() * 0.1); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER delays_commits AFTER INSERT OR UPDATE ON call_logs
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION delay();
"""
"""Deferred triggers run when everything is written and the commit begins."""

COMMITS: Final = """
    SELECT call_id FROM call_logs WHERE account_id = 'demo' ORDER BY sequence
"""
FOREIGN: Final = "BEGIN; CREATE TABLE foreign_rows (id integer); INSERT INTO foreign_rows VALUES (1)"
OUT_OF_ORDER: Final = """
    SELECT count(*) FROM (
        SELECT pg_xact_commit_timestamp(xmin) AS at,
            lag(pg_xact_commit_timestamp(xmin)) OVER (ORDER BY sequence) AS before
        FROM call_logs WHERE account_id = 'demo'
    ) AS ordered WHERE at < before
"""


class Watcher:
    """Follows the account, at one server after the other. `seen` has each call's id at its latest change, in order."""

    def __init__(self, servers: Sequence[ServerProcess], first: int) -> None:
        self._servers = servers
        self._turn = first
        self._token = ""
        self.is_watching = asyncio.Event()
        self.seen: dict[str, int] = {}

    async def watch(self) -> None:
        """Watch until cancelled."""
        while True:
            server = self._servers[self._turn % len(self._servers)]
            self._turn += 1
            async with grpc.aio.insecure_channel(server.address) as channel:
                request = pb.WatchCallLogsRequest(account_id=ACCOUNT, resume_token=self._token)
                messages = 0
                async for message in CallLogServiceStub(channel).WatchCallLogs(request):
                    self._take(message)
                    messages += 1
                    if messages >= MOVE_AFTER:
                        break

    def _take(self, message: Any) -> None:
        self._token = message.resume_token
        self.is_watching.set()
        if message.HasField("call_log"):
            call_id, revision = message.call_log.call.id, message.call_log.revision
            assert revision >= self.seen.pop(call_id, 0), f"{call_id} goes back to revision {revision}"
            self.seen[call_id] = revision


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server(parent=MEMORY, options={"track_commit_timestamp": "on"}) as running:
        yield running


@pytest.mark.system
async def test_watchers_miss_nothing_and_see_the_order_of_commits(tmp_path: Path, postgres: PostgresServer) -> None:
    await watched(tmp_path, postgres, OPEN_SECONDS)


@pytest.mark.soak
async def test_a_foreign_transaction_of_a_minute_delays_no_watcher(tmp_path: Path, postgres: PostgresServer) -> None:
    await watched(tmp_path, postgres, SOAK_OPEN_SECONDS)


async def watched(folder: Path, postgres: PostgresServer, seconds: float) -> None:
    url = postgres.create()
    with crm_process(folder / "crm.db") as crm, sharing(folder, crm, url, SERVERS) as servers:
        await want_placeholders(servers[0])
        postgres.sql(DELAY, url.rpartition("/")[2])
        watchers = [Watcher(servers, number) for number in range(WATCHERS)]
        async with foreign_transactions([url, postgres.create()]), watching(watchers):
            reported = await report_for(servers, seconds)
            logs = await settled(servers[0])
            late = monotonic() + LATE_SECONDS
            while any(watcher.seen != {call_id: logs[call_id].revision for call_id in logs} for watcher in watchers):
                assert monotonic() < late, [len(reported - watcher.seen.keys()) for watcher in watchers]
                await asyncio.sleep(0.1)
        order = postgres.sql(COMMITS, url.rpartition("/")[2]).splitlines()
        out_of_order = postgres.sql(OUT_OF_ORDER, url.rpartition("/")[2])
    assert len(order) == len(reported) > 10 * seconds
    assert out_of_order == "0"
    for watcher in watchers:
        assert list(watcher.seen) == order


@asynccontextmanager
async def watching(watchers: Sequence[Watcher]) -> AsyncIterator[None]:
    """Watchers that have begun, until the body ends."""
    tasks = [asyncio.create_task(watcher.watch()) for watcher in watchers]
    try:
        for watcher in watchers:
            await watcher.is_watching.wait()
        yield
        assert not any(task.done() for task in tasks), "a watch has ended"
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def foreign_transactions(urls: Sequence[str]) -> AsyncIterator[None]:
    """An open transaction in each of these databases that has written something, until the body ends."""
    connections: list[Any] = [await asyncpg.connect(url) for url in urls]
    try:
        for connection in connections:
            await connection.execute(
                "BEGIN; CREATE TABLE foreign_rows (id integer); INSERT INTO foreign_rows VALUES (1)"
            )
        yield
    finally:
        for connection in connections:
            with suppress(asyncpg.PostgresError):
                await connection.execute("ROLLBACK")
            await connection.close()


async def report_for(servers: Sequence[ServerProcess], seconds: float) -> set[str]:
    """Report calls, in turn to each server; returns their ids."""
    chance, end, reported = random.Random(SEED), monotonic() + seconds, set[str]()

    async def write(writer: int, stub: CallLogServiceStub) -> None:
        number = 0
        while monotonic() < end:
            call_id = f"writer-{writer}-{number}"
            number += 1
            await stub.LogCall(report(call_id, stranger(chance.randrange(50))), timeout=30)
            reported.add(call_id)
            await asyncio.sleep(chance.uniform(0, 0.1))

    channels = [grpc.aio.insecure_channel(server.address) for server in servers]
    stubs = [CallLogServiceStub(channel) for channel in channels]
    await asyncio.gather(*(write(number, stubs[number % len(stubs)]) for number in range(WRITERS)))
    for channel in channels:
        await channel.close()
    return reported
