"""The model of the whole service, with the ledger in PostgreSQL."""

import asyncio
from collections.abc import Iterator

import pytest
from faults.model.test_model import run
from leadline_server.ledger.postgres import open_postgres_ledger
from leadline_server.storage.postgres.address import PostgresAddress
from support.postgres import MEMORY, PostgresServer, postgres_server

RUNS, SOAK_RUNS = 5, 200
TEMPLATE = "ledger"


class PostgresLedgers:
    """Databases for runs, as `faults.model.front.Ledgers`."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._renamed = 0
        server.sql(f"CREATE DATABASE {TEMPLATE}")
        asyncio.run(_build(server.url(TEMPLATE)))

    def create(self) -> str:
        """A new ledger."""
        return self._server.create(TEMPLATE)

    def taken_away(self, ledger: str) -> str:
        """The same database by another name, without its connections."""
        self._renamed += 1
        old, new = ledger.rpartition("/")[2], f"renamed_{self._renamed}"
        self._server.sql(f'ALTER DATABASE "{old}" ALLOW_CONNECTIONS false')
        cut = "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE datname ="
        self._server.sql(f"{cut} '{old}'")
        self._server.sql(f'ALTER DATABASE "{old}" RENAME TO "{new}"')
        self._server.sql(f'ALTER DATABASE "{new}" ALLOW_CONNECTIONS true')
        return self._server.url(new)

    def drop(self, ledger: str) -> None:
        """Drop the database."""
        self._server.drop(ledger)


async def _build(url: str) -> None:
    """A ledger, of which copies are made that are no restored copies."""
    async with open_postgres_ledger(PostgresAddress(url=url)) as made:
        forget = "UPDATE ledger SET database_id = NULL"
        await made.storage.write(lambda connection: connection.execute(forget))


@pytest.fixture
def ledgers() -> Iterator[PostgresLedgers]:
    with postgres_server(parent=MEMORY) as server:
        yield PostgresLedgers(server)


@pytest.mark.system
def test_nothing_that_happens_makes_the_service_on_postgresql_differ_from_its_model(ledgers: PostgresLedgers) -> None:
    run(RUNS, 20, derandomize=True, ledgers=ledgers)


@pytest.mark.soak
def test_nothing_makes_the_service_on_postgresql_differ_in_two_hundred_runs(ledgers: PostgresLedgers) -> None:
    run(SOAK_RUNS, 30, derandomize=False, ledgers=ledgers)
