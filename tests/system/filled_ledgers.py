"""Ledgers with millions of finished calls and of contacts: copies of one call and one contact of the service.

SQL copies them, without indexes, triggers and syncs; these follow. Each copy has its own ids, times and CRM log, and
each call a contact. `test_filled_ledgers` compares copies with what the service writes.
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

from bench.workload import known_number
from leadline_server.domain.call import CallResult
from leadline_server.domain.call_log_states import CallLogState
from leadline_server.retention.pruner import CALLS_AT_ONCE
from support.apps import Harness, open_harness
from support.postgres import PostgresServer

NUMBER: Final = known_number(0)
"""The number of the first contact, with as many calls in each ledger."""

EACH: Final = 100
"""How many calls each number has that calls."""

OLD: Final = timedelta(days=300)
PRUNED: Final = 2_000
_APART: Final = 2
"""Seconds from a call to the next one, so that ten million take less than `OLD`."""

_COPIED: Final = "call-00000000"
_SECONDS: Final = 7200.0
_TIME: Final = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"
_DIGITS: Final = "(2015000000 + {i})"
"""The number of contact `{i}`, without +1; see `known_number`."""


@dataclass(frozen=True)
class Dialect:
    """The SQL in which the ledgers differ.

    Attributes:
        rows: `n.n`, the numbers from 1 to `{count}`, in their order.
        eight: that number in eight digits.
        time: a time as documents have it, without fractions: `n.n` calls after `{seconds}`.
        document: the bytes of `{text}`.
        copied: the document of the call `{call_id}`.
        columns: names the columns of `{table}` but for the rows' own numbers.
        objects: the names of the indexes and triggers of `{table}`, with the statements that make them.
        person: the number in the name of a contact.
        begin: comes first.
        empty: empties `{table}`, if that saves time, but for its rows so far.
        index: adds the copied contacts to the index of names that is a table.
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
    empty: tuple[str, ...]
    index: tuple[str, ...]
    end: tuple[str, ...]


_SQLITE: Final = Dialect(
    rows="(WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {count}) SELECT n FROM n) AS n",
    eight="printf('%08d', n.n)",
    time=f"strftime('%Y-%m-%dT%H:%M:%S', {{seconds}} + n.n * {_APART}, 'unixepoch')",
    document="CAST({text} AS BLOB)",
    copied="SELECT CAST(body AS TEXT) FROM call_logs WHERE call_id = '{call_id}'",
    columns="SELECT name FROM pragma_table_info('{table}') WHERE name <> 'pk' AND '{table}.' || name <> 'call_logs.id'",
    objects="SELECT json_group_array(json_array(type || ' ' || name, sql)) FROM sqlite_master"
    " WHERE tbl_name = '{table}' AND type <> 'table' AND sql IS NOT NULL",
    person="CAST(substr(name, 8) AS INTEGER)",
    begin=("PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", "PRAGMA cache_size = -1000000"),
    empty=(),
    index=("INSERT INTO crm_contact_names (rowid, folded_name) SELECT pk, folded_name FROM crm_contacts WHERE pk > 1",),
    end=(
        "UPDATE ledger SET call_log_sequence = call_log_sequence + {calls}",
        "UPDATE stored_blocks SET blocks = blocks + {calls}",
        "PRAGMA journal_mode = WAL",
    ),
)
_POSTGRES: Final = Dialect(
    rows="generate_series(1::bigint, {count}) AS n (n)",
    eight="lpad(n.n::text, 8, '0')",
    time=f"to_char(to_timestamp({{seconds}} + n.n * {_APART}) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS')",
    document="convert_to({text}, 'UTF8')",
    copied="SELECT convert_from(body, 'UTF8') FROM call_logs WHERE call_id = '{call_id}'",
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
    empty=(
        "CREATE TEMP TABLE all_{table} AS SELECT * FROM {table}",
        "TRUNCATE {table}",
        "INSERT INTO {table} SELECT * FROM all_{table}",
    ),
    index=(),
    end=("UPDATE account_counters SET sequence = sequence + {calls}, blocks = blocks + {calls}", "COMMIT"),
)


class _Database(Protocol):
    @property
    def dialect(self) -> Dialect:
        """The SQL of its ledger."""

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
        contacts: how many contacts it gets: at least two, and one for each number.
        server: where its database is; None: it is a file.
        url: of that database.
    """
    async with open_harness(data_dir, ledger=url) as harness:
        harness.clock.advance(-OLD)
        await harness.create("Person 0", NUMBER, email="person0@example.com")
        await log_finished(harness, "call-before", NUMBER)
        await log_finished(harness, _COPIED, NUMBER)
    if server is None:
        with closing(sqlite3.connect(data_dir / "ledger.db", isolation_level=None)) as connection:
            _copy(_File(connection), calls, contacts)
    else:
        name = url.rpartition("/")[2]
        _copy(_Server(server, name), calls, contacts)
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


def _copy(database: _Database, calls: int, contacts: int) -> None:
    """Copy the contact, and the call `_COPIED` with its log in the CRM."""
    dialect, numbers = database.dialect, max(calls // EACH, 1)
    document = database.ask(dialect.copied.format(call_id=_COPIED))
    call = json.loads(document)
    new, of_person = dialect.rows, "people AS p"
    of_call = f"{new} CROSS JOIN people AS p WHERE p.i = n.n % {numbers} AND t.call_id = '{_COPIED}'"
    statements = [
        *dialect.begin,
        *_copies(database, "crm_contacts", new.format(count=contacts - 1), _contact(dialect, call["contact"])),
        *dialect.index,
        f"CREATE TEMP TABLE people AS SELECT {dialect.person} AS i, pk, id FROM crm_contacts",  # noqa: S608 - our own
        "CREATE UNIQUE INDEX people_by_number ON people (i)",
        "ANALYZE people",
        *_copies(database, "crm_contact_numbers", f"{of_person} WHERE p.i > 0", _number()),
    ]
    for table in ("call_logs", "crm_call_logs"):
        statements += [statement.format(table=table) for statement in dialect.empty]
        statements += _copies(database, table, of_call.format(count=calls), _call(dialect, document))
    database.run([*statements, *(statement.format(calls=calls) for statement in dialect.end)])


def _copies(database: _Database, table: str, rows: str, values: Mapping[str, str]) -> Iterator[str]:
    """The statements that copy a row of a table, once for each of `rows`, with these values in place of its own."""
    columns = database.ask(database.dialect.columns.format(table=table)).splitlines()
    objects = json.loads(database.ask(database.dialect.objects.format(table=table)) or "[]")
    copied = ", ".join(values.get(name, f"t.{name}") for name in columns)
    yield f"CREATE TEMP TABLE kept_{table} AS SELECT * FROM {table}"  # noqa: S608 - our own names
    yield from (f"DROP {name}" for name, _ in objects)
    yield f"INSERT INTO {table} ({', '.join(columns)}) SELECT {copied} FROM kept_{table} AS t CROSS JOIN {rows}"  # noqa: S608 - as above
    yield from (made for _, made in objects)


def _contact(dialect: Dialect, contact: Mapping[str, Any]) -> Mapping[str, str]:
    """The values that are different in each copy of the contact, by the columns' names."""
    email, digits = "'person' || n.n || '@example.com'", _DIGITS.format(i="n.n")
    return {
        "id": f"'c_000000000000' || {dialect.eight}",
        "name": "'Person ' || n.n",
        "folded_name": "'person ' || n.n",
        "details": f"replace(replace(t.details, '{contact['email']}', {email}), '{NUMBER}', '+1' || {digits})",
    }


def _number() -> Mapping[str, str]:
    return {"key": f"CAST({_DIGITS.format(i='p.i')} AS TEXT)", "contact": "p.pk"}


def _call(dialect: Dialect, document: str) -> Mapping[str, str]:
    """The values that are different in each copy of the call, by the columns' names."""
    call_id, later = f"'call-' || {dialect.eight}", f"n.n * {_APART} * 1000000"
    number = f"'+1' || {_DIGITS.format(i='p.i')}"
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
    contact = log["contact"]
    own = {
        log["call"]["id"]: f"'call-' || {dialect.eight}",
        log["crm_log_id"]: f"'l_000000000000' || {dialect.eight}",
        contact["id"]: "p.id",
        contact["name"]: "'Person ' || p.i",
        contact["email"]: "'person' || p.i || '@example.com'",
        log["number"]["significant"]: _DIGITS.format(i="p.i"),
    }
    for part in re.split(f"({contact['create_time']}|{_TIME}|{'|'.join(map(re.escape, own))})", document):
        if part != contact["create_time"] and re.fullmatch(_TIME, part):
            seconds = int(datetime.fromisoformat(part).timestamp())
            yield f"{dialect.time.format(seconds=seconds)} || '{part[19:]}'"
        else:
            yield own.get(part) or "'{}'".format(part.replace("'", "''"))
