"""A ledger in a PostgreSQL database, as copying sees it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg

from leadline_server.domain.ledger_errors import LedgerUnavailable
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
from leadline_server.storage.postgres.address import PostgresAddress, shown
from leadline_server.storage.postgres.connecting import Connector
from leadline_server.storage.postgres.errors import storage_error
from leadline_server.storage.postgres.migrations import apply_migrations, load_halves

MIGRATIONS: Final = "leadline_server.ledger.migrations.postgres"

_FENCED_TABLES: Final = (*TABLES, "ledger", "account_counters")
_RENAMED: Final = {("call_links", "id"): "added"}
"""Columns with another name than in SQLite."""

_COLUMNS: Final = """
    SELECT column_name, data_type FROM information_schema.columns
    WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position
"""
_KEYS: Final = """
    SELECT a.attname, t.typname = 'text' FROM pg_index AS i
    CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
    JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
    JOIN pg_type AS t ON t.oid = a.atttypid
    WHERE i.indrelid = $1::regclass AND i.indisprimary ORDER BY k.place
"""
_NOTES: Final = "CREATE TABLE IF NOT EXISTS ledger_copy (name text PRIMARY KEY, value text NOT NULL)"
_NOTE: Final = "INSERT INTO ledger_copy VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
_LEDGER: Final = """
    SELECT secret, key_version, is_standby, live_since, secrets_key_id, sequence_base,
        (SELECT coalesce(max(sequence), 0) FROM account_counters) FROM ledger
"""
_ACCOUNTS: Final = (
    'SELECT account_id, sequence, pruned_through, blocks FROM account_counters ORDER BY account_id COLLATE "C"'
)
_NEW_LEDGER: Final = """
    INSERT INTO ledger (id, secret, key_version, is_standby, live_since, secrets_key_id, sequence_base)
    VALUES (1, $1, $2, $3, $4, $5, $6)
"""
_NEW_COUNTERS: Final = """
    INSERT INTO account_counters (account_id, sequence, pruned_through, blocks) VALUES ($1, $2, $3, $4)
"""
# SQLSTATE 25006 is read_only_sql_transaction: leadline answers UNAVAILABLE. The copy itself may write to its target.
_FENCE: Final = """
    CREATE OR REPLACE FUNCTION ledger_is_fenced() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF current_setting('leadline.copy', true) IS DISTINCT FROM (SELECT value FROM ledger_copy WHERE name = 'mark')
        THEN
            RAISE EXCEPTION 'leadline: this ledger is fenced' USING ERRCODE = '25006';
        END IF;
        RETURN NULL;
    END
    $$
"""
_FENCE_TABLE: Final = """
    CREATE OR REPLACE TRIGGER fence BEFORE INSERT OR UPDATE OR DELETE ON {} FOR EACH STATEMENT
    EXECUTE FUNCTION ledger_is_fenced()
"""
_SERIALS: Final = {"audit": "id", "call_links": "added", "crm_contacts": "pk", "crm_call_logs": "pk"}
_SECONDS: Final = 600.0


@asynccontextmanager
async def open_postgres_store(url: str) -> "AsyncIterator[PostgresStore]":
    """A PostgreSQL database to copy from or to. Raises LedgerUnavailable if it cannot be used."""
    address = PostgresAddress(url=url, statement_seconds=_SECONDS)
    try:
        connection = await Connector(address, url).connect()
        try:
            yield PostgresStore(shown(url), connection)
        finally:
            await connection.close(timeout=10)
    except Exception as error:
        if isinstance(error, LedgerUnavailable):
            raise
        raise storage_error(error) or error from error


class PostgresStore:
    """Implements LedgerStore.

    Args:
        name: the database, for people, without a password.
        connection: to it.
    """

    has_account_sequences = True

    def __init__(self, name: str, connection: Any) -> None:
        self.name = name
        self._connection = connection

    async def columns(self, table: str) -> Sequence[str]:
        """See LedgerStore."""
        return list(await self._types(table))

    async def page(self, table: str, columns: Sequence[str], after: tuple[Any, ...], limit: int) -> RowPage:
        """See LedgerStore."""
        found = await self._connection.fetch(_KEYS, table)
        keys = [f'{name} COLLATE "C"' if is_text else name for name, is_text in found]
        key, names = ", ".join(keys), ", ".join(_own(table, columns))
        bounds = ", ".join(f"${place}" for place in range(1, len(after) + 1))
        where = f"WHERE ({key}) > ({bounds})" if after else ""
        query = f"SELECT {key}, {names} FROM {table} {where} ORDER BY {key} LIMIT {limit}"  # noqa: S608 - names of the schema
        rows = [tuple(map(_plain, row)) for row in await self._connection.fetch(query, *after)]
        return RowPage([row[len(keys) :] for row in rows], rows[-1][: len(keys)] if rows else ())

    async def counters(self) -> LedgerCounters:
        """See LedgerStore."""
        if not await self._has("ledger") or not (found := await self._connection.fetch(_LEDGER)):
            raise CopyRefused(f"{self.name} has no ledger.")
        [(secret, key_version, is_standby, live_since, secrets_key_id, base, largest)] = found
        accounts = [AccountCounters(*row) for row in await self._connection.fetch(_ACCOUNTS)]
        sequence = max(base, largest)
        return LedgerCounters(secret, key_version, is_standby, live_since, secrets_key_id, sequence, base, accounts)

    async def mark(self) -> Mark | None:
        """See LedgerStore."""
        return mark_of(await self._notes())

    async def fence(self, mark: Mark) -> None:
        """See LedgerStore."""
        async with self._connection.transaction():
            await self._fence(mark)

    async def unfence(self) -> None:
        """See LedgerStore."""
        async with self._connection.transaction():
            await self._unfence()

    async def prepare(self, mark: Mark) -> None:
        """See LedgerStore."""
        await apply_migrations(self._connection, load_halves(MIGRATIONS))
        async with self._connection.transaction():
            await self._fence(mark)  # before it looks: from here on no other process writes
            for table in _FENCED_TABLES:
                if await self._connection.fetchval(f"SELECT EXISTS (SELECT FROM {table})"):  # noqa: S608 - see above
                    raise CopyRefused(f"{self.name} is not empty: {table} has rows. A copy needs an empty database.")

    async def progress(self, table: str) -> Progress:
        """See LedgerStore."""
        return progress_of((await self._notes()).get(table))

    async def append(self, table: str, columns: Sequence[str], rows: Sequence[Row], progress: Progress) -> None:
        """See LedgerStore."""
        types = await self._types(table)
        records = [
            tuple(_typed(value, types[column]) for value, column in zip(row, columns, strict=True)) for row in rows
        ]
        names, values = ", ".join(_own(table, columns)), ", ".join(f"${place + 1}" for place in range(len(columns)))
        extra_names, extra = (", version", _VERSIONS[table]) if table in _VERSIONS else ("", "")
        insert = f"INSERT INTO {table} ({names}{extra_names}) OVERRIDING SYSTEM VALUE VALUES ({values}{extra})"  # noqa: S608 - see above
        try:
            async with self._connection.transaction():
                await self._let_in()
                await self._connection.executemany(insert, records)
                await self._connection.execute(_NOTE, table, progress_text(progress))
        except asyncpg.DataError as error:  # its message may repeat the value
            raise CopyRefused(
                f"PostgreSQL cannot store a row of {table} ({type(error).__name__}), such as a zero byte in a text."
            ) from error

    async def finish(self, counters: LedgerCounters) -> None:
        """See LedgerStore."""
        async with self._connection.transaction():
            await self._let_in()
            row = (counters.secret, counters.key_version, counters.is_standby, counters.live_since)
            await self._connection.execute(_NEW_LEDGER, *row, counters.secrets_key_id, counters.sequence)
            accounts = [
                (each.account_id, each.sequence, each.pruned_through, each.blocks) for each in counters.accounts
            ]
            await self._connection.executemany(_NEW_COUNTERS, accounts)
            for table, column in _SERIALS.items():
                await self._connection.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), max({column})) FROM {table}"  # noqa: S608 - see above
                )
            await self._unfence()
        await self._connection.execute("ANALYZE")

    async def _types(self, table: str) -> dict[str, str]:
        """The types of a table's columns, by their names in SQLite."""
        theirs = {(key[0], own): key[1] for key, own in _RENAMED.items()}
        found = await self._connection.fetch(_COLUMNS, table)
        return {theirs.get((table, name), name): kind for name, kind in found}

    async def _notes(self) -> dict[str, str]:
        if not await self._has("ledger_copy"):
            return {}
        return dict(await self._connection.fetch("SELECT name, value FROM ledger_copy"))

    async def _has(self, table: str) -> bool:
        return bool(await self._connection.fetchval("SELECT to_regclass($1) IS NOT NULL", table))

    async def _let_in(self) -> None:
        """Let this transaction write to the fenced target."""
        await self._connection.execute(
            "SELECT set_config('leadline.copy', value, true) FROM ledger_copy WHERE name = 'mark'"
        )

    async def _fence(self, mark: Mark) -> None:
        await self._connection.execute(_NOTES)
        await self._connection.executemany(_NOTE, mark_values(mark).items())
        await self._connection.execute(_FENCE)
        for table in _FENCED_TABLES:
            await self._connection.execute(_FENCE_TABLE.format(table))

    async def _unfence(self) -> None:
        for table in _FENCED_TABLES:
            await self._connection.execute(f"DROP TRIGGER IF EXISTS fence ON {table}")
        await self._connection.execute("DROP TABLE IF EXISTS ledger_copy")


_VERSIONS: Final = {"accounts": ", nextval('settings_versions')", "call_logs": ", 1"}
"""The values of the columns that SQLite does not have."""


def _own(table: str, columns: Sequence[str]) -> Sequence[str]:
    return [_RENAMED.get((table, column), column) for column in columns]


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else value


def _typed(value: Any, kind: str) -> Any:
    """A value as asyncpg takes it for a column of this type."""
    if value is None:
        return None
    if kind == "boolean":
        return bool(value)
    if kind == "bytea" and isinstance(value, str):
        return value.encode()
    return value
