"""Copies a ledger to another database: fenced, resumable, counted and checked."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from leadline_server.ledger.copying.store import (
    OWN_COLUMNS,
    TABLES,
    AccountCounters,
    CopyRefused,
    Counters,
    Digest,
    LedgerStore,
    Mark,
    Page,
    Progress,
    Row,
)

_PAGE_BYTES: Final = 8 * 1024 * 1024
_MOST_ROWS: Final = 2_000
_FIRST_ROWS: Final = 100

Tell = Callable[[str, int], object]
"""Called with a table and how many of its rows are copied."""


@dataclass(frozen=True, slots=True)
class CopyReport:
    """A finished copy: how many rows each table has."""

    rows: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Renumbering:
    """Gives sequences that are an account's own a place in one order for all.

    They leap over all sequences before, so that every resume token of before has expired and none of them means
    another change. Within an account their order stays.

    Attributes:
        offsets: what to add to an account's sequences.
        counters: the counters after it.
    """

    offsets: Mapping[str, int]
    counters: Counters

    @classmethod
    def of(cls, counters: Counters) -> "_Renumbering":
        largest = max((account.sequence for account in counters.accounts), default=0)
        base = max(largest, counters.sequence, counters.expired_through)
        offsets, accounts = dict[str, int](), list[AccountCounters]()
        end = base
        for account in counters.accounts:
            offsets[account.account_id] = end
            end += account.sequence
            accounts.append(replace(account, sequence=end, pruned_through=base))
        return cls(offsets, replace(counters, sequence=end, expired_through=base, accounts=accounts))


async def copy_ledger(source: LedgerStore, target: LedgerStore, tell: Tell = lambda *_: None) -> CopyReport:
    """Copy a ledger, or go on with a copy that was interrupted. From the first moment on the source takes no writes.

    Afterwards the target is the ledger. The source still answers reads, and refuses writes for good.

    Args:
        source: the ledger.
        target: an empty database.
        tell: hears of the progress.

    Raises:
        CopyRefused: the target has rows of something else, or the source is of another copy.
        LedgerUnavailable: a database failed; run it again.
    """
    mark = await _begin(source, target)
    counters, renumbering = await source.counters(), None
    if source.has_account_sequences and not target.has_account_sequences:
        renumbering = _Renumbering.of(counters)
        counters = renumbering.counters
    report = {}
    for table in TABLES:
        columns = await _columns(source, target, table)
        convert = _conversion(table, columns, renumbering)
        await _copy_table(source, target, table, columns, convert, tell)
        report[table] = await _check_table(source, target, table, columns, convert)
    await source.fence(replace(mark, is_done=True))
    await target.finish(counters)
    return CopyReport(report)


async def abandon_copy(source: LedgerStore) -> None:
    """Give up an unfinished copy: the source takes writes again.

    Raises:
        CopyRefused: there is no copy, or it is finished: then the target is the ledger.
    """
    mark = await source.mark()
    if mark is None:
        raise CopyRefused(f"{source.name} is not being copied.")
    if mark.is_done:
        raise CopyRefused(f"{source.name} was copied to {mark.other}, which is the ledger now. Copy that one back.")
    await source.unfence()


async def _begin(source: LedgerStore, target: LedgerStore) -> Mark:
    """Fence the source and prepare the target. Returns the mark, whose `other` is the target."""
    begun, copied = await source.mark(), await target.mark()
    if begun is None:
        await source.counters()
        begun = Mark(uuid.uuid4().hex if copied is None else copied.copy_id, target.name)
        if copied is None:  # first the target, which may refuse: then the source need not be fenced
            await target.prepare(Mark(begun.copy_id, source.name))
        elif copied.other != source.name or await target.progress(TABLES[0]) != Progress():
            raise CopyRefused(f"{target.name} has an unfinished copy of {copied.other}. Empty it, or use another.")
        await source.fence(begun)
        return begun
    if copied is None and begun.is_done:
        raise CopyRefused(f"{source.name} was copied to {begun.other} already.")
    if copied is None or copied.copy_id != begun.copy_id:
        raise CopyRefused(
            f"{source.name} is being copied to {begun.other}, not to this {target.name}."
            " Go on with that, or give it up with --abandon."
        )
    return begun


async def _columns(source: LedgerStore, target: LedgerStore, table: str) -> Sequence[str]:
    """The columns to copy. Raises CopyRefused if one would get lost."""
    given, wanted = await source.columns(table), await target.columns(table)
    lone = {(table, column) for column in set(given) ^ set(wanted)} - OWN_COLUMNS
    if lone:
        names = ", ".join(sorted(column for _, column in lone))
        raise CopyRefused(f"{table} differs in {names}. Bring both databases to the version of this leadline.")
    return [column for column in given if column in wanted and (table, column) not in OWN_COLUMNS]


def _conversion(table: str, columns: Sequence[str], renumbering: _Renumbering | None) -> Callable[[Row], Row]:
    if table != "call_logs" or renumbering is None:
        return lambda row: row
    account, sequence, offsets = columns.index("account_id"), columns.index("sequence"), renumbering.offsets

    def renumber(row: Row) -> Row:
        return (*row[:sequence], row[sequence] + offsets[row[account]], *row[sequence + 1 :])

    return renumber


async def _copy_table(
    source: LedgerStore,
    target: LedgerStore,
    table: str,
    columns: Sequence[str],
    convert: Callable[[Row], Row],
    tell: Tell,
) -> None:
    progress, limit = await target.progress(table), _FIRST_ROWS
    while not progress.is_done:
        page = await source.page(table, columns, progress.after, limit)
        rows = [convert(row) for row in page.rows]
        progress = Progress(progress.rows + len(rows), page.last or progress.after, is_done=len(rows) < limit)
        await target.append(table, columns, rows, progress)
        tell(table, progress.rows)
        limit = _next_limit(page)


def _next_limit(page: Page) -> int:
    size = sum(len(value) for row in page.rows for value in row if isinstance(value, bytes | str))
    return max(1, min(_MOST_ROWS, _PAGE_BYTES * len(page.rows) // max(1, size)))


async def _check_table(
    source: LedgerStore, target: LedgerStore, table: str, columns: Sequence[str], convert: Callable[[Row], Row]
) -> int:
    """Compare the rows of both, all of them. Returns how many there are. Raises CopyRefused if they differ."""
    wanted = await _digest(source, table, columns, convert)
    copied = await _digest(target, table, columns, lambda row: row)
    if wanted != copied:
        raise CopyRefused(
            f"{table} differs: {wanted.rows:,} rows in {source.name}, {copied.rows:,} in {target.name}, or other"
            " values. Give the copy up with --abandon, empty the target, and start again."
        )
    return copied.rows


async def _digest(store: LedgerStore, table: str, columns: Sequence[str], convert: Callable[[Row], Row]) -> Digest:
    digest, after, limit = Digest(), tuple[object, ...](), _FIRST_ROWS
    while True:
        page = await store.page(table, columns, after, limit)
        for row in page.rows:
            digest.add(convert(row))
        if len(page.rows) < limit:
            return digest
        after, limit = page.last, _next_limit(page)
