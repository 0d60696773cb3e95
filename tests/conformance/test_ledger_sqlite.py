"""The SQLite ledger keeps the ledger port's obligations."""

from pathlib import Path

import pytest
from leadline_server.ledger.sqlite import open_sqlite_ledger
from leadline_server.testing.ledger_conformance import LedgerConformance
from leadline_server.testing.ledger_samples import OpenLedger
from support.empty_files import put_empty_ledger
from support.secrets_keys import keys_with


class TestSqliteLedger(LedgerConformance):
    @pytest.fixture
    async def open_ledger(self, tmp_path: Path) -> OpenLedger:
        keys, path = keys_with(), tmp_path / "ledger.db"
        await put_empty_ledger(path)
        return lambda: open_sqlite_ledger(path, keys)
