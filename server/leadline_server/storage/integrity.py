"""Checks of a database file before it is used: damage that SQLite would ignore or find much later."""

import sqlite3
import threading
from pathlib import Path
from typing import Final

from leadline_server.domain.ledger_errors import LedgerUnavailable

CHECK_SECONDS: Final = 0.5
"""How long the check of a file's pages may take at start, in seconds. Pages beyond that are not checked."""

DAMAGED: Final = (
    "is not a database, or is damaged. Restore a backup, or move the file away together with its -wal and -shm files."
)


def refuse_orphaned_log(path: Path) -> None:
    """Return if the database file `path` exists, or if its write-ahead log does not exist either.

    SQLite treats an empty file as a new database and deletes the log beside it, with every call in the log.

    Raises:
        LedgerUnavailable: the file is missing or empty, and its log is not.
    """
    log = path.with_name(f"{path.name}-wal")
    # Look at the log first: a process that creates a new database at this moment fills the file before the log.
    if _size(log) and not _size(path):
        raise LedgerUnavailable(
            f"The file is missing or empty, but its log {log.name} is not. Put back the file that the log belongs to,"
            " or restore a backup and move the log away."
        )


def check_pages(connection: sqlite3.Connection, seconds: float = CHECK_SECONDS) -> None:
    """Return if `quick_check` finds no damaged page within `seconds`.

    Raises:
        sqlite3.DatabaseError: SQLite cannot read the pages.
        LedgerUnavailable: pages are damaged.
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
