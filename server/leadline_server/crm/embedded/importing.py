"""Bulk import into the embedded CRM, beside a server that keeps working."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Final

from leadline_server.crm.embedded.candidates import Candidate, make_candidate
from leadline_server.crm.embedded.contact_files import ContactRecord, FileItem, FileOutcome, PassedOver, Remark
from leadline_server.crm.embedded.database import CrmDatabase
from leadline_server.crm.embedded.import_plan import Entry, ImportPlan, SeenContacts
from leadline_server.crm.embedded.import_summary import ImportSummary
from leadline_server.crm.embedded.rows import book_of, insert_contacts, update_contacts
from leadline_server.domain.numbers.numbering_rules import RulesOrRegion

IMPORT_CHECKPOINT_AFTER: Final = 100_000
"""The `checkpoint_after` of a database that is opened for an import: fewer, longer copies of the write-ahead log."""

IMPORT_CACHE: Final = 131_072
"""The `cache` of one, in KiB: numbers and names come in no order, so inserting them touches all of their indexes."""

_CHUNK: Final = 5_000  # the most rows of a transaction
_FEW: Final = 100  # rows of the first one, and the fewest of a later one

_LOCK_SECONDS: Final = 0.02
"""How long a transaction shall hold the write lock: other processes' writes wait for it."""

_AIM: Final = 0.7  # of that time: the next rows may take longer than the last ones


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How to import.

    Attributes:
        is_update: take rows that differ from what was imported before, instead of leaving the contacts as they are.
        is_dry_run: say what would become of the rows, and write nothing.
    """

    is_update: bool = False
    is_dry_run: bool = False


async def import_contacts(
    database: CrmDatabase,
    account_id: str,
    items: Iterable[FileItem],
    rules: RulesOrRegion,
    *,
    options: ImportOptions | None = None,
    on_progress: Callable[[ImportSummary], object],
) -> ImportSummary:
    """Add the contacts of a file to an account's book, each once, however often the file is imported.

    A row is known again by its own id, else by its name, numbers and e-mail address together. The write lock is held
    for one chunk at a time, some 20 ms, and released while the next one is read. Committed chunks stay if a later
    chunk fails; importing again carries on.

    Args:
        database: best opened with `checkpoint_after=IMPORT_CHECKPOINT_AFTER, cache=IMPORT_CACHE`.
        account_id: whose book.
        items: from `read_csv` or `read_vcards`; consumed on another thread.
        rules: the account's, or its region, by which keys of numbers are made.
        options: see `ImportOptions`.
        on_progress: called with the summary so far after every chunk.

    Raises:
        CrmUnavailable: the database failed.
        Exception: whatever `items` raises.
    """
    options = options or ImportOptions()
    last = await database.read(_last_contact)
    state = _ImportState(account_id, rules, options, SeenContacts(last, bytearray((last >> 3) + 1)))
    rows, summary, size = iter(items), ImportSummary(), min(_FEW, _CHUNK)
    while chunk := await asyncio.to_thread(_read_chunk, rows, rules, size):
        work = partial(_take_chunk, state=state, candidates=chunk.candidates)
        plan = await (database.read(work) if options.is_dry_run else database.write(work))
        size = next_chunk_size(size, time.perf_counter() - state.began)
        state.note(plan)
        for remark in chunk.remarks:
            summary.add(remark)
        plan.count_in(summary)
        on_progress(summary)
    return summary


@dataclass(slots=True)
class _ImportState:
    """The state kept from chunk to chunk.

    `planned` are the contacts of a dry run, which are not in the database. `began` is when the latest chunk got the
    write lock, by `time.perf_counter`.
    """

    account_id: str
    rules: RulesOrRegion
    options: ImportOptions
    seen: SeenContacts
    planned: dict[str, Entry] = field(default_factory=dict)
    began: float = 0.0

    def note(self, plan: ImportPlan) -> None:
        """Remember what later chunks have to know of this one."""
        self.seen.add(plan.seen_contacts())
        if self.options.is_dry_run:
            self.planned.update(plan.unwritten())


@dataclass(frozen=True, slots=True)
class _Chunk:
    candidates: Sequence[Candidate]
    remarks: Sequence[Remark]


def _last_contact(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(pk), 0) FROM crm_contacts").fetchone()[0])


def next_chunk_size(size: int, seconds: float) -> int:
    """The rows of the next chunk, if one of `size` rows held the write lock so long: at most twice as many."""
    fitting = int(size * _AIM * _LOCK_SECONDS / max(seconds, 1e-9))
    return min(max(_FEW, min(fitting, 2 * size)), _CHUNK)


def _read_chunk(rows: Iterator[FileItem], rules: RulesOrRegion, size: int) -> _Chunk | None:
    """The next rows, ready to be inserted; None after the last."""
    chunk = list(islice(rows, size))
    if not chunk:
        return None
    candidates: list[Candidate] = []
    remarks: list[Remark] = []
    for item in chunk:
        if isinstance(item, ContactRecord):
            candidate = make_candidate(item, rules)
            candidates.append(candidate)
            remarks += candidate.remarks
        else:
            outcome = FileOutcome.PASSED_OVER if isinstance(item, PassedOver) else FileOutcome.SKIPPED
            remarks.append(Remark(outcome, item.line, item.message))
    return _Chunk(candidates, remarks)


def _take_chunk(connection: sqlite3.Connection, state: _ImportState, candidates: Sequence[Candidate]) -> ImportPlan:
    """Decide about rows, and write what is to be written. It may run twice."""
    state.began = time.perf_counter()
    is_dry_run = state.options.is_dry_run
    book = _find_book(connection, state.account_id) if is_dry_run else book_of(connection, state.account_id)
    plan = ImportPlan(connection, book, state.rules, state.options.is_update, state.seen)
    plan.load(tuple(dict.fromkeys(candidate.key for candidate in candidates)), state.planned)
    for candidate in candidates:
        plan.take(candidate)
    if book is not None and not is_dry_run:
        update_contacts(connection, book, plan.changed())
        insert_contacts(connection, book, plan.new())
    return plan


def _find_book(connection: sqlite3.Connection, account_id: str) -> int | None:
    found = connection.execute("SELECT book FROM crm_books WHERE account_id = ?", (account_id,)).fetchone()
    return int(found[0]) if found else None
