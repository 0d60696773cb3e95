"""Checkpoints: moving the write-ahead log into the database file, safely beside other processes."""

import os
import sqlite3
import time
from pathlib import Path
from typing import Final

from leadline_server.storage.connection import connect, retry_busy, storage_error

MAX_LOG_BYTES: Final = 64 * 1024 * 1024
"""The most bytes of the write-ahead log before a checkpoint is due, and the largest file that is kept after one."""

_SMALL_LOG_BYTES: Final = 4 * 1024 * 1024  # a larger log at start is checkpointed at once
_BUSY_SECONDS: Final = 0.05  # how long to wait for another process's commit before a checkpoint is postponed
_RETRY_SECONDS: Final = 1.0
_LOOK_EVERY: Final = 16  # changed rows after which the log's size is read again; a row may have a megabyte


class Checkpointer:
    """Checkpoints after a number of changed rows or bytes of the log. Use it only on the writer connection's thread.

    SQLite before 3.51.3 has a race that can corrupt a database: a checkpoint may overlook that another process's commit
    restarted the write-ahead log (https://www.sqlite.org/wal.html, "The WAL-Reset Bug"). So no connection checkpoints
    by itself (wal_autocheckpoint=0). Instead the writer takes the write lock, so that no process can commit, and a
    second connection checkpoints meanwhile. It stays open: to open one and to read the schema takes 1.5 million
    instructions, more than a logged call. Mode FULL would take that lock too, but goes on without it after a timeout.
    The last connection that closes checkpoints as well; no other process is connected then.

    Attributes:
        next_look: the connection's count of changed rows before which no checkpoint can be due.
    """

    def __init__(self, path: Path, after: int) -> None:
        self._path = path
        self._after = after
        # The connection's count of changed rows at the last complete checkpoint. A large log of killed processes is
        # checkpointed at once. Otherwise it would grow for ever if processes are killed before `after` changed rows.
        self._done_at = -after if log_bytes(path) > _SMALL_LOG_BYTES else 0
        self._not_before = 0.0
        self._other: sqlite3.Connection | None = None
        self.next_look = 0

    def is_due(self, connection: sqlite3.Connection) -> bool:
        """Whether a checkpoint is due."""
        changes = connection.total_changes
        rows_left = self._done_at + self._after - changes
        if rows_left > 0 and log_bytes(self._path) <= MAX_LOG_BYTES:
            self.next_look = changes + min(_LOOK_EVERY, rows_left)
            return False
        return time.monotonic() >= self._not_before

    def run_if_due(self, connection: sqlite3.Connection) -> None:
        """Checkpoint if one is due. A checkpoint that fails loses nothing; it is retried a second later."""
        if not self.is_due(connection):
            return
        changes = connection.total_changes
        if self._run(connection):
            self._done_at = changes
        else:
            self._not_before = time.monotonic() + _RETRY_SECONDS

    def _run(self, connection: sqlite3.Connection) -> bool:
        """Checkpoint; returns whether all of the log is in the database file now."""
        try:
            retry_busy(lambda: connection.execute("BEGIN IMMEDIATE"), _BUSY_SECONDS)
            try:
                return self._checkpoint()
            finally:
                connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            # For example a full disk. If the storage is gone, the next commit fails.
            self.close()
            if storage_error(error) is None:
                raise
            return False

    def _checkpoint(self) -> bool:
        if self._other is None:
            self._other = connect(self._path, timeout=0, check_same_thread=False)
            self._other.execute("PRAGMA synchronous = FULL")
            self._other.execute("PRAGMA wal_autocheckpoint = 0")
        [(busy, frames, moved)] = self._other.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        return not busy and frames == moved

    def close(self) -> None:
        """Close the connection that checkpoints, before the writer's, which checkpoints again if it is the last one."""
        other, self._other = self._other, None
        if other is not None:
            other.close()


def log_bytes(path: Path) -> int:
    """The size of a database's write-ahead log; 0 if there is none.

    After a checkpoint the log is written from its start again, and SQLite cuts it to `journal_size_limit`.

    Only the size is asked for. A process that opens a file of an open database and closes it loses its POSIX locks on
    that file, and with them the database (https://www.sqlite.org/howtocorrupt.html, "Posix advisory locks canceled by
    a separate thread doing close()").
    """
    try:
        return os.stat(f"{path}-wal").st_size  # noqa: PTH116 - a Path takes 30,000 instructions more
    except FileNotFoundError:
        return 0
