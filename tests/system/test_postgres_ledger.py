"""A ledger in PostgreSQL: the one database that it stays in, and the spans of its reads and writes."""

from contextlib import nullcontext
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.ledger.postgres import open_postgres_ledger
from leadline_server.storage.postgres.address import PostgresAddress
from leadline_server.storage.postgres.traced import TracedPostgresDatabase
from leadline_server.testing.ledger_samples import counted, key
from support.postgres import PostgresServer

pytestmark = pytest.mark.system


async def test_an_address_that_leads_to_another_database_is_refused(postgres: PostgresServer) -> None:
    url = postgres.create()
    name = url.rpartition("/")[2]
    async with open_postgres_ledger(PostgresAddress(url=url)) as ledger:
        await ledger.call_logs.change(key(), counted)
        postgres.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")  # noqa: S608 - the test made the name
        postgres.sql(f'ALTER DATABASE "{name}" RENAME TO "{name}_moved"')
        postgres.sql(f'CREATE DATABASE "{name}" TEMPLATE "{name}_moved"')
        with pytest.raises(LedgerUnavailable, match="another PostgreSQL database"):
            await ledger.call_logs.change(key(), counted)


async def test_reads_and_writes_have_spans(postgres: PostgresServer) -> None:
    names = []

    class Noting:
        def span(self, name: str) -> Any:
            names.append(name)
            return nullcontext()

    tracing: Any = Noting()
    make = partial(TracedPostgresDatabase, tracing)
    async with open_postgres_ledger(PostgresAddress(url=postgres.create()), make=make) as ledger:
        names.clear()
        await ledger.call_logs.change(key(), counted)
        assert names == ["ledger write"]
        await ledger.call_logs.get(key())
        assert names == ["ledger write", "ledger read"]
        await ledger.copy_mark.make_live(datetime.now(UTC))
        assert names == ["ledger write", "ledger read", "ledger write"]
