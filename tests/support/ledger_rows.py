"""Rows in every table of a ledger, for tests that move them as they are."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from leadline_server.crm.embedded import EmbeddedCrm, open_crm_database
from leadline_server.domain.call import Call, CallDirection
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ledger.copying.store import TABLES
from leadline_server.ledger.sqlite import open_sqlite_ledger
from leadline_server.ports.crm import LogEntry
from leadline_server.testing.ledger_samples import ACCOUNT, call_log, full_call_log, put

OTHER: Final = "other"
CALLS: Final = 120
"""How many call logs `filled_ledger` has, beside the full one."""

BOOKED: Final = 30
"""How many contacts each account has in its book."""

_BLOB: Final = "BLOB"
_INTEGER: Final = "INTEGER"


def filled_ledger(path: Path) -> Path:
    """Make a SQLite ledger with rows in every table: call logs of two accounts, and rows that no server could read."""

    async def fill() -> None:
        async with open_sqlite_ledger(path) as ledger:
            for account_id in (ACCOUNT, OTHER):
                await ledger.accounts.create(account_id, AccountSettings())
            await put(ledger, full_call_log())
            logs = [call_log(f"call {number}", account_id=(ACCOUNT, OTHER)[number % 2]) for number in range(CALLS)]
            await asyncio.gather(*(put(ledger, log) for log in logs))
        database = await open_crm_database(path)
        for account_id in (OTHER, ACCOUNT):
            await fill_book(EmbeddedCrm(database, account_id, lambda: "US"))
        await database.close()

    asyncio.run(fill())
    fill_empty_tables(path)
    return path


async def fill_book(crm: EmbeddedCrm) -> None:
    """Add contacts with numbers, and a call log, to an account's book."""
    for number in range(BOOKED):
        draft = ContactDraft(name=f"Person {number}", phone_number=parse_number(f"+1202555{number:04}", "US"))
        contact = await crm.create_contact(draft, f"key {number}")
    call = Call(id="call 1", direction=CallDirection.INBOUND)
    fallback = datetime(2026, 1, 2, tzinfo=UTC)
    entry = LogEntry(
        call=call,
        contact_id=contact.id,
        user_id="alice",
        crm_user_id="",
        number="+12025550000",
        fallback_time=fallback,
    )
    await crm.create_call_log(entry, "log 1")


def fill_empty_tables(path: Path, rows: int = 7) -> None:
    """Put rows into the tables of a SQLite ledger that have none. No server could read them."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for table in TABLES:
            if connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == 0:  # noqa: S608 - our own names
                columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
                for number in range(rows):
                    values = [_value(column, number, is_alone=_keys(columns) == 1) for column in columns]
                    places = ", ".join("?" * len(values))
                    connection.execute(f"INSERT INTO {table} VALUES ({places})", values)  # noqa: S608 - our own names


def rows_of(path: Path, table: str) -> list[tuple[Any, ...]]:
    """All rows of a table of a SQLite ledger, sorted. For the number of a book it has the account."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - our own names
        if not table.startswith("crm_"):
            return sorted(rows, key=repr)
        place = [column[1] for column in connection.execute(f"PRAGMA table_info({table})")].index("book")
        books = dict(connection.execute("SELECT book, account_id FROM crm_books"))
        return sorted(((*row[:place], books[row[place]], *row[place + 1 :]) for row in rows), key=repr)


def _keys(columns: list[tuple[Any, ...]]) -> int:
    """How many columns the primary key has."""
    return sum(bool(column[5]) for column in columns)


def _value(column: tuple[Any, ...], number: int, *, is_alone: bool) -> Any:
    _, name, kind, is_needed, _, key = column
    if not is_needed and number % 2 and not key:
        return None
    if kind == _BLOB:
        return bytes([number, 0, 255])
    if kind == _INTEGER:
        return number % 2 if name.startswith("is_") else number + 1
    return "acme" if name == "account_id" and not (key and is_alone) else f"{name} {number}"
