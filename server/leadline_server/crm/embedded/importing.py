"""Bulk import into the embedded CRM, beside a server that keeps working."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, Protocol

from leadline_server.crm.embedded.candidates import Candidate, make_candidate
from leadline_server.crm.embedded.contact_files import ContactRecord, FileItem, FileOutcome, PassedOver, Remark
from leadline_server.crm.embedded.import_plan import Entry, ImportPlan, SeenContacts
from leadline_server.crm.embedded.import_summary import ImportSummary
from leadline_server.domain.numbers.numbering_rules import RulesOrRegion

_CHUNK: Final = 5_000  # the most rows of a transaction
_FEW: Final = 100  # rows of the first one, and the fewest of a later one

AIM_SECONDS: Final = 0.01
"""How long a transaction shall hold the write lock: other processes' writes wait for it.

They shall wait 20 ms at most. The rest is for rows that take longer than the last ones, and for a busy processor.
"""

_PAUSE_SECONDS: Final = 0.001  # in which others can take the lock: they look every millisecond at least


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How to import.

    Attributes:
        is_update: take rows that differ from what was imported before, instead of leaving the contacts as they are.
        is_dry_run: say what would become of the rows, and write nothing.
    """

    is_update: bool = False
    is_dry_run: bool = False


class ImportTarget(Protocol):
    """A contact book that is imported to. It raises CrmUnavailable if its database fails."""

    async def last_contact(self, account_id: str) -> int:
        """No contact of the account has a larger primary key; 0: it has none."""
        ...

    async def take(self, account_id: str, chunk: "ImportChunk", *, is_dry_run: bool) -> ImportPlan:
        """Plan a chunk by the contacts that the book has, and write the plan in the same transaction.

        It may stop after some rows, at least one, if they take too long. The plan says how many these are.
        """
        ...

    async def maintain(self) -> bool:
        """Do a step of the work that chunks leave, within their time. Returns False if nothing is left."""
        ...


async def import_contacts(
    target: ImportTarget,
    account_id: str,
    items: Iterable[FileItem],
    rules: RulesOrRegion,
    *,
    options: ImportOptions | None = None,
    on_progress: Callable[[ImportSummary], object],
) -> ImportSummary:
    """Add the contacts of a file to an account's book, each once, however often the file is imported.

    A row is known again by its own id, else by its name, numbers and e-mail address together. The write lock is held
    for one chunk at a time, some 10 ms, and released while the next one is read. Committed chunks stay if a later
    chunk fails; importing again carries on.

    Args:
        target: the book.
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
    last = await target.last_contact(account_id)
    state = _ImportState(rules, options, SeenContacts(last, bytearray((last >> 3) + 1)))
    rows, summary, size = iter(items), ImportSummary(), min(_FEW, _CHUNK)
    left: Sequence[Candidate] = ()
    while chunk := await asyncio.to_thread(_read_chunk, rows, rules, size, left):
        if not options.is_dry_run:
            await _maintain(target, is_pause_due=bool(left))
        planning = ImportChunk(state, chunk.candidates)
        plan = await target.take(account_id, planning, is_dry_run=options.is_dry_run)
        left = chunk.candidates[plan.rows :]
        size = next_chunk_size(plan.rows if left else size, time.perf_counter() - state.began)
        state.note(plan)
        for remark in chunk.remarks:
            summary.add(remark)
        plan.count_in(summary)
        on_progress(summary)
    if not options.is_dry_run:
        await _maintain(target, is_pause_due=True)
    return summary


async def _maintain(target: ImportTarget, *, is_pause_due: bool) -> None:
    """Do what chunks have left to be done, with pauses."""
    if is_pause_due:
        await _pause()
    while await target.maintain():
        await _pause()


async def _pause() -> None:
    """Let others have the write lock. They would wait for two transactions that follow each other at once."""
    await asyncio.sleep(_PAUSE_SECONDS)


@dataclass(slots=True)
class _ImportState:
    """The state kept from chunk to chunk.

    `planned` are the contacts of a dry run, which are not in the database. `began` is when the latest chunk got the
    write lock, by `time.perf_counter`.
    """

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
class ImportChunk:
    """Some rows of a file, to be planned by what the book has."""

    _state: _ImportState
    _candidates: Sequence[Candidate]

    @property
    def keys(self) -> list[str]:
        """The keys of the rows, each once."""
        return list({candidate.key: None for candidate in self._candidates})

    def parts(self, rows: int) -> Iterator["ImportChunk"]:
        """The same rows, so many at a time."""
        for start in range(0, len(self._candidates), rows):
            yield ImportChunk(self._state, self._candidates[start : start + rows])

    def begin(self) -> ImportPlan:
        """A plan without rows; the transaction has begun. It may be called again."""
        self._state.began = time.perf_counter()
        return ImportPlan(self._state.rules, self._state.options.is_update, self._state.seen)

    def decide(self, plan: ImportPlan, known: Iterable[Sequence[Any]]) -> None:
        """Decide about the rows in a plan, by the contacts of the book that have their keys."""
        plan.load(known, self.keys, self._state.planned)
        for candidate in self._candidates:
            plan.take(candidate)


@dataclass(frozen=True, slots=True)
class _Chunk:
    candidates: Sequence[Candidate]
    remarks: Sequence[Remark]


def next_chunk_size(size: int, seconds: float) -> int:
    """The rows of the next chunk, if one of `size` rows held the write lock so long: at most twice as many."""
    fitting = int(size * AIM_SECONDS / max(seconds, 1e-9))
    return min(max(_FEW, min(fitting, 2 * size)), _CHUNK)


def _read_chunk(rows: Iterator[FileItem], rules: RulesOrRegion, size: int, left: Sequence[Candidate]) -> _Chunk | None:
    """The rows that are `left`, and the next ones up to `size`, ready to be inserted; None after the last."""
    chunk = list(islice(rows, max(0, size - len(left))))
    if not (chunk or left):
        return None
    candidates = list(left)
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
