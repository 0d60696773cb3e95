"""Knowing, without a query, whether cached settings and preferences are still those in the ledger.

Every RPC needs an account's settings and a user's preferences, which hardly ever change. The ledger counts their
changes; the count is their generation. Beside the ledger lies a file of eight bytes that every process maps into
its memory: a writer puts the generation that it is about to commit there before it commits. A value that was read from
the ledger at generation G is in force exactly while the mapped one says G: before the commit nobody can have read the
new generation, and from then on nobody trusts the old one. A writer that dies in between leaves the two apart, which
costs queries, never a stale answer; the next process to open the ledger mends it.

Not used instead: a query for the generation (it gives up the interpreter lock, which costs ten times the query beside
busy threads); `PRAGMA data_version` (the same, and it changes with every call that is logged).
"""

import mmap
import os
import sqlite3
from collections.abc import Hashable
from pathlib import Path
from typing import Final, Generic, TypeVar

from leadline_server.domain.errors import LedgerUnavailable

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MAX_CACHED: Final = 50_000
"""Entries of one cache; a full one is emptied."""

_BYTES: Final = 8


def read_generation(connection: sqlite3.Connection) -> int:
    """The generation that is committed, or that this transaction is about to commit."""
    [(value,)] = connection.execute("SELECT value FROM settings_generation").fetchall()
    return int(value)


class SettingsVersion:
    """The generation that all processes on one ledger file share. See `open_settings_generation`."""

    def __init__(self, mapped: mmap.mmap) -> None:
        self._mapped = mapped
        # One aligned machine word: it is read and written whole.
        self._cell = memoryview(mapped).cast("Q")

    def current(self) -> int:
        """The generation in force, or about to be."""
        return self._cell[0]

    def advance(self, connection: sqlite3.Connection) -> None:
        """Begin a new generation, and tell every process: this transaction changes settings or preferences."""
        connection.execute("UPDATE settings_generation SET value = value + 1")
        self.tell(connection)

    def tell(self, connection: sqlite3.Connection) -> None:
        """Tell every process the generation of this write transaction."""
        self._cell[0] = read_generation(connection)

    def close(self) -> None:
        """Give the memory back. From now on no generation is in force, so that nothing cached is used."""
        self._cell.release()
        self._cell = memoryview(bytearray(_BYTES)).cast("Q")
        self._mapped.close()


def generation_path(ledger: Path) -> Path:
    """Where the shared generation of the ledger file `ledger` lies."""
    return ledger.with_name(f"{ledger.name}-generation")


def open_settings_generation(ledger: Path) -> SettingsVersion:
    """The shared generation of the ledger file `ledger`; to be told once within a write, and closed at the end.

    Raises:
        LedgerUnavailable: its file cannot be used; the message says which.
    """
    path = generation_path(ledger)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            # Not ftruncate(): on a full disk the first write to a page without a block would be the process's end.
            os.posix_fallocate(descriptor, 0, _BYTES)
            return SettingsVersion(mmap.mmap(descriptor, _BYTES))
        finally:
            os.close(descriptor)
    except OSError as error:
        raise LedgerUnavailable(f"{path.name} cannot be used ({error.strerror}). Check its permissions.") from error


class SettingsCache(Generic[K, V]):
    """Values that hold for one generation. For the event loop's thread alone."""

    def __init__(self, generation: SettingsVersion) -> None:
        self._source = generation
        self._generation = 0
        self._values: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        """The value, if it is certainly the one in force now; else None."""
        return self._values.get(key) if self._source.current() == self._generation else None

    def put(self, key: K, value: V, generation: int) -> None:
        """Keep a value that was read after `generation` was, in one transaction."""
        if generation < self._generation:
            return
        if generation > self._generation or len(self._values) >= MAX_CACHED:
            self._values.clear()
            self._generation = generation
        self._values[key] = value
