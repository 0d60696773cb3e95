"""A database with one table, `notes`, for the tests of the SQLite storage."""

import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from leadline_server.storage.migrations import load_migrations


@contextmanager
def notes_package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package of one migration, with the table `notes`."""
    package = folder / "steps"
    package.mkdir()
    (package / "0001_notes.sql").write_text(
        "-- Notes.\nCREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT UNIQUE);\n"
    )
    monkeypatch.syspath_prepend(str(folder))
    load_migrations.cache_clear()
    try:
        yield "steps"
    finally:
        sys.modules.pop("steps", None)


def add(text: str) -> Callable[[sqlite3.Connection], int]:
    def work(connection: sqlite3.Connection) -> int:
        return connection.execute("INSERT INTO notes (text) VALUES (?)", (text,)).lastrowid or 0

    return work


def notes(connection: sqlite3.Connection) -> list[str]:
    return [text for (text,) in connection.execute("SELECT text FROM notes ORDER BY id")]
