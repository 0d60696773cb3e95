"""The backend: tables, and statements on a thread. Failures come out in the words of leadline's port."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from leadline_server.domain.crm_errors import CrmOutcomeUnknown, CrmUnavailable

T = TypeVar("T")

_SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS people (
    id INTEGER PRIMARY KEY, account TEXT NOT NULL, key TEXT, name TEXT NOT NULL, number TEXT NOT NULL,
    tail TEXT NOT NULL, email TEXT NOT NULL DEFAULT '', company TEXT NOT NULL DEFAULT '',
    is_placeholder INTEGER NOT NULL DEFAULT 0, created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')),
    UNIQUE (account, key)
);
CREATE INDEX IF NOT EXISTS people_by_tail ON people (account, tail);
CREATE TABLE IF NOT EXISTS calls (
    id INTEGER PRIMARY KEY, account TEXT NOT NULL, key TEXT NOT NULL, person INTEGER NOT NULL REFERENCES people,
    subject TEXT NOT NULL, note TEXT NOT NULL, remark TEXT NOT NULL DEFAULT '', UNIQUE (account, key)
);
"""


class Book:
    """A phone book. Each statement has a connection of its own, so that any number can be under way."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def prepare(self) -> None:
        """Make what is missing. Raises CrmUnavailable if the file cannot be used."""
        await self.read(lambda connection: connection.executescript(_SCHEMA))

    async def read(self, look: Callable[[sqlite3.Connection], T]) -> T:
        """The result of `look`, which reads from the file."""
        try:
            return await asyncio.to_thread(self._run, look)
        except sqlite3.Error as error:
            raise CrmUnavailable("The phone book cannot be read.") from error

    async def write(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """The result of `change`, after its commit. A failure may come after the commit, so its outcome is unknown."""
        try:
            return await asyncio.to_thread(self._run, change)
        except sqlite3.Error as error:
            raise CrmOutcomeUnknown("The phone book was written to, and failed.") from error

    def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with closing(sqlite3.connect(self._path, timeout=5.0)) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA foreign_keys = ON")
            with connection:
                return work(connection)
