"""Pruning in PostgreSQL locks an account for one statement, and counts what others write meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

import asyncpg
import pytest
from leadline_server.ledger.postgres import open_postgres_ledger
from leadline_server.ports.ledger import Ledger
from leadline_server.storage.postgres.address import PostgresAddress
from leadline_server.testing.ledger_retention_cases import finished
from leadline_server.testing.ledger_samples import NOW, put
from support.postgres import PostgresServer
from support.postgres_proxy import postgres_proxy
from support.servers import until

pytestmark = pytest.mark.system

CALLS: Final = 20
LATER: Final = NOW + timedelta(days=400)
COUNTERS: Final = "SELECT sequence || ' ' || pruned_through || ' ' || blocks FROM account_counters"
WAITING: Final = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


@asynccontextmanager
async def filled(url: str) -> AsyncIterator[Ledger]:
    """A ledger with finished calls."""
    async with open_postgres_ledger(PostgresAddress(url=url)) as ledger:
        for number in range(CALLS):
            await put(ledger, finished(f"call-{number}"))
        yield ledger


async def test_one_statement_of_a_step_locks_the_account(postgres: PostgresServer) -> None:
    with postgres_proxy(postgres.port) as proxy:
        async with filled(proxy.url(postgres.create())) as ledger:
            before = proxy.trips.statements.copy()
            assert (await ledger.retention.prune_calls(LATER, "", CALLS)).deleted == CALLS
            sent = proxy.trips.statements - before
    writing = [text for text in sent if "DELETE" in text or "UPDATE" in text]
    assert len(writing) == 1, writing
    assert sent[writing[0]] == 1


async def test_a_step_counts_what_others_write_while_it_waits_for_them(postgres: PostgresServer) -> None:
    url = postgres.create()
    database = url.rpartition("/")[2]
    async with filled(url) as ledger:
        other = await asyncpg.connect(url)
        transaction = other.transaction()
        await transaction.start()
        await other.execute("UPDATE account_counters SET sequence = sequence + 7, blocks = blocks + 5")
        await other.execute("UPDATE call_logs SET body = body || '\\x20' WHERE call_id = 'call-3'")
        step = asyncio.create_task(ledger.retention.prune_calls(LATER, "", CALLS))
        await asyncio.to_thread(until, lambda: postgres.sql(WAITING) == "1")
        await transaction.commit()
        await other.close()
        assert (await step).deleted == CALLS - 1
        assert postgres.sql("SELECT call_id FROM call_logs", database) == "call-3"
        assert postgres.sql(COUNTERS, database) == f"{CALLS + 7} {CALLS} {5 + 1}"
