"""Connections to SQLite: one thread hop a function, transactions that wait their turn, errors in leadline's words."""

import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar, cast

import aiosqlite

from leadline_server.domain.errors import LedgerFull, LedgerUnavailable

T = TypeVar("T")

BUSY_PATIENCE: Final = 5.0
"""Seconds that a transaction waits for another process's to end before it gives up."""

_ITER_CHUNK_SIZE: Final = 64  # aiosqlite's default; nothing here iterates through it
_CACHED_STATEMENTS: Final = 256
_BUSY_CODES: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_FULL_CODES: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE})
_STORAGE_CODES: Final = _BUSY_CODES | {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_READONLY,
}


class Connection(aiosqlite.Connection):
    """An aiosqlite connection that runs whole functions on its thread.

    aiosqlite hops to the connection's thread for every statement and every fetch, and a hop costs about as much as a
    small query. `run` makes one hop for all that a function does. It uses aiosqlite's own queue (`_execute`), so the
    order with its other methods is kept; the queue is not public, hence the one place that touches it.
    """

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns, called on the connection's thread; what it raises is raised here.

        Cancelling this does not stop `work`.
        """
        return cast("T", await self._execute(work, self._conn))  # type: ignore[no-untyped-call] # aiosqlite's is untyped

    @property
    def here(self) -> sqlite3.Connection:
        """The connection itself, for the event loop's thread; to be used only while nothing runs on its own thread."""
        return self._conn


def new_connection(path: Path, *, timeout: float) -> Connection:
    """A connection to open with `await`. SQLite itself waits up to `timeout` seconds for locks; autocommit is on."""
    return Connection(lambda: connect(path, timeout=timeout, check_same_thread=False), _ITER_CHUNK_SIZE)


def connect(path: Path, *, timeout: float, check_same_thread: bool = True) -> sqlite3.Connection:
    """A connection of sqlite3's own. SQLite waits up to `timeout` seconds for locks; autocommit is on."""
    return sqlite3.connect(
        path,
        timeout=timeout,
        isolation_level=None,
        cached_statements=_CACHED_STATEMENTS,
        check_same_thread=check_same_thread,
    )


def retry_busy(action: Callable[[], T], patience: float = BUSY_PATIENCE) -> T:
    """What `action` returns, called again after short random pauses while another connection is in its way.

    SQLite's own busy timeout backs off to 100 ms and so lets a process starve beside a busy one; pauses of
    0.2 to 1 ms keep the wait near the length of one transaction. To be called on a connection's thread.

    Raises:
        sqlite3.OperationalError: still busy after `patience` seconds, or whatever else `action` raises.
    """
    give_up = time.monotonic() + patience
    while True:
        try:
            return action()
        except sqlite3.OperationalError as error:
            if _primary_code(error) not in _BUSY_CODES or time.monotonic() >= give_up:
                raise
        time.sleep(random.uniform(0.0002, 0.001))  # noqa: S311 - jitter, no secret


@contextmanager
def immediate_transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """A write transaction: it takes the write lock at once, commits at the end, and rolls back on any exception."""
    retry_busy(lambda: connection.execute("BEGIN IMMEDIATE"))
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A full disk and the like may have rolled the transaction back already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def storage_error(error: Exception) -> LedgerUnavailable | None:
    """The error to raise where `error` says that the storage failed; None where it says anything else.

    What is left alone are broken constraints, which have a meaning for whoever wrote, and mistakes in the program.
    """
    code = _primary_code(error)
    if code not in _STORAGE_CODES:
        return None
    if getattr(error, "sqlite_errorcode", 0) in _FULL_CODES:
        failure: LedgerUnavailable = LedgerFull("No space is left for leadline's storage.", retry_after=30)
    elif code in _BUSY_CODES:
        failure = LedgerUnavailable("leadline's storage is busy.", retry_after=1)
    else:
        failure = LedgerUnavailable("leadline's storage cannot be used at the moment.", retry_after=5)
    failure.__cause__ = error
    return failure


def _primary_code(error: Exception) -> int:
    # The low byte is the result code, the others say more: https://www.sqlite.org/rescode.html
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
