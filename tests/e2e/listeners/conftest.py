"""A server with accounts to which listeners report."""

from collections.abc import Iterator
from itertools import count
from typing import Final

import pytest
from e2e.listening import Account
from support.servers import ServerProcess, server_of_accounts

ACCOUNTS: Final = 32
_numbers = count()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with server_of_accounts(tmp_path_factory.mktemp("listeners"), ACCOUNTS) as running:
        yield running


@pytest.fixture
def account(server: ServerProcess) -> Iterator[Account]:
    account = Account(server, f"a{next(_numbers)}")
    with account.client:
        yield account
