"""Moving the write-ahead log into the database file, safely beside other processes."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Final

from leadline_server.storage.connection import retry_busy, storage_error

MAX_LOG_BYTES: Final = 64 * 1024 * 1024
"""What a write-ahead log keeps of its file at most, once all of it is in the database."""

_LEFT_BEHIND: Final = 4 * 1024 * 1024  # bytes of a log that may wait for its turn
_PATIENCE: Final = 0.05  # seconds to wait for another process's commit before a checkpoint is put off
_RETRY_SECONDS: Final = 1.0


class Checkpointer:
    """Checkpoints after so many changed rows. To be used on the writer connection's thread alone.

    SQLite before 3.51.3 has a race that can corrupt a database: one process's checkpoint may overlook that another's
    commit began the write-ahead log anew (https://www.sqlite.org/wal.html, "The WAL-Reset Bug"). So no connection
    checkpoints by itself (wal_autocheckpoint=0). Here the writer takes the write lock, so that nobody can commit, and a
    second connection checkpoints meanwhile. A checkpoint in mode FULL would take that lock too, but where it does not
    get it in time it goes on without. The last connection to close checkpoints as well: it is alone by then.
    """

    def __init__(self, path: Path, after: int) -> None:
        self._path = path
        self._after = after
        # The connection's count of changed rows at the last whole checkpoint. A large log that killed processes left
        # behind is moved at once: nobody else would ever, if all of them are killed before they have changed so many.
        self._done_at = -after if _size(path.with_name(f"{path.name}-wal")) > _LEFT_BEHIND else 0
        self._not_before = 0.0

    def is_due(self, connection: sqlite3.Connection) -> bool:
        """Whether it is time to checkpoint."""
        return connection.total_changes - self._done_at >= self._after and time.monotonic() >= self._not_before

    def run_if_due(self, connection: sqlite3.Connection) -> None:
        """Checkpoint, if it is time to. Nothing is lost by one that fails: it is tried again a second later."""
        if not self.is_due(connection):
            return
        changes = connection.total_changes
        if self._run(connection):
            self._done_at = changes
        else:
            self._not_before = time.monotonic() + _RETRY_SECONDS

    def _run(self, connection: sqlite3.Connection) -> bool:
        """Whether all of the log is in the database file now."""
        try:
            retry_busy(lambda: connection.execute("BEGIN IMMEDIATE"), _PATIENCE)
            try:
                return self._move()
            finally:
                connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            # A full disk, say. A storage that is gone shows with the next commit.
            if storage_error(error) is None:
                raise
            return False

    def _move(self) -> bool:
        with closing(sqlite3.connect(self._path, timeout=0, isolation_level=None)) as other:
            other.execute("PRAGMA synchronous = FULL")
            other.execute("PRAGMA wal_autocheckpoint = 0")
            [(busy, frames, moved)] = other.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        return not busy and frames == moved


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
