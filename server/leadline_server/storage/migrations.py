"""Schema migrations: numbered SQL files, each applied once and in order. The database records which were applied."""

# ruff: noqa: S608 - the names of tables are constants

import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Final

from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.storage.connection import immediate_transaction

VERSIONS: Final = "schema_migrations"
"""The table that records which migrations of a file's own schema were applied."""

_FILE_NAME: Final = re.compile(r"(?P<version>\d{4})_(?P<name>\w+)\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of a schema. Example: version 1, name `contacts`, and the SQL of `0001_contacts.sql`."""

    version: int
    name: str
    sql: str


@cache
def load_migrations(package: str) -> Sequence[Migration]:
    """The migrations of `package` in order: its files with names like `0001_contacts.sql`.

    Raises:
        ValueError: numbers are missing or duplicated, or do not start with 1.
    """
    found = tuple(
        Migration(int(match["version"]), match["name"], file.read_text(encoding="utf-8"))
        for file in sorted(resources.files(package).iterdir(), key=lambda file: file.name)
        if (match := _FILE_NAME.fullmatch(file.name))
    )
    if [migration.version for migration in found] != list(range(1, len(found) + 1)):
        raise ValueError(f"The migrations of {package} are not numbered 1, 2, 3 ...")
    return found


def migrate(connection: sqlite3.Connection, migrations: Sequence[Migration], versions: str = VERSIONS) -> None:
    """Apply all missing migrations in one transaction.

    Processes that start at the same time wait for each other; the later ones have nothing to apply.

    Args:
        connection: a connection that writes.
        migrations: all migrations of one schema, in order.
        versions: the table that records which were applied. Two schemas of one file have a table each.

    Raises:
        LedgerUnavailable: the database has a newer schema than the last of `migrations`.
    """
    with immediate_transaction(connection):
        apply_missing(connection, migrations, versions)


def apply_missing(connection: sqlite3.Connection, migrations: Sequence[Migration], versions: str) -> None:
    """As `migrate`, within a transaction of the caller's."""
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {versions}"
        " (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL)"
    )
    version, name = connection.execute(f"SELECT coalesce(max(version), 0), name FROM {versions}").fetchone()
    known = len(migrations)
    if version > known:
        raise LedgerUnavailable(
            f"Its schema is version {version} ({name}), written by a newer leadline; this one knows versions up to"
            f" {known}. Run the newer leadline, or restore a backup from before the upgrade."
        )
    for migration in migrations[version:]:
        _apply(connection, migration, versions)


def _apply(connection: sqlite3.Connection, migration: Migration, versions: str) -> None:
    for statement in _statements(migration.sql):
        connection.execute(statement)
    connection.execute(
        f"INSERT INTO {versions} (version, name, applied_at) VALUES (?, ?, ?)",
        (migration.version, migration.name, datetime.now(UTC).isoformat(timespec="seconds")),
    )


def _statements(script: str) -> Iterator[str]:
    # Not executescript(), which commits the open transaction first.
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        raise ValueError(f"A migration ends within a statement: {statement.strip()[:80]!r}")
