"""The embedded CRM in PostgreSQL keeps the CRM port's obligations."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from leadline_server.testing.crm_conformance import CrmConformance, CrmUnderTest
from support.embedded_postgres import postgres_crm_under_test
from support.postgres import PostgresServer
from support.postgres_ledgers import new_ledger

pytestmark = pytest.mark.system


class TestEmbeddedCrmInPostgres(CrmConformance):
    @pytest.fixture(autouse=True)
    def _server(self, postgres: PostgresServer) -> None:
        self.server = postgres

    @pytest.fixture
    async def crm(self, _server: None) -> AsyncIterator[CrmUnderTest]:
        async with self.open_crm() as opened:
            yield opened

    def open_crm(self) -> AbstractAsyncContextManager[CrmUnderTest]:
        return self.open_crm_in("US")

    @asynccontextmanager
    async def open_crm_in(self, region: str) -> AsyncIterator[CrmUnderTest]:
        url = await new_ledger(self.server)
        async with postgres_crm_under_test(url, region) as crm:
            yield crm
        self.server.drop(url)
