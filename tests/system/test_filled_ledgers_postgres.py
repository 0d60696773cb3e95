"""The large ledgers of the tests: their copied calls and contacts are such as the service writes, on both ledgers."""

import re
import sqlite3
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Final

import pytest
from bench.workload import known_number
from support.apps import open_harness
from support.ledgers import EACH as KINDS
from support.ledgers import POSTGRESQL
from support.postgres import MEMORY, postgres_server
from support.servers import leadline
from system.filled_ledgers import OLD, fill, log_finished

CALLS: Final = 300
CONTACTS: Final = 7
PERSON, NEW_PERSON = 1, 7
"""A contact with calls that were copied, and one that the service creates."""

COPIED: Final = "call-00000097"  # of three numbers by turns, this one has the number of PERSON
ROWS: Final[Mapping[str, tuple[str, str, str]]] = {
    "call_logs": ("call_id", COPIED, "call-real"),
    "crm_call_logs": ("call_id", COPIED, "call-real"),
    "crm_contacts": ("name", f"Person {PERSON + 1}", f"Person {NEW_PERSON}"),
    "crm_contact_numbers": ("key", known_number(PERSON + 1)[2:], known_number(NEW_PERSON)[2:]),
}
"""The rows that are compared, by a column that identifies them: the copied one, and the service's."""

OWN: Final = re.compile(
    r"call-(\d{8}|real)|[cl]_[0-9a-v]{20}|(Person|person) ?\d|201500000\d"
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z|1[78]\d{14}|create:[0-9a-f]{32}"
)
"""The values that are different in each row."""

NUMBERS: Final = {"pk", "id", "contact", "sequence"}
"""Columns of numbers that differ."""


@pytest.mark.parametrize("kind", KINDS)
async def test_copies_are_such_as_the_service_writes(tmp_path: Path, kind: str) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(postgres_server(parent=MEMORY)) if kind == POSTGRESQL else None
        url = server.create() if server else ""
        await fill(tmp_path / "data", CALLS, CONTACTS, server, url)
        async with open_harness(tmp_path / "data", ledger=url) as harness:
            assert [len(await harness.find(known_number(i))) for i in range(CONTACTS)] == [1] * CONTACTS
            harness.clock.advance(-OLD / 2)
            await log_finished(harness, "call-real", known_number(PERSON))
            number = known_number(NEW_PERSON)
            await harness.create(f"Person {NEW_PERSON}", number, email=f"person{NEW_PERSON}@example.com")
            await log_finished(harness, "call-last", number)
        file = in_a_file(tmp_path, url) if url else tmp_path / "data" / "ledger.db"
    checked = leadline("ledger", "check", "--ledger", file)
    assert checked.returncode == 0, checked.stdout
    assert f"{CALLS + 4:,} LOGGED" in checked.stdout
    with closing(sqlite3.connect(file)) as ledger:
        for table, (column, copied, real) in ROWS.items():
            assert shape(ledger, table, column, copied) == shape(ledger, table, column, real)
        ledger.execute("INSERT INTO crm_contact_names (crm_contact_names) VALUES ('integrity-check')")


def in_a_file(folder: Path, url: str) -> Path:
    """A copy of the database, which can be checked."""
    done = leadline("ledger", "copy", url, f"sqlite:{folder / 'copy.db'}")
    assert done.returncode == 0, done.stderr
    return folder / "copy.db"


def shape(ledger: sqlite3.Connection, table: str, column: str, value: str) -> Mapping[str, Any]:
    """A row without what it has of its own."""
    cursor = ledger.execute(f"SELECT * FROM {table} WHERE {column} = ?", (value,))  # noqa: S608 - our own names
    [row] = cursor.fetchall()
    names = [name for name, *_ in cursor.description]
    return {name: common(name, found) for name, found in zip(names, row, strict=True)}


def common(name: str, value: Any) -> Any:
    """A value, or what it has in common with others of its column."""
    if value is None or (isinstance(value, int) and name in NUMBERS):
        return type(value)
    return OWN.sub("*", value.decode() if isinstance(value, bytes) else str(value))
