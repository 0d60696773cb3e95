"""The PostgreSQL ledger keeps the ledger port's obligations."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from leadline_server.ledger.postgres import open_postgres_ledger
from leadline_server.storage.postgres.address import PostgresAddress
from leadline_server.testing.ledger_conformance import LedgerConformance
from leadline_server.testing.ledger_samples import OpenLedger
from support.postgres import PostgresServer, postgres_server
from support.secrets_keys import keys_with

pytestmark = pytest.mark.system

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - each database is created on disk otherwise, which takes seconds


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server(parent=MEMORY if MEMORY.is_dir() else None) as running:
        yield running


async def build(url: str) -> None:
    """Create the tables in an empty database, of which copies are made that are no restored copies."""
    async with open_postgres_ledger(PostgresAddress(url=url)) as made:
        forget = "UPDATE ledger SET database_id = NULL"
        await made.storage.write(lambda connection: connection.execute(forget))


@pytest.fixture
async def url(server: PostgresServer) -> str:
    """The address of a fresh ledger."""
    return await server.create_like("ledger", build)


class TestPostgresLedger(LedgerConformance):
    @pytest.fixture
    def open_ledger(self, url: str) -> OpenLedger:
        keys, address = keys_with(), PostgresAddress(url=url)
        return lambda: open_postgres_ledger(address, keys)
