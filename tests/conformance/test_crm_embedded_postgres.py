"""The embedded CRM in PostgreSQL keeps the CRM port's obligations."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from leadline_server.ledger.postgres.ledger import migrate
from leadline_server.storage.postgres.address import PostgresAddress
from leadline_server.testing.crm_conformance import CrmConformance, CrmUnderTest
from support.embedded_postgres import postgres_crm_under_test
from support.postgres import PostgresServer, postgres_server

pytestmark = pytest.mark.system

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - each database is created on disk otherwise, which takes seconds


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server(parent=MEMORY if MEMORY.is_dir() else None) as running:
        yield running


async def build(url: str) -> None:
    """Create the tables in an empty database."""
    await migrate(PostgresAddress(url=url))


class TestEmbeddedCrmInPostgres(CrmConformance):
    @pytest.fixture(autouse=True)
    def _server(self, server: PostgresServer) -> None:
        self.server = server

    @pytest.fixture
    async def crm(self, _server: None) -> AsyncIterator[CrmUnderTest]:
        async with self.open_crm() as opened:
            yield opened

    def open_crm(self) -> AbstractAsyncContextManager[CrmUnderTest]:
        return self.open_crm_in("US")

    @asynccontextmanager
    async def open_crm_in(self, region: str) -> AsyncIterator[CrmUnderTest]:
        url = await self.server.create_like("ledger", build)
        async with postgres_crm_under_test(url, region) as crm:
            yield crm
        self.server.drop(url)
