"""What is looked at before a database file is used: damage that SQLite would pass over, or find much later."""

import sqlite3
import threading
from pathlib import Path
from typing import Final

from leadline_server.domain.errors import LedgerUnavailable

CHECK_SECONDS: Final = 0.5
"""How long the check of a file's pages may take at the start, in seconds. What it does not reach is not checked."""

DAMAGED: Final = (
    "is no database or is damaged. Restore a backup, or move the file away and its -wal and -shm files with it."
)


def refuse_orphaned_log(path: Path) -> None:
    """Return if the database file `path` is there, or has no write-ahead log either.

    SQLite takes an empty file for a new database, and deletes the log beside it, with every call in it.

    Raises:
        LedgerUnavailable: the file is missing or empty, and its log is not.
    """
    log = path.with_name(f"{path.name}-wal")
    # The log first: whoever makes a new database at this moment fills the file before the log.
    if _size(log) and not _size(path):
        raise LedgerUnavailable(
            f"The file is missing or empty, but its log {log.name} is not. Put the file back that the log belongs to,"
            " or restore a backup and move the log away."
        )


def check_pages(connection: sqlite3.Connection, seconds: float = CHECK_SECONDS) -> None:
    """Return if the pages of the database are sound, as far as they can be checked in `seconds`.

    Raises:
        sqlite3.DatabaseError: SQLite cannot read them at all.
        LedgerUnavailable: they are damaged.
    """
    timer = threading.Timer(seconds, connection.interrupt)
    timer.start()
    try:
        rows = connection.execute("PRAGMA quick_check(1)").fetchall()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        return
    finally:
        timer.cancel()
        timer.join()
    if rows != [("ok",)]:
        raise LedgerUnavailable(f"The file {DAMAGED}")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
