"""Reads a server's database from another process."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from support.ledgers import postgres_rows

NAME: Final = "ledger.db"


def dump(data_dir: Path) -> list[str]:
    """Everything in the database, as SQL."""
    return _dumped(data_dir / NAME)


def rows(database: Path, query: str) -> list[tuple[Any, ...]]:
    """The rows that a query gives. Where a PostgreSQL database stands for the file, they are that one's."""
    if (found := postgres_rows(database.parent, query)) is not None:
        return found
    with _opened(database) as connection:
        return connection.execute(query).fetchall()


def _dumped(database: Path) -> list[str]:
    with _opened(database) as connection:
        return list(connection.iterdump())


@contextmanager
def _opened(database: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        connection.execute("BEGIN")  # one snapshot, whatever the server commits meanwhile
        yield connection


@contextmanager
def write_lock(database: Path) -> Iterator[None]:
    """Hold the write lock: the server's writes wait until the body ends."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
