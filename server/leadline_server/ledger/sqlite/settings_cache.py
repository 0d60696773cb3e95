"""A cache of settings and preferences that knows, without a query, whether a value is still in force.

Every RPC needs an account's settings and a user's preferences, which hardly ever change. Measured: beside
busy threads a query for them takes ten times its own time, because it gives up the interpreter lock.

The ledger counts the changes: the count is the settings version. A file of sixteen bytes beside the ledger holds it,
and every process maps that file into its memory. A writer stores the new version in the file before it commits.

Example: values read at version 7 are in force while the file says 7. A writer stores 8, then commits. No process could
read version 8 before that, and no process uses values of version 7 after it. If the writer dies in between, the file
says 8 and the ledger 7: processes query every time, which is slow but correct, until the next start or change.

API keys and denied tokens have a version of their own, in the file's second word: a change of settings must not make
every process read all keys again.

Not used instead: `PRAGMA data_version`. It is a query too, and it changes with every call that is logged.
"""

import mmap
import os
import sqlite3
from collections.abc import Hashable
from pathlib import Path
from typing import Final, Generic, TypeVar

from leadline_server.domain.ledger_errors import LedgerUnavailable

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MAX_CACHED: Final = 50_000
"""Entries of one cache. A full cache is emptied."""

_WORD: Final = 8
SETTINGS: Final = 1
CREDENTIALS: Final = 2
"""The rows of the table of versions, and the words of the file."""


def read_settings_version(connection: sqlite3.Connection, row: int = SETTINGS) -> int:
    """The version that is committed, or that this transaction is about to commit."""
    [(value,)] = connection.execute("SELECT value FROM settings_version WHERE id = ?", (row,)).fetchall()
    return int(value)


class SettingsVersion:
    """A version that all processes on one ledger file share.

    Args:
        words: the mapped file's words. Each is an aligned machine word, which is read and written atomically.
        row: what it is the version of: SETTINGS or CREDENTIALS.
    """

    def __init__(self, words: memoryview, row: int) -> None:
        self._words = words
        self._row = row
        self._index = row - 1

    are_confirmed: Final = False

    async def current(self, account_id: str) -> int:  # noqa: ARG002 - one version for all accounts
        """As `latest`: implements ports.ledger.SettingsVersions."""
        return self._words[self._index]

    def latest(self) -> int:
        """The version that is committed or about to be committed."""
        return self._words[self._index]

    def advance(self, connection: sqlite3.Connection) -> None:
        """Start a new version, and publish it: this transaction changes what it is the version of."""
        connection.execute("UPDATE settings_version SET value = value + 1 WHERE id = ?", (self._row,))
        self.publish(connection)

    def publish(self, connection: sqlite3.Connection) -> None:
        """Store the version of this write transaction in the file, for every process to see."""
        self._words[self._index] = read_settings_version(connection, self._row)

    def leave(self) -> None:
        """Let go of the file. From now on no version is in force, so no cached value is used."""
        self._words = memoryview(bytearray(CREDENTIALS * _WORD)).cast("Q")


class SharedVersions:
    """The versions of one ledger file. Opened by `open_versions`.

    Attributes:
        settings: of settings, preferences and users.
        credentials: of API keys and denied tokens.
    """

    def __init__(self, mapped: mmap.mmap) -> None:
        self._mapped = mapped
        self._words = memoryview(mapped).cast("Q")
        self.settings = SettingsVersion(self._words, SETTINGS)
        self.credentials = SettingsVersion(self._words, CREDENTIALS)

    def publish(self, connection: sqlite3.Connection) -> None:
        """Store both versions of this write transaction in the file."""
        self.settings.publish(connection)
        self.credentials.publish(connection)

    def close(self) -> None:
        """Unmap the file."""
        self.settings.leave()
        self.credentials.leave()
        self._words.release()
        self._mapped.close()


def settings_version_path(ledger: Path) -> Path:
    """The file of the settings version. Example: `ledger.db-settings-version` for `ledger.db`."""
    return ledger.with_name(f"{ledger.name}-settings-version")


def open_versions(ledger: Path) -> SharedVersions:
    """The versions of the ledger file `ledger`. The caller must `publish` them once, and `close` them at the end.

    Raises:
        LedgerUnavailable: its file cannot be used; the message names the file.
    """
    path = settings_version_path(ledger)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            # Not ftruncate(): on a full disk, the first write to a page without a block would kill the process.
            os.posix_fallocate(descriptor, 0, CREDENTIALS * _WORD)
            return SharedVersions(mmap.mmap(descriptor, CREDENTIALS * _WORD))
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
        return self._values.get(key) if self._shared.latest() == self._version else None

    def put(self, key: K, value: V, version: int) -> None:
        """Keep a value that was read after `version` was read, in one transaction."""
        if version < self._version:
            return
        if version > self._version or len(self._values) >= MAX_CACHED:
            self._values.clear()
            self._version = version
        self._values[key] = value
