"""The PostgreSQL ledger keeps the ledger port's obligations."""

import pytest
from leadline_server.ledger.postgres import open_postgres_ledger
from leadline_server.storage.postgres.address import PostgresAddress
from leadline_server.testing.ledger_conformance import LedgerConformance
from leadline_server.testing.ledger_samples import OpenLedger
from support.postgres import PostgresServer
from support.postgres_ledgers import new_ledger
from support.secrets_keys import keys_with

pytestmark = pytest.mark.system


class TestPostgresLedger(LedgerConformance):
    @pytest.fixture
    async def open_ledger(self, postgres: PostgresServer) -> OpenLedger:
        keys, address = keys_with(), PostgresAddress(url=await new_ledger(postgres))
        return lambda: open_postgres_ledger(address, keys)
