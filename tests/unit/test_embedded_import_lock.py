"""Imports hold the write lock for short transactions: a chunk ends by the clock, and the index is merged in steps."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from leadline_server.crm.embedded import CrmDatabase, EmbeddedCrm, importing
from leadline_server.crm.embedded.contact_files import ContactRecord, FileOutcome
from leadline_server.crm.embedded.import_plan import ImportPlan
from leadline_server.crm.embedded.import_summary import ImportSummary
from leadline_server.crm.embedded.importing import ImportChunk, import_contacts
from leadline_server.crm.embedded.name_index import without_merges
from leadline_server.crm.embedded.sqlite_import import SqliteImport
from support.contact_book import ContactBook
from support.contact_imports import counts, crm_database, found, run


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[CrmDatabase]:
    async with crm_database(tmp_path) as opened:
        yield opened


@pytest.fixture
def crm(database: CrmDatabase) -> EmbeddedCrm:
    return EmbeddedCrm(database, "acme", lambda: "US")


@pytest.fixture
def book(database: CrmDatabase) -> ContactBook:
    return ContactBook(database, "acme", lambda: "US")


@pytest.fixture(autouse=True)
def _large_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of 2,000 rows, however long the last one took."""
    monkeypatch.setattr(importing, "_FEW", 2_000)
    monkeypatch.setattr(importing, "_CHUNK", 2_000)


def people(number: int) -> list[ContactRecord]:
    """Contacts with names that are long enough to fill pages of the index."""
    return [
        ContactRecord(line=at, name=f"Name {at} {at * 7919} {at * 104729}", phone_numbers=(f"+1415{5_550_000 + at}",))
        for at in range(number)
    ]


async def test_a_chunk_ends_before_its_time_is_over_and_the_next_one_goes_on(
    database: CrmDatabase, book: ContactBook
) -> None:
    told: list[int] = []
    ticks = count()

    def tell(summary: ImportSummary) -> None:
        told.append(summary.count(FileOutcome.CREATED))

    # Each 128 rows take 2.5 ms, and 8 ms are theirs: three times 128 rows fit in.
    target = SqliteImport(database, clock=lambda: next(ticks) * 0.0025)
    summary = await import_contacts(target, "acme", people(1_000), "US", on_progress=tell)
    assert told == [384, 768, 1_000]
    assert counts(summary) == {FileOutcome.CREATED: 1_000}
    assert await book.count() == 1_000


async def test_a_slow_part_ends_a_chunk_although_there_is_time_left(database: CrmDatabase) -> None:
    told: list[int] = []
    times = iter([0.0, 0.001, 0.006, *[0.006] * 100])  # the second 128 rows take 5 ms, and 2 ms are left
    target = SqliteImport(database, clock=lambda: next(times))
    await import_contacts(
        target,
        "acme",
        people(600),
        "US",
        on_progress=lambda summary: told.append(summary.count(FileOutcome.CREATED)),
    )
    assert told == [256, 600]


async def test_rows_of_one_contact_in_two_parts_of_a_transaction_become_one(
    database: CrmDatabase, crm: EmbeddedCrm, tmp_path: Path
) -> None:
    first = ContactRecord(line=1, name="Ada Lovelace", uid="7", phone_numbers=("+442079460123",))
    second = ContactRecord(line=2, name="Ada LOVELACE", uid="7", phone_numbers=("+442079460124",))
    await run(database, [first, *people(300), second])
    [contact] = await found(crm, "+442079460124")
    assert contact.phone_numbers == ("+442079460123", "+442079460124")
    assert [each.id for each in (await crm.search_contacts("lovelace", 10, "")).contacts] == [contact.id]
    check_index(tmp_path)
    assert counts(await run(database, [first, *people(300), second]))[FileOutcome.UNCHANGED] == 301


async def test_no_segments_are_merged_while_a_chunk_holds_the_lock(
    database: CrmDatabase, crm: EmbeddedCrm, tmp_path: Path
) -> None:
    target = Watched(database, tmp_path)
    await import_contacts(target, "acme", people(9_000), "US", on_progress=lambda _summary: None)
    assert [after - before for before, after in target.chunks] == [4, 4, 4, 4, 2], "a segment for each 512 names"
    assert target.steps > 0
    assert segments(tmp_path) < 16
    assert len((await crm.search_contacts(f"{8_765 * 104729}", 10, "")).contacts) == 1
    check_index(tmp_path)


async def test_other_writes_of_names_merge_as_before(database: CrmDatabase, tmp_path: Path) -> None:
    await run(database, people(100))
    assert automerge(tmp_path) == 4
    with pytest.raises(ZeroDivisionError):
        await database.write(_failing)
    assert automerge(tmp_path) == 4
    await database.write(lambda connection: connection.execute(SET, ("automerge", 8)).close())
    await run(database, people(200))
    assert automerge(tmp_path) == 8


async def test_others_get_the_lock_between_two_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    monkeypatch.setattr(importing, "_FEW", 1)
    monkeypatch.setattr(importing, "_CHUNK", 1)

    async def pause(seconds: float) -> None:
        assert seconds >= 0.001
        events.append("pause")

    class Target:
        """It has one step to do after each chunk."""

        async def last_contact(self, account_id: str) -> int:
            return 0 * len(account_id)

        async def take(self, account_id: str, chunk: ImportChunk, *, is_dry_run: bool) -> ImportPlan:
            del account_id, is_dry_run
            events.append("chunk")
            plan = chunk.begin()
            chunk.decide(plan, [])
            return plan

        async def maintain(self) -> bool:
            is_due = "chunk" in events and "step" not in events[-2:]
            if is_due:
                events.append("step")
            return is_due

    monkeypatch.setattr(asyncio, "sleep", pause)
    await import_contacts(Target(), "acme", people(2), "US", on_progress=lambda _summary: None)
    assert events == ["chunk", "step", "pause", "chunk", "pause", "step", "pause"]


class Watched(SqliteImport):
    """It counts the segments of the index before and after each chunk, and the steps after them."""

    def __init__(self, database: CrmDatabase, folder: Path) -> None:
        super().__init__(database, clock=lambda: 0.0)
        self._folder = folder
        self.chunks: list[tuple[int, int]] = []
        self.steps = 0

    async def take(self, account_id: str, chunk: ImportChunk, *, is_dry_run: bool) -> ImportPlan:
        before = segments(self._folder)
        plan = await super().take(account_id, chunk, is_dry_run=is_dry_run)
        self.chunks.append((before, segments(self._folder)))
        return plan

    async def maintain(self) -> bool:
        is_done = await super().maintain()
        self.steps += is_done
        return is_done


SET = "INSERT INTO crm_contact_names (crm_contact_names, rank) VALUES (?, ?)"


def _failing(connection: sqlite3.Connection) -> None:
    with without_merges(connection):
        raise ZeroDivisionError


def segments(folder: Path) -> int:
    return int(query(folder, "SELECT count(DISTINCT segid) FROM crm_contact_names_idx"))


def automerge(folder: Path) -> int:
    return int(query(folder, "SELECT v FROM crm_contact_names_config WHERE k = 'automerge'"))


def query(folder: Path, statement: str) -> Any:
    with closing(sqlite3.connect(folder / "crm.db")) as connection:
        return connection.execute(statement).fetchone()[0]


def check_index(folder: Path) -> None:
    """Fails if the index of names and the contacts differ."""
    with closing(sqlite3.connect(folder / "crm.db")) as connection:
        connection.execute(SET, ("integrity-check", 1))
