"""Knowing, without leaving the event loop, whether cached settings and preferences are still those in the file.

Every RPC needs an account's settings and a user's preferences, which hardly ever change. A query on a database thread
costs far more than a dictionary, but a dictionary alone would not see what another process writes. So the file counts
the changes of settings and preferences (by triggers, whoever writes), and a connection of its own reads that count on
the event loop: a query of one row on one page that is all but always in memory, some 4 us. Readers of a write-ahead log
never wait for writers.

Not used instead: `PRAGMA data_version` costs the same, but changes with every call that is logged; the write-ahead
log's modification time is too coarse (two commits may share one); mapping the -shm file would have to open it, and
closing it drops SQLite's own locks (POSIX locks belong to the process).
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Generic, TypeVar

from leadline_server.storage.connection import storage_error

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MAX_CACHED: Final = 50_000
"""Entries of one cache; a full one is emptied."""

_SELECT: Final = "SELECT value FROM settings_generation"


def read_generation(connection: sqlite3.Connection) -> int:
    """The generation, on a thread's own connection."""
    [(value,)] = connection.execute(_SELECT).fetchall()
    return int(value)


class SettingsGeneration:
    """The count of changes that were made to settings and preferences, by any process."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def current(self) -> int | None:
        """The generation that is committed now; None if it cannot be told, so that nothing cached may be used."""
        try:
            return read_generation(self._connection)
        except sqlite3.Error:
            return None  # busy, failing or closed: the query that comes instead says which


@asynccontextmanager
async def open_settings_generation(path: Path) -> AsyncIterator[SettingsGeneration]:
    """The generation of the ledger file `path`, which must be open already, and must be closed later than this."""

    def connect() -> sqlite3.Connection:
        # Only the event loop's thread uses it once it is made. Nothing may keep that thread waiting: no timeout.
        uri = f"{path.absolute().as_uri()}?mode=ro"
        return sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None, check_same_thread=False)

    try:
        connection = await asyncio.to_thread(connect)
    except sqlite3.Error as error:
        raise (storage_error(error) or error) from error
    try:
        yield SettingsGeneration(connection)
    finally:
        connection.close()


class GenerationCache(Generic[K, V]):
    """Values that hold for one generation. For the event loop's thread alone."""

    def __init__(self, generation: SettingsGeneration) -> None:
        self._source = generation
        self._generation = 0
        self._values: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        """The value, if it is certainly the one in force now; else None."""
        value = self._values.get(key)
        return value if value is not None and self._source.current() == self._generation else None

    def put(self, key: K, value: V, generation: int) -> None:
        """Keep a value that was read after `generation` was."""
        if generation < self._generation:
            return
        if generation > self._generation or len(self._values) >= MAX_CACHED:
            self._values.clear()
            self._generation = generation
        self._values[key] = value
