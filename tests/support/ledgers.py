"""Where the ledgers of a test are: in files, or in PostgreSQL databases that stand for them.

A test that uses the fixture `each_ledger` runs once with each. A server that it starts on a data directory then has its
ledger in a database, one for each directory; the helpers of the tests ask `ledger_of` for its address.
"""

import json
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import pytest
from leadline_server.config import Settings
from leadline_server.encryption.keys import SecretsKeys
from leadline_server.ledger_opening import open_ledger
from leadline_server.ports.ledger import Ledger

SQLITE: Final = "sqlite"
POSTGRESQL: Final = "postgresql"
EACH: Final = (SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.system))

each_ledger = pytest.mark.usefixtures("each_ledger")
"""Of tests that run with both."""

in_files_only = pytest.mark.parametrize("each_ledger", [SQLITE], indirect=True)
"""Of a test among these that depends on files of SQLite."""


def in_rounds(full: int, short: int) -> pytest.MarkDecorator:
    """Of a test with an argument `rounds`: all of them in files, and in PostgreSQL fewer in the short form."""
    in_postgres = ((short, pytest.mark.system), (full, pytest.mark.soak))
    short_and_full = [pytest.param(POSTGRESQL, rounds, marks=mark) for rounds, mark in in_postgres]
    return pytest.mark.parametrize(
        ("each_ledger", "rounds"), [(SQLITE, full), *short_and_full], indirect=["each_ledger"]
    )


class Databases(Protocol):
    """Makes databases with the tables of a ledger; see `support.postgres_ledgers`."""

    def create(self) -> str:
        """Create one. Returns its address."""

    def drop(self, url: str) -> None:
        """Drop it."""

    def rows(self, url: str, query: str) -> str:
        """The only value that a query gives."""


_chosen: list[tuple[Databases, dict[Path, str]]] = []


def ledger_of(data_dir: Path) -> str:
    """The setting `ledger` for a data directory; empty: the file in it."""
    if not _chosen:
        return ""
    databases, urls = _chosen[-1]
    if data_dir not in urls:
        urls[data_dir] = databases.create()
    return urls[data_dir]


def settings_of(data_dir: Path) -> dict[str, str]:
    """The environment variable of that setting, if it is needed."""
    url = ledger_of(data_dir)
    return {"LEADLINE_LEDGER": url} if url else {}


def opened_ledger(data_dir: Path, keys: SecretsKeys | None = None) -> AbstractAsyncContextManager[Ledger]:
    """The ledger of a data directory."""
    return open_ledger(Settings(data_dir=data_dir, ledger=ledger_of(data_dir)), keys=keys)


def postgres_rows(data_dir: Path, query: str) -> list[tuple[Any, ...]] | None:
    """The rows that a query gives; None: the ledger is a file."""
    if not _chosen:
        return None
    found = _chosen[-1][0].rows(ledger_of(data_dir), f"SELECT json_agg(to_json(each)) FROM ({query}) AS each")  # noqa: S608 - the test's own
    return [tuple(row.values()) for row in json.loads(found or "[]")]


@contextmanager
def in_databases(databases: Databases) -> Iterator[None]:
    """While the body runs, ledgers are in databases, not in files."""
    urls: dict[Path, str] = {}
    _chosen.append((databases, urls))
    try:
        yield
    finally:
        _chosen.pop()
        for url in urls.values():
            databases.drop(url)
