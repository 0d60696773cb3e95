"""Connections to SQLite: functions that run on the connection's thread, retries while busy, and translated errors."""

import asyncio
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar, cast

import aiosqlite

from leadline_server.domain.ledger_errors import LedgerFull, LedgerUnavailable

T = TypeVar("T")

BUSY_PATIENCE: Final = 5.0
"""How long a transaction waits for another process's transaction, in seconds."""

FENCED: Final = "leadline: this ledger is fenced"
"""The message of the triggers that refuse writes to a ledger that is copied (ledger/copying)."""

_ITER_CHUNK_SIZE: Final = 64  # aiosqlite's default; unused here
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


_NOTHING: Final[dict[None, None]] = {}
sqlite3.register_adapter(type(None), _NOTHING.get)
sqlite3.register_adapter(bytes, bytes)
sqlite3.register_adapter(bool, int)
"""The sqlite3 module looks for a way to convert each parameter that is no int, float or str, and fails for None, bytes
and bool, which need none. That costs 3,400 instructions each, and a logged call has 14 of them. With a way it costs
900. `_NOTHING.get(None)` is None, and `bytes` returns the same object: none of them runs Python code."""


class ThreadedConnection(aiosqlite.Connection):
    """An aiosqlite connection that runs whole functions on its thread.

    aiosqlite hops to the connection's thread for every statement and every fetch, and a hop costs about as much as a
    small query. `run` hops once for a whole function. It uses aiosqlite's own queue (`_execute`), which keeps the order
    with its other methods. The queue is private, so only this class uses it.
    """

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Call `work` on the connection's thread, and return its result or raise its exception.

        Cancelling this does not stop `work`.
        """
        return cast("T", await self._execute(work, self._conn))  # type: ignore[no-untyped-call] # aiosqlite's is untyped

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection itself, to use on the event loop's thread while nothing runs on its own thread."""
        return self._conn

    async def _connect(self) -> aiosqlite.Connection:
        """Open the connection. If that fails, wait for its thread, whose last answer needs this event loop."""
        try:
            return await super()._connect()
        except BaseException:
            await asyncio.to_thread(self._thread.join)
            raise


def new_connection(path: Path, *, timeout: float, before: Callable[[], object] = lambda: None) -> ThreadedConnection:
    """A connection, to be opened with `await`. SQLite waits up to `timeout` seconds for locks; autocommit is on.

    `before` is called first, on the connection's thread.
    """

    def opened() -> sqlite3.Connection:
        before()
        return connect(path, timeout=timeout, check_same_thread=False)

    return ThreadedConnection(opened, _ITER_CHUNK_SIZE)


def connect(path: Path, *, timeout: float, check_same_thread: bool = True) -> sqlite3.Connection:
    """A plain sqlite3 connection. SQLite waits up to `timeout` seconds for locks; autocommit is on."""
    return sqlite3.connect(
        path,
        timeout=timeout,
        isolation_level=None,
        cached_statements=_CACHED_STATEMENTS,
        check_same_thread=check_same_thread,
    )


def retry_busy(action: Callable[[], T], patience: float = BUSY_PATIENCE) -> T:
    """Call `action` until no other connection blocks it, with short random pauses; return its result.

    SQLite's own busy timeout backs off to 100 ms, so a process starves beside a busy one. Pauses of 0.2 to 1 ms keep
    the wait near the length of one transaction. Call this on a connection's thread.

    Raises:
        sqlite3.OperationalError: still busy after `patience` seconds, or another error of `action`.
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
    """A write transaction: takes the write lock at once, commits at the end, and rolls back on any exception."""
    retry_busy(lambda: connection.execute("BEGIN IMMEDIATE"))
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # SQLite may have rolled back already, for example on a full disk.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def storage_error(error: Exception) -> LedgerUnavailable | None:
    """The LedgerUnavailable for an error of the storage; None for any other error.

    Other errors are violated constraints, which the caller handles, and programming errors.
    """
    code = _primary_code(error)
    if code == sqlite3.SQLITE_CONSTRAINT and str(error) == FENCED:
        return LedgerUnavailable(
            "This ledger takes no writes: it is being copied, or was copied, to another database.", retry_after=30
        )
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
    # The low byte is the primary result code: https://www.sqlite.org/rescode.html
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
