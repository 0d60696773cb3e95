"""A cache of settings and preferences that knows, without a query, whether a value is still in force.

Every RPC needs an account's settings and a user's preferences, which hardly ever change. Measured: beside
busy threads a query for them takes ten times its own time, because it gives up the interpreter lock.

The ledger counts the changes: the count is the settings version. A file of eight bytes beside the ledger holds it, and
every process maps that file into its memory. A writer stores the new version in the file before it commits.

Example: values read at version 7 are in force while the file says 7. A writer stores 8, then commits. No process could
read version 8 before that, and no process uses values of version 7 after it. If the writer dies in between, the file
says 8 and the ledger 7: processes query every time, which is slow but correct, until the next start or change.

Not used instead: `PRAGMA data_version`. It is a query too, and it changes with every call that is logged.
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
"""Entries of one cache. A full cache is emptied."""

_BYTES: Final = 8


def read_settings_version(connection: sqlite3.Connection) -> int:
    """The version that is committed, or that this transaction is about to commit."""
    [(value,)] = connection.execute("SELECT value FROM settings_version").fetchall()
    return int(value)


class SettingsVersion:
    """The settings version that all processes on one ledger file share. Opened by `open_settings_version`."""

    def __init__(self, mapped: mmap.mmap) -> None:
        self._mapped = mapped
        # One aligned machine word, which is read and written atomically.
        self._cell = memoryview(mapped).cast("Q")

    def current(self) -> int:
        """The version that is committed or about to be committed."""
        return self._cell[0]

    def advance(self, connection: sqlite3.Connection) -> None:
        """Start a new version, and publish it: this transaction changes settings or preferences."""
        connection.execute("UPDATE settings_version SET value = value + 1")
        self.publish(connection)

    def publish(self, connection: sqlite3.Connection) -> None:
        """Store the version of this write transaction in the file, for every process to see."""
        self._cell[0] = read_settings_version(connection)

    def close(self) -> None:
        """Unmap the file. From now on no version is in force, so no cached value is used."""
        self._cell.release()
        self._cell = memoryview(bytearray(_BYTES)).cast("Q")
        self._mapped.close()


def settings_version_path(ledger: Path) -> Path:
    """The file of the settings version. Example: `ledger.db-settings-version` for `ledger.db`."""
    return ledger.with_name(f"{ledger.name}-settings-version")


def open_settings_version(ledger: Path) -> SettingsVersion:
    """The settings version of the ledger file `ledger`. The caller must `publish` it once, and `close` it at the end.

    Raises:
        LedgerUnavailable: its file cannot be used; the message names the file.
    """
    path = settings_version_path(ledger)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            # Not ftruncate(): on a full disk, the first write to a page without a block would kill the process.
            os.posix_fallocate(descriptor, 0, _BYTES)
            return SettingsVersion(mmap.mmap(descriptor, _BYTES))
        finally:
            os.close(descriptor)
    except OSError as error:
        raise LedgerUnavailable(f"{path.name} cannot be used ({error.strerror}). Check its permissions.") from error


class SettingsCache(Generic[K, V]):
    """Values of one settings version. Use it only on the event loop's thread."""

    def __init__(self, version: SettingsVersion) -> None:
        self._shared = version
        self._version = 0
        self._values: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        """The value, if it is certainly the one in force now; otherwise None."""
        return self._values.get(key) if self._shared.current() == self._version else None

    def put(self, key: K, value: V, version: int) -> None:
        """Keep a value that was read after `version` was read, in one transaction."""
        if version < self._version:
            return
        if version > self._version or len(self._values) >= MAX_CACHED:
            self._values.clear()
            self._version = version
        self._values[key] = value
