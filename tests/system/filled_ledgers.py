"""Ledgers with millions of finished calls and of contacts: copies of one call that the service logged.

A call costs a row of SQL, so ten million take minutes.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from bench.workload import write_contacts
from leadline_server.domain.call_log_states import CallLogState
from leadline_server.retention.pruner import CALLS_AT_ONCE
from support.apps import Harness, open_harness
from support.postgres import PostgresServer
from support.servers import leadline

KNOWN: Final = "+12025550042"
NUMBER: Final = "+12020000000"
"""A number with as many calls in each ledger."""

EACH: Final = 100
"""How many calls each number has that calls."""

OLD: Final = timedelta(days=300)
PRUNED: Final = 2_000
_SECONDS: Final = 3600.0
_TABLES: Final = ("call_logs", "crm_call_logs")


@dataclass(frozen=True)
class Dialect:
    """The SQL in which the ledgers differ.

    Attributes:
        numbers: a table of the numbers from 1 to `{calls}` in its column `n`.
        digits: seven digits, the same for `EACH` of the copies.
        body: the document of the copy `n`.
        columns: names the columns of a table but for its own number.
        counter: makes room for the copies' positions in the order of changes.
        setup: comes first.
    """

    numbers: str
    digits: str
    body: str
    columns: str
    counter: str
    setup: str = ""


_SQLITE: Final = Dialect(
    numbers="(WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {calls}) SELECT n FROM n) AS n",
    digits="printf('%07d', n.n % {numbers})",
    body="CAST(replace(CAST(body AS TEXT), '\"old\"', '\"old-' || n.n || '\"') AS BLOB)",
    columns="SELECT name FROM pragma_table_info('{table}') WHERE pk = 0",
    counter="UPDATE ledger SET call_log_sequence = call_log_sequence + {calls}",
    setup="PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -2000000",
)
_POSTGRES: Final = Dialect(
    numbers="generate_series(1::bigint, {calls}) AS n (n)",
    digits="lpad((n.n % {numbers})::text, 7, '0')",
    body="convert_to(replace(convert_from(body, 'UTF8'), '\"old\"', '\"old-' || n.n || '\"'), 'UTF8')",
    columns="SELECT column_name FROM information_schema.columns"
    " WHERE table_schema = 'public' AND table_name = '{table}' AND column_name <> 'pk'",
    counter="UPDATE account_counters SET sequence = sequence + {calls}",
)


async def fill(data_dir: Path, calls: int, contacts: int, server: PostgresServer | None = None, url: str = "") -> None:
    """Make a ledger with finished calls of long ago, and a contact with `KNOWN`.

    Args:
        data_dir: of the ledger; it is made.
        calls: how many finished calls it gets.
        contacts: how many contacts it gets.
        server: where its database is; None: it is a file.
        url: of that database.
    """
    async with open_harness(data_dir, ledger=url) as harness:
        harness.clock.advance(-OLD)
        await harness.create("Ada", KNOWN)
        assert (await harness.log("old", KNOWN)).state is CallLogState.LOGGED
    if server is None:
        _fill_file(data_dir / "ledger.db", calls)
    else:
        _fill_database(server, url.rpartition("/")[2], calls)
    _import(data_dir, contacts, {"LEADLINE_LEDGER": url} if url else {})
    if server is not None:
        server.sql("VACUUM ANALYZE", url.rpartition("/")[2], seconds=_SECONDS)


async def prune(harness: Harness) -> None:
    """Delete `PRUNED` of the oldest calls, some at a time, as the pruner does."""
    since, position, deleted = harness.clock.now() - OLD / 2, "", 0
    while deleted < PRUNED:
        step = await harness.app.ledger.retention.prune_calls(since, position, CALLS_AT_ONCE)
        deleted += step.deleted
        assert step.position is not None, deleted
        position = step.position


def _fill_file(path: Path, calls: int) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(_SQLITE.setup)
        for table in _TABLES:
            columns = [name for (name,) in connection.execute(_SQLITE.columns.format(table=table))]
            for statement in _statements(_SQLITE, table, columns, calls):
                connection.execute(statement)
        connection.execute("PRAGMA journal_mode = WAL")


def _fill_database(server: PostgresServer, name: str, calls: int) -> None:
    for table in _TABLES:
        columns = server.sql(_POSTGRES.columns.format(table=table), name).splitlines()
        for statement in _statements(_POSTGRES, table, columns, calls):
            server.sql(f"SET synchronous_commit = off; {statement}", name, seconds=_SECONDS)


def _statements(dialect: Dialect, table: str, columns: list[str], calls: int) -> Iterator[str]:
    """Copies the one call of a table."""
    unique, digits = "'old-' || n.n", dialect.digits.format(numbers=calls // EACH)
    changed: Mapping[str, str] = {
        "call_id": unique,
        "id": unique,
        "unique_key": unique,
        "number_key": f"'+1202' || {digits}",
        "contact_id": f"'c_' || {digits}",
        "start_time": "start_time - n.n * 1000000",
        "sequence": "sequence + n.n",
        "body": dialect.body,
    }
    values = ", ".join(changed.get(name, name) for name in columns)
    source = dialect.numbers.format(calls=calls)
    yield f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table} CROSS JOIN {source}"  # noqa: S608 - our own names
    if table == "call_logs":
        yield dialect.counter.format(calls=calls)


def _import(data_dir: Path, contacts: int, ledger: Mapping[str, str]) -> None:
    file = data_dir.with_suffix(".csv")
    write_contacts(file, contacts)
    settings = {"LEADLINE_DATA_DIR": str(data_dir), **ledger}
    done = leadline("contacts", "import", file, settings=settings, seconds=_SECONDS)
    assert done.returncode == 0, done.stderr
