"""Ledgers with millions of finished calls and of contacts: copies of one call that the service logged.

SQL copies it, without indexes, triggers and syncs; these follow. Each copy has its own id, times and CRM log, and the
contact of its caller. `test_filled_ledgers` compares copies with calls that the service logged.
"""

import json
import os
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

from bench.workload import known_number, write_contacts
from leadline_server.domain.call import CallResult
from leadline_server.domain.call_log_states import CallLogState
from leadline_server.retention.pruner import CALLS_AT_ONCE
from support.apps import Harness, open_harness
from support.postgres import PostgresServer
from support.servers import leadline

NUMBER: Final = known_number(0)
"""A number with as many calls in each ledger."""

EACH: Final = 100
"""How many calls each number has that calls."""

OLD: Final = timedelta(days=300)
PRUNED: Final = 2_000
_APART: Final = 2
"""Seconds from a call to the next one, so that ten million take less than `OLD`."""

_COPIED: Final = "call-00000000"
_SECONDS: Final = 7200.0
_TIME: Final = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"
_TABLES: Final = ("call_logs", "crm_call_logs")


@dataclass(frozen=True)
class Dialect:
    """The SQL in which the ledgers differ.

    Attributes:
        rows: `n.n`, the numbers from 1 to `{calls}`, in their order.
        eight: that number in eight digits.
        time: a time as documents have it, without fractions: `n.n` calls after `{seconds}`.
        document: the bytes of `{text}`.
        copied: the document of the copied call.
        columns: names the columns of `{table}` but for its own number.
        objects: the names of the indexes and triggers of `{table}`, with the statements that make them.
        person: the number in the name of a contact.
        begin: comes first.
        keep: makes the table `kept_{table}` of the copied row.
        end: comes last. It makes room for the copies in the order of changes, and counts their documents, a block each.
    """

    rows: str
    eight: str
    time: str
    document: str
    copied: str
    columns: str
    objects: str
    person: str
    begin: tuple[str, ...]
    keep: tuple[str, ...]
    end: tuple[str, ...]


_KEPT: Final = f"CREATE TEMP TABLE kept_{{table}} AS SELECT * FROM {{table}} WHERE call_id = '{_COPIED}'"
_SQLITE: Final = Dialect(
    rows="(WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {calls}) SELECT n FROM n) AS n",
    eight="printf('%08d', n.n)",
    time=f"strftime('%Y-%m-%dT%H:%M:%S', {{seconds}} + n.n * {_APART}, 'unixepoch')",
    document="CAST({text} AS BLOB)",
    copied=f"SELECT CAST(body AS TEXT) FROM call_logs WHERE call_id = '{_COPIED}'",
    columns="SELECT name FROM pragma_table_info('{table}') WHERE pk = 0",
    objects="SELECT json_group_array(json_array(type || ' ' || name, sql)) FROM sqlite_master"
    " WHERE tbl_name = '{table}' AND type <> 'table' AND sql IS NOT NULL",
    person="CAST(substr(name, 8) AS INTEGER)",
    begin=("PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", "PRAGMA cache_size = -1000000"),
    keep=(_KEPT,),
    end=(
        "UPDATE ledger SET call_log_sequence = call_log_sequence + {calls}",
        "UPDATE stored_blocks SET blocks = blocks + {calls}",
        "PRAGMA journal_mode = WAL",
    ),
)
_POSTGRES: Final = Dialect(
    rows="generate_series(1::bigint, {calls}) AS n (n)",
    eight="lpad(n.n::text, 8, '0')",
    time=f"to_char(to_timestamp({{seconds}} + n.n * {_APART}) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS')",
    document="convert_to({text}, 'UTF8')",
    copied=f"SELECT convert_from(body, 'UTF8') FROM call_logs WHERE call_id = '{_COPIED}'",
    columns="SELECT column_name FROM information_schema.columns"
    " WHERE table_schema = 'public' AND table_name = '{table}' AND column_name <> 'pk'",
    objects="SELECT json_agg(json_build_array('INDEX ' || indexname, indexdef)) FROM pg_indexes"
    " WHERE tablename = '{table}' AND indexname NOT LIKE '%_pkey'",
    person="substr(name, 8)::bigint",
    # Foreign keys are not checked, and only a hash join keeps the order of the calls.
    begin=(
        "SET session_replication_role = replica",
        "SET enable_mergejoin = off",
        "SET enable_nestloop = off",
        "SET work_mem = '256MB'",
        "SET maintenance_work_mem = '1GB'",
        "BEGIN",
    ),
    # A table that the transaction has emptied needs no WAL.
    keep=(
        "CREATE TEMP TABLE all_{table} AS SELECT * FROM {table}",
        _KEPT,
        "TRUNCATE {table}",
        "INSERT INTO {table} SELECT * FROM all_{table}",
    ),
    end=("UPDATE account_counters SET sequence = sequence + {calls}, blocks = blocks + {calls}", "COMMIT"),
)


class _Database(Protocol):
    dialect: Dialect

    def ask(self, query: str) -> str:
        """The rows of a query, one a line."""

    def run(self, statements: list[str]) -> None:
        """Run them in one session."""


@dataclass(frozen=True)
class _File:
    connection: sqlite3.Connection
    dialect: Dialect = _SQLITE

    def ask(self, query: str) -> str:
        return "\n".join(str(value) for (value,) in self.connection.execute(query))

    def run(self, statements: list[str]) -> None:
        for statement in statements:
            self.connection.execute(statement).fetchall()


@dataclass(frozen=True)
class _Server:
    server: PostgresServer
    name: str
    dialect: Dialect = _POSTGRES

    def ask(self, query: str) -> str:
        return self.server.sql(query, self.name)

    def run(self, statements: list[str]) -> None:
        self.server.sql("; ".join(statements), self.name, seconds=_SECONDS)


async def fill(data_dir: Path, calls: int, contacts: int, server: PostgresServer | None = None, url: str = "") -> None:
    """Make a ledger with finished calls of long ago, `EACH` of each number, and with contacts.

    Args:
        data_dir: of the ledger; it is made.
        calls: how many finished calls it gets; two more are `NUMBER`'s.
        contacts: how many contacts it gets: at least one for each number.
        server: where its database is; None: it is a file.
        url: of that database.
    """
    async with open_harness(data_dir, ledger=url):
        pass
    _import(data_dir, contacts, {"LEADLINE_LEDGER": url} if url else {})
    async with open_harness(data_dir, ledger=url) as harness:
        harness.clock.advance(-OLD)
        await log_finished(harness, "call-before", NUMBER)
        await log_finished(harness, _COPIED, NUMBER)
    if server is None:
        with closing(sqlite3.connect(data_dir / "ledger.db", isolation_level=None)) as connection:
            _copy(_File(connection), calls)
    else:
        name = url.rpartition("/")[2]
        _copy(_Server(server, name), calls)
        server.sql("VACUUM ANALYZE", name, seconds=_SECONDS)
        server.sql("CHECKPOINT", name, seconds=_SECONDS)
    os.sync()  # else the calls to come would wait for it


async def log_finished(harness: Harness, call_id: str, number: str) -> None:
    """Report a call of a minute that has just ended."""
    now = harness.clock.now()
    said: dict[str, Any] = {
        "callee__phone_number": "+12025550100",
        "callee__extension": "101",
        "start_time": now - timedelta(minutes=1),
        "end_time": now,
        "result": CallResult.ANSWERED,
        "is_final": True,
    }
    assert (await harness.log(call_id, number, **said)).state is CallLogState.LOGGED


async def prune(harness: Harness) -> None:
    """Delete `PRUNED` of the oldest calls, some at a time, as the pruner does."""
    since, position, deleted = harness.clock.now() - OLD / 2, "", 0
    while deleted < PRUNED:
        step = await harness.app.ledger.retention.prune_calls(since, position, CALLS_AT_ONCE)
        deleted += step.deleted
        assert step.position is not None, deleted
        position = step.position


def _copy(database: _Database, calls: int) -> None:
    """Copy the call `_COPIED` and its log in the CRM."""
    dialect, numbers = database.dialect, max(calls // EACH, 1)
    document = database.ask(dialect.copied)
    found = f"SELECT {dialect.person} AS i, pk, id FROM crm_contacts WHERE {dialect.person} < {numbers}"  # noqa: S608 - our own
    statements = [*dialect.begin, f"CREATE TEMP TABLE people AS {found}"]
    statements += ["CREATE UNIQUE INDEX people_by_number ON people (i)", "ANALYZE people"]
    for table in _TABLES:
        columns = database.ask(dialect.columns.format(table=table)).splitlines()
        objects = json.loads(database.ask(dialect.objects.format(table=table)) or "[]")
        rows = f"{dialect.rows} CROSS JOIN kept_{table} AS t CROSS JOIN people AS p WHERE p.i = n.n % {numbers}"
        values = _values(dialect, document)
        copies = ", ".join(values.get(name, f"t.{name}") for name in columns)
        statements += [statement.format(table=table) for statement in dialect.keep]
        statements += [f"DROP {name}" for name, _ in objects]
        statements += [f"INSERT INTO {table} ({', '.join(columns)}) SELECT {copies} FROM {rows.format(calls=calls)}"]  # noqa: S608
        statements += [made for _, made in objects]
    database.run([*statements, *(statement.format(calls=calls) for statement in dialect.end)])


def _values(dialect: Dialect, document: str) -> Mapping[str, str]:
    """What each copy has of its own, by the columns' names."""
    call_id, later = f"'call-' || {dialect.eight}", f"n.n * {_APART} * 1000000"
    number = "'+1' || (2015000000 + p.i)"
    return {
        "call_id": call_id,
        "unique_key": f"'demo/' || {call_id}",
        "id": f"'l_000000000000' || {dialect.eight}",
        "number_key": number,
        "number": number,
        "caller_number": number,
        "contact_id": "p.id",
        "contact": "p.pk",
        "start_time": f"t.start_time + {later}",
        "end_time": f"t.end_time + {later}",
        "sequence": "t.sequence + n.n",
        "version": "(random() * 9e18)::bigint",
        "body": dialect.document.format(text=" || ".join(_pieces(dialect, document))),
    }


def _pieces(dialect: Dialect, document: str) -> Iterator[str]:
    """The document of a copy, in parts: texts of the copied one, and what the copy has of its own."""
    log = json.loads(document)
    own = {
        log["call"]["id"]: f"'call-' || {dialect.eight}",
        log["crm_log_id"]: f"'l_000000000000' || {dialect.eight}",
        log["contact"]["id"]: "p.id",
        log["contact"]["name"]: "'Person ' || p.i",
        log["contact"]["email"]: "'person' || p.i || '@example.com'",
        log["number"]["significant"]: "(2015000000 + p.i)",
    }
    for part in re.split(f"({_TIME}|{'|'.join(map(re.escape, own))})", document):
        if re.fullmatch(_TIME, part):
            seconds = int(datetime.fromisoformat(part).timestamp())
            yield f"{dialect.time.format(seconds=seconds)} || '{part[19:]}'"
        else:
            yield own.get(part) or "'{}'".format(part.replace("'", "''"))


def _import(data_dir: Path, contacts: int, ledger: Mapping[str, str]) -> None:
    file = data_dir.with_suffix(".csv")
    write_contacts(file, contacts)
    settings = {"LEADLINE_DATA_DIR": str(data_dir), **ledger}
    done = leadline("contacts", "import", file, settings=settings, seconds=_SECONDS)
    assert done.returncode == 0, done.stderr
