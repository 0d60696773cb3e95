"""Migrations of PostgreSQL in two halves, so that processes of two versions can share the database while they change.

`0002_titles.pre.sql` adds what the new version needs, and the old one works on beside it: it is applied when the first
new process starts. `0002_titles.post.sql` removes what only the old version needed: it is applied with migration 3, or
by `apply_migrations(..., with_post=True)`, once no old process is left. A process refuses to start only if a post half
was applied that it does not know.

A file that begins with `-- no transaction` is run statement by statement outside of one, for CREATE INDEX CONCURRENTLY.
Each of its statements must do nothing if it was run before.
"""

import asyncio
import random
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

import asyncpg

from leadline_server.domain.ledger_errors import LedgerUnavailable

_FILE_NAME: Final = re.compile(r"(?P<version>\d{4})_(?P<name>\w+)\.(?P<half>pre|post)\.sql")
_ALONE: Final = "-- no transaction"
_LOCK: Final = 0x6C656164  # "lead"
_LOCK_SECONDS: Final = 60
_DDL_MILLISECONDS: Final = 100
"""How long a change of the schema waits for a table. All writers wait behind it; so it gives up, and tries again."""

_PAUSE_SECONDS: Final = (0.05, 0.2)
# A change may take long. One process reads a table: several would read so much at once that the writers' commits wait
# longer for the disk, and take the processors from them.
_SESSION: Final = "SET statement_timeout = 0; SET max_parallel_maintenance_workers = 0"
_TABLE: Final = """
    CREATE TABLE IF NOT EXISTS schema_migrations (
        version integer NOT NULL,
        half text NOT NULL,
        name text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (version, half)
    )
"""
_HAS_TABLE: Final = "SELECT to_regclass('schema_migrations') IS NOT NULL"
_IS_APPLIED: Final = "SELECT EXISTS (SELECT FROM schema_migrations WHERE version = $1 AND half = $2)"
_NOTE: Final = "INSERT INTO schema_migrations (version, half, name) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"


@dataclass(frozen=True, slots=True)
class HalfMigration:
    """One half of a migration. Example: version 1, half `pre`, name `ledger`, and the SQL of `0001_ledger.pre.sql`."""

    version: int
    half: str
    name: str
    sql: str

    @property
    def key(self) -> tuple[int, str]:
        """Its version and half, which identify it."""
        return self.version, self.half


def load_halves(package: str) -> Sequence[HalfMigration]:
    """The halves of `package` in order: each pre half, after the post halves of the migrations before."""
    halves = [
        HalfMigration(int(match["version"]), match["half"], match["name"], file.read_text(encoding="utf-8"))
        for file in resources.files(package).iterdir()
        if (match := _FILE_NAME.fullmatch(file.name))
    ]
    return sorted(halves, key=lambda half: (half.version, half.half == "post"))


async def apply_migrations(connection: Any, halves: Sequence[HalfMigration], *, with_post: bool = False) -> int:
    """Apply all missing halves; returns how many. The last migration's post half is applied only `with_post`.

    Processes that start at the same time wait for each other. `connection` must be a session of its own.

    Raises:
        LedgerUnavailable: the database has a post half of a newer leadline, or stays locked for a minute.
    """
    applied, give_up = 0, time.monotonic() + _LOCK_SECONDS
    while missing := await _missing(connection, halves, with_post=with_post):
        await connection.execute(_SESSION)
        try:
            if await _apply(connection, missing[0]):
                applied, give_up = applied + 1, time.monotonic() + _LOCK_SECONDS
                continue
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            pass
        if time.monotonic() > give_up:
            raise LedgerUnavailable("The database stays locked, so its schema cannot be changed.", retry_after=1)
        await asyncio.sleep(random.uniform(*_PAUSE_SECONDS))  # noqa: S311 - jitter, no secret
    return applied


async def _missing(connection: Any, halves: Sequence[HalfMigration], *, with_post: bool) -> Sequence[HalfMigration]:
    applied = set[tuple[int, str]]()
    if await connection.fetchval(_HAS_TABLE):
        applied = {tuple(row) for row in await connection.fetch("SELECT version, half FROM schema_migrations")}
    last = max(half.version for half in halves)
    newest = max((version for version, half in applied if half == "post"), default=0)
    if newest > last:
        raise LedgerUnavailable(
            f"The database's schema is version {newest}, of a newer leadline; this one knows versions up to {last}."
            " Run the newer leadline."
        )
    if any(version > last for version, _ in applied):
        return []  # a newer process prepared the database, and an older one works on beside it
    wanted = [half for half in halves if half.half == "pre" or half.version < last or with_post]
    return [half for half in wanted if half.key not in applied]


async def _apply(connection: Any, half: HalfMigration) -> bool:
    """Apply a half. False: another process is applying one."""
    if half.sql.startswith(_ALONE):
        return await _apply_alone(connection, half)
    async with connection.transaction():
        if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _LOCK):
            return False
        await connection.execute(_TABLE)
        if not await connection.fetchval(_IS_APPLIED, half.version, half.half):
            await connection.execute(f"SET LOCAL lock_timeout = '{_DDL_MILLISECONDS}ms'")
            await connection.execute(half.sql)
            await connection.execute(_NOTE, half.version, half.half, half.name)
    return True


async def _apply_alone(connection: Any, half: HalfMigration) -> bool:
    """Apply a half outside of a transaction. It waits for transactions, so it lets no other process wait in one."""
    if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
        return False
    try:
        for statement in half.sql.split(";\n"):
            if statement.strip():
                await connection.execute(statement)
        await connection.execute(_NOTE, half.version, half.half, half.name)
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)
    return True
