"""Bulk import into the embedded CRM, beside a server that keeps working."""

import asyncio
import base64
import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Final

import msgspec

from leadline_server.crm.embedded.adapter import CONTACT_TYPES
from leadline_server.crm.embedded.database import CrmDatabase
from leadline_server.crm.embedded.records import ContactRecord, RowProblem
from leadline_server.crm.embedded.rows import NewContact, book_of, insert_contacts, new_id, prepare
from leadline_server.domain.contact import Contact
from leadline_server.domain.numbers.numbering_rules import RulesOrRegion

IMPORT_CHECKPOINT_AFTER: Final = 100_000
"""The `checkpoint_after` of a database that is opened for an import: fewer, longer copies of the write-ahead log."""

IMPORT_CACHE: Final = 131_072
"""The `cache` of one, in KiB: numbers and names come in no order, so inserting them touches all of their indexes."""

_CHUNK: Final = 5_000  # contacts a transaction: other processes' writes wait for one, some 0.1 to 0.3 s


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What an import has done so far.

    Attributes:
        created: contacts that are new in the book.
        unchanged: records whose contact was imported before; it stays as people have edited it since.
        skipped: rows that could not be read.
        unusable_numbers: numbers in the file that no call can match; their contacts keep them all the same.
    """

    created: int = 0
    unchanged: int = 0
    skipped: int = 0
    unusable_numbers: int = 0


def ignore_problem(problem: RowProblem) -> None:
    """Leave a row that could not be read at being counted."""


async def import_contacts(
    database: CrmDatabase,
    account_id: str,
    records: Iterable[ContactRecord | RowProblem],
    rules: RulesOrRegion,
    *,
    on_progress: Callable[[ImportSummary], object],
    on_problem: Callable[[RowProblem], object] = ignore_problem,
) -> ImportSummary:
    """Add the contacts of a file to an account's book, each once, however often the file is imported.

    A record is known again by its own id, else by its name, numbers and email together. The write lock is held for one
    chunk at a time, and released while the next one is read. What is committed stays if a later chunk fails; importing
    again carries on.

    Args:
        database: best opened with `checkpoint_after=IMPORT_CHECKPOINT_AFTER, cache=IMPORT_CACHE`.
        account_id: whose book.
        records: from `read_csv` or `read_vcards`; consumed on another thread.
        rules: the account's, or its region, which numbers are read by.
        on_progress: called with the summary so far after every chunk.
        on_problem: called for every row that could not be read.

    Raises:
        CrmUnavailable: the database failed.
        Exception: whatever `records` raises.
    """
    rows = iter(records)
    summary = ImportSummary()
    while chunk := await asyncio.to_thread(_read_chunk, rows, rules):
        for problem in chunk.problems:
            on_problem(problem)
        created = await database.write(partial(_insert_new, account_id=account_id, contacts=chunk.contacts))
        summary = replace(
            summary,
            created=summary.created + created,
            unchanged=summary.unchanged + len(chunk.contacts) - created,
            skipped=summary.skipped + len(chunk.problems),
            unusable_numbers=summary.unusable_numbers + chunk.unusable_numbers,
        )
        on_progress(summary)
    return summary


@dataclass(frozen=True, slots=True)
class _Chunk:
    contacts: Sequence[NewContact]
    problems: Sequence[RowProblem]
    unusable_numbers: int


def _read_chunk(rows: Iterator[ContactRecord | RowProblem], rules: RulesOrRegion) -> _Chunk | None:
    """The next rows, ready to be inserted; None after the last."""
    chunk = list(islice(rows, _CHUNK))
    if not chunk:
        return None
    records = [row for row in chunk if isinstance(row, ContactRecord)]
    contacts = [prepare(_contact(record), _unique_key(record), rules) for record in records]
    return _Chunk(
        contacts=contacts,
        problems=[row for row in chunk if isinstance(row, RowProblem)],
        unusable_numbers=sum(contact.unusable_numbers for contact in contacts),
    )


def _contact(record: ContactRecord) -> Contact:
    kind = record.type.casefold()
    is_known = not kind or kind in CONTACT_TYPES
    return Contact(
        id=new_id("c_"),
        name=record.name,
        phone_numbers=record.phone_numbers,
        type=kind if kind and is_known else CONTACT_TYPES[0],
        email=record.email,
        company=record.company,
        title=record.title,
        create_time=record.create_time,
        last_activity_time=record.last_activity_time,
        # Another CRM's word for it has no meaning here, but is not thrown away.
        attributes=record.attributes if is_known else {**record.attributes, "type": record.type},
    )


def _unique_key(record: ContactRecord) -> str:
    if record.uid:
        return f"uid:{record.uid}"
    told = msgspec.json.encode((record.name, record.phone_numbers, record.email))
    return "#" + base64.b85encode(hashlib.blake2b(told, digest_size=16).digest()).decode()


def _insert_new(connection: sqlite3.Connection, account_id: str, contacts: Sequence[NewContact]) -> int:
    """Insert those that are not in the book, and count them."""
    book = book_of(connection, account_id)
    by_key = {contact.unique_key: contact for contact in reversed(contacts)}  # the first of equal ones stays
    known = connection.execute(
        f"SELECT unique_key FROM contacts WHERE book = ? AND unique_key IN ({', '.join('?' * len(by_key))})",  # noqa: S608 - question marks
        (book, *by_key),
    )
    for (key,) in known:
        del by_key[key]
    insert_contacts(connection, book, list(reversed(by_key.values())))
    return len(by_key)
