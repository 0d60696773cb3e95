"""A server with accounts into which the tests import call records."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from e2e.imports.importing_account import GENERIC, Account
from support.servers import ServerProcess, server_of_accounts

ACCOUNTS: Final = 60


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with server_of_accounts(tmp_path_factory.mktemp("imports"), ACCOUNTS) as running:
        yield running


@pytest.fixture
def account(server: ServerProcess) -> Iterator[Account]:
    account = Account(server)
    with account.client:
        yield account


@pytest.fixture
def generic(tmp_path: Path) -> Path:
    path = tmp_path / "calls.csv"
    path.write_text(GENERIC)
    return path
