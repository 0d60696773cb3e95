"""Looking into a database file from beside its server, or without one, and changing nothing in it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

_PATIENCE: Final = 5.0
_CANNOT_SHARE: Final = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY})


@contextmanager
def read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that cannot write. The server may run meanwhile, and its disk may be read-only.

    Raises:
        sqlite3.Error: there is no such file, or it cannot be read.
    """
    with closing(_open(path)) as connection:
        yield connection


def _open(path: Path) -> sqlite3.Connection:
    try:
        return _connected(path, "mode=ro")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in _CANNOT_SHARE or not path.exists() or _has_log(path):
            raise
    # Where nothing can be written, neither can what processes share of a file; so nobody else can be at work on it.
    return _connected(path, "immutable=1")


def _connected(path: Path, parameters: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?{parameters}"
    connection = sqlite3.connect(uri, uri=True, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _has_log(path: Path) -> bool:
    log = path.with_name(f"{path.name}-wal")
    return log.exists() and log.stat().st_size > 0
