"""A ledger in a SQLite file, as copying sees it."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.ledger.copying import sqlite_crm
from leadline_server.ledger.copying.store import (
    TABLES,
    AccountCounters,
    CopyRefused,
    LedgerCounters,
    Mark,
    Progress,
    Row,
    RowPage,
    mark_of,
    mark_values,
    progress_of,
    progress_text,
)
from leadline_server.ledger.sqlite.ledger import MIGRATIONS
from leadline_server.storage.connection import FENCED, storage_error
from leadline_server.storage.database_copy import give_name
from leadline_server.storage.migrations import load_migrations, migrate

_FENCED_TABLES: Final = (*TABLES, "ledger", "settings_version")
_BUSY_SECONDS: Final = 30.0
_NOTES: Final = "CREATE TABLE IF NOT EXISTS ledger_copy (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"
_NOTE: Final = "INSERT INTO ledger_copy VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value"
_LEDGER: Final = """
    SELECT secret, key_version, is_standby, live_since, secrets_key_id, call_log_sequence, pruned_through FROM ledger
"""
_ACCOUNTS: Final = "SELECT account_id, pruned_through, blocks FROM stored_blocks ORDER BY account_id"
_NEW_LEDGER: Final = """
    INSERT INTO ledger (id, secret, key_version, is_standby, live_since, secrets_key_id, call_log_sequence,
    pruned_through) VALUES (1, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
_NEW_COUNTERS: Final = """
    INSERT INTO stored_blocks (account_id, blocks, pruned_through) VALUES (?, 0, ?)
    ON CONFLICT DO UPDATE SET pruned_through = excluded.pruned_through
"""


class SqliteStore:
    """Implements LedgerStore. As a target it is another file, `.NAME.copying`, until the copy is finished.

    Args:
        path: the file.
        is_target: whether a copy is made to it.
    """

    has_account_sequences = False

    def __init__(self, path: Path, *, is_target: bool) -> None:
        self.name = f"sqlite:{path}"
        self._path = path
        self._partial = path.with_name(f".{path.name}.copying")
        self._is_target = is_target

    @property
    def _file(self) -> Path:
        """The file as it is now."""
        if self._is_target and (self._partial.exists() or not self._path.exists()):
            return self._partial
        return self._path

    async def columns(self, table: str) -> Sequence[str]:
        """See LedgerStore."""
        with self._open() as connection:
            return [sqlite_crm.shown(table, name) for name, _ in _columns(connection, table)]

    async def page(self, table: str, columns: Sequence[str], after: tuple[Any, ...], limit: int) -> RowPage:
        """See LedgerStore."""
        with self._open() as connection:
            keys = [name for name, place in sorted(_columns(connection, table), key=lambda each: each[1]) if place]
            names, key = ", ".join(sqlite_crm.read(table, name) for name in columns), ", ".join(keys)
            where = f"WHERE ({key}) > ({', '.join('?' * len(keys))})" if after else ""
            query = f"SELECT {key}, {names} FROM {table} {where} ORDER BY {key} LIMIT ?"  # noqa: S608 - names of the schema
            found = connection.execute(query, (*after, limit)).fetchall()
        rows = [row[len(keys) :] for row in found]
        return RowPage(rows, tuple(found[-1][: len(keys)])) if found else RowPage(rows)

    async def counters(self) -> LedgerCounters:
        """See LedgerStore."""
        with self._open() as connection:
            found = connection.execute(_LEDGER).fetchall() if _has_table(connection, "ledger") else []
            if not found:
                raise CopyRefused(f"{self.name} has no ledger.")
            [(secret, key_version, is_standby, live_since, secrets_key_id, sequence, expired)] = found
            accounts = [
                AccountCounters(account_id, sequence, max(pruned, expired), blocks)
                for account_id, pruned, blocks in connection.execute(_ACCOUNTS)
            ]
        return LedgerCounters(
            secret, key_version, bool(is_standby), live_since, secrets_key_id, sequence, expired, accounts
        )

    async def mark(self) -> Mark | None:
        """See LedgerStore."""
        if self._is_target and not self._file.exists():
            return None
        with self._open() as connection:
            return mark_of(_notes(connection))

    async def fence(self, mark: Mark) -> None:
        """See LedgerStore."""
        with self._writing() as connection:
            sqlite_crm.make_tables(connection)  # they come with the first account that needs them
            for table in _FENCED_TABLES:
                for event in ("INSERT", "UPDATE", "DELETE"):
                    name = f"fence_{table}_{event.lower()}"
                    connection.execute(
                        f"CREATE TRIGGER IF NOT EXISTS {name} BEFORE {event} ON {table}"
                        f" BEGIN SELECT RAISE(ABORT, '{FENCED}'); END"
                    )
            _note(connection, mark)

    async def unfence(self) -> None:
        """See LedgerStore."""
        with self._writing() as connection:
            for table in _FENCED_TABLES:
                for event in ("insert", "update", "delete"):
                    connection.execute(f"DROP TRIGGER IF EXISTS fence_{table}_{event}")
            connection.execute("DROP TABLE IF EXISTS ledger_copy")

    async def prepare(self, mark: Mark) -> None:
        """See LedgerStore."""
        if self._path.exists():
            raise CopyRefused(f"{self._path} exists. A copy needs a new file.")
        try:
            self._partial.unlink(missing_ok=True)  # without a mark nothing was copied to it
            os.close(os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except OSError as error:
            raise LedgerUnavailable(f"{self._partial} cannot be created: {error.strerror}.") from error
        with self._open() as connection:
            migrate(connection, load_migrations(MIGRATIONS))
        with self._writing() as connection:
            sqlite_crm.make_tables(connection)
            _note(connection, mark)

    async def progress(self, table: str) -> Progress:
        """See LedgerStore."""
        with self._open() as connection:
            return progress_of(_notes(connection).get(table))

    async def append(self, table: str, columns: Sequence[str], rows: Sequence[Row], progress: Progress) -> None:
        """See LedgerStore."""
        names = ", ".join(sqlite_crm.stored(table, name) for name in columns)
        values = ", ".join(sqlite_crm.written(table, name) for name in columns)
        with self._writing() as connection:
            connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({values})", rows)  # noqa: S608 - see above
            connection.execute(_NOTE, (table, progress_text(progress)))

    async def finish(self, counters: LedgerCounters) -> None:
        """See LedgerStore."""
        with self._writing() as connection:
            once = (counters.secret, counters.key_version, counters.is_standby, counters.live_since)
            further = (counters.secrets_key_id, counters.sequence, counters.expired_through)
            connection.execute(_NEW_LEDGER, (*once, *further))
            pruned = [(account.account_id, account.pruned_through) for account in counters.accounts]
            connection.executemany(_NEW_COUNTERS, pruned)
            connection.execute("UPDATE settings_version SET value = value + 1")
            sqlite_crm.index_names(connection)
        if self._partial.exists():
            give_name(self._partial, self._path)
        with self._writing() as connection:
            connection.execute("DROP TABLE ledger_copy")

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A connection in a transaction."""
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        if not self._file.is_file():
            raise CopyRefused(f"{self._file}: there is no such file.")
        try:
            with closing(sqlite3.connect(self._file, timeout=_BUSY_SECONDS, isolation_level=None)) as connection:
                connection.execute("PRAGMA synchronous = FULL")
                yield connection
        except sqlite3.Error as error:
            raise storage_error(error) or LedgerUnavailable(f"{self._file}: {error}.") from error


def _columns(connection: sqlite3.Connection, table: str) -> Sequence[tuple[str, int]]:
    """The columns of a table, each with its place in the primary key, from 1; 0: it is not in it."""
    return [(row[1], row[5]) for row in connection.execute(f"PRAGMA table_info({table})")]


def _has_table(connection: sqlite3.Connection, table: str) -> bool:
    return bool(connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchall())


def _notes(connection: sqlite3.Connection) -> dict[str, str]:
    if not _has_table(connection, "ledger_copy"):
        return {}
    return dict(connection.execute("SELECT name, value FROM ledger_copy").fetchall())


def _note(connection: sqlite3.Connection, mark: Mark) -> None:
    connection.execute(_NOTES)
    connection.executemany(_NOTE, mark_values(mark).items())
