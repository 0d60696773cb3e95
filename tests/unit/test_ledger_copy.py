"""Copies of a ledger: fenced, resumable, counted and compared. Here from one SQLite file to another."""

import asyncio
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ledger.copying import CopyRefused, abandon_copy, copy_ledger
from leadline_server.ledger.copying.sqlite_store import SqliteStore
from leadline_server.ledger.copying.store import TABLES, Progress, Row
from leadline_server.ledger.sqlite import open_sqlite_ledger
from leadline_server.ledger.sqlite.integrity import check_ledger, problems_of
from leadline_server.storage.read_only import read_only
from leadline_server.testing.ledger_samples import ACCOUNT, call_log, full_call_log, key, put
from support.ledger_rows import filled_ledger, rows_of

NAMES = {"crm_contact_names", *(f"crm_contact_names_{part}" for part in ("config", "data", "idx"))}
"""The index of names, which the target makes anew."""

KEPT_APART = NAMES | {"crm_taken_over", "crm_schema_migrations"}
KEPT_APART |= {"ledger", "settings_version", "stored_blocks", "schema_migrations", "sqlite_sequence", "replicas"}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled_ledger(tmp_path_factory.mktemp("filled") / "ledger.db")


@pytest.fixture
def path(filled: Path, tmp_path: Path) -> Path:
    """A SQLite ledger with rows in every table."""
    return Path(shutil.copy(filled, tmp_path / "ledger.db"))


def stores(path: Path, target: Path) -> tuple[SqliteStore, SqliteStore]:
    return SqliteStore(path, is_target=False), SqliteStore(target, is_target=True)


def test_every_table_is_copied_or_kept_apart(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables == KEPT_APART | set(TABLES)
    assert all(rows_of(path, table) for table in TABLES)


async def test_a_copy_has_the_same_rows_and_serves(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    report = await copy_ledger(*stores(path, target))
    assert report.rows == {table: len(rows_of(path, table)) for table in TABLES}
    for table in TABLES:
        assert rows_of(target, table) == rows_of(path, table) or table == "call_logs"  # whose rowids may differ
    calls = [[row[1:] for row in rows_of(file, "call_logs")] for file in (path, target)]
    assert sorted(calls[0], key=repr) == sorted(calls[1], key=repr)
    assert rows_of(target, "ledger") == rows_of(path, "ledger")
    assert rows_of(target, "stored_blocks") == rows_of(path, "stored_blocks")
    assert target.stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob(".*copying*"))  # noqa: ASYNC240 - nothing else runs
    async with open_sqlite_ledger(target) as ledger:
        assert await ledger.call_logs.get(key("call 8")) is not None
        await put(ledger, call_log("new"))


async def test_a_copy_of_a_sound_ledger_is_sound(tmp_path: Path) -> None:
    path, target = tmp_path / "ledger.db", tmp_path / "copy.db"
    async with open_sqlite_ledger(path) as ledger:
        await ledger.accounts.create(ACCOUNT, AccountSettings())
        await put(ledger, full_call_log())
    await copy_ledger(*stores(path, target))
    with read_only(target) as connection:
        assert list(problems_of(check_ledger(connection))) == []


async def test_a_fenced_ledger_answers_reads_and_refuses_writes(path: Path, tmp_path: Path) -> None:
    async with open_sqlite_ledger(path) as ledger:
        await copy_ledger(*stores(path, tmp_path / "copy.db"))
        assert await ledger.call_logs.get(key("call 8")) is not None
        with pytest.raises(LedgerUnavailable) as refused:
            await put(ledger, call_log("late"))
        assert refused.value.retry_after == 30
        with pytest.raises(LedgerUnavailable):
            await ledger.check()
    with pytest.raises(LedgerUnavailable, match="was copied, to another database"):
        async with open_sqlite_ledger(path):
            pass


async def test_what_is_accepted_while_the_copy_begins_is_in_it(path: Path, tmp_path: Path) -> None:
    accepted: list[str] = []

    async def write(writer: int) -> None:
        for number in range(10_000):
            try:
                await put(ledger, call_log(f"{writer}-{number}"))
            except LedgerUnavailable:
                return
            accepted.append(f"{writer}-{number}")

    async with open_sqlite_ledger(path) as ledger:
        writing = [asyncio.create_task(write(writer)) for writer in range(4)]
        while len(accepted) < 20:
            await asyncio.sleep(0)
        await copy_ledger(*stores(path, tmp_path / "copy.db"))
        await asyncio.gather(*writing)
    copied = {row[2] for row in rows_of(tmp_path / "copy.db", "call_logs")}
    assert set(accepted) <= copied


class Stops(Exception):
    """A copy is interrupted."""


class Interrupted(SqliteStore):
    """A target that stops after some pages, as if the process were killed."""

    def __init__(self, path: Path, pages: int) -> None:
        super().__init__(path, is_target=True)
        self.pages = pages
        self.appended = 0

    async def append(self, table: str, columns: Sequence[str], rows: Sequence[Row], progress: Progress) -> None:
        if self.pages == 0:
            raise Stops
        self.pages -= 1
        self.appended += len(rows)
        await super().append(table, columns, rows, progress)

    async def finish(self, counters: Any) -> None:
        if self.pages == 0:
            raise Stops
        await super().finish(counters)


async def test_a_copy_goes_on_where_it_was_interrupted(path: Path, tmp_path: Path) -> None:
    source, target = SqliteStore(path, is_target=False), tmp_path / "copy.db"
    appended = rounds = 0
    while not target.exists():
        store = Interrupted(target, 2)
        try:
            await copy_ledger(source, store)
        except Stops:
            rounds += 1
        appended += store.appended
    assert rounds > 5
    assert appended == sum(len(rows_of(path, table)) for table in TABLES)
    assert rows_of(target, "audit") == rows_of(path, "audit")


async def test_a_copy_that_was_interrupted_at_its_end_is_finished(path: Path, tmp_path: Path) -> None:
    source, target = SqliteStore(path, is_target=False), tmp_path / "copy.db"

    class Ends(SqliteStore):
        async def finish(self, counters: Any) -> None:
            del counters
            raise Stops

    with pytest.raises(Stops):
        await copy_ledger(source, Ends(target, is_target=True))
    mark = await source.mark()
    assert mark is not None
    assert mark.is_done
    with pytest.raises(CopyRefused, match="which is the ledger now"):
        await abandon_copy(source)
    await copy_ledger(source, SqliteStore(target, is_target=True))
    assert target.exists()


async def test_a_target_that_has_something_is_refused_and_the_source_not_fenced(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_bytes(b"")
    with pytest.raises(CopyRefused, match="exists"):
        await copy_ledger(*stores(path, target))
    async with open_sqlite_ledger(path) as ledger:
        await put(ledger, call_log("still"))


async def test_an_unfinished_copy_goes_on_to_its_own_target_alone(path: Path, tmp_path: Path) -> None:
    source = SqliteStore(path, is_target=False)
    with pytest.raises(Stops):
        await copy_ledger(source, Interrupted(tmp_path / "copy.db", 3))
    with pytest.raises(CopyRefused, match="--abandon"):
        await copy_ledger(source, SqliteStore(tmp_path / "other.db", is_target=True))


async def test_an_abandoned_copy_gives_the_ledger_back_and_its_rows_are_not_used(path: Path, tmp_path: Path) -> None:
    source, target = SqliteStore(path, is_target=False), tmp_path / "copy.db"
    with pytest.raises(Stops):
        await copy_ledger(source, Interrupted(target, 3))
    await abandon_copy(source)
    async with open_sqlite_ledger(path) as ledger:
        await put(ledger, call_log("again"))
    with pytest.raises(CopyRefused, match="unfinished copy"):
        await copy_ledger(source, SqliteStore(target, is_target=True))
    with pytest.raises(CopyRefused, match="is not being copied"):
        await abandon_copy(source)


async def test_a_copied_ledger_is_not_copied_again(path: Path, tmp_path: Path) -> None:
    await copy_ledger(*stores(path, tmp_path / "copy.db"))
    with pytest.raises(CopyRefused, match="already"):
        await copy_ledger(*stores(path, tmp_path / "copy.db"))


class Careless(SqliteStore):
    """A target that stores one table wrongly."""

    def __init__(self, path: Path, table: str, change: Any) -> None:
        super().__init__(path, is_target=True)
        self.table = table
        self.change = change

    async def append(self, table: str, columns: Sequence[str], rows: Sequence[Row], progress: Progress) -> None:
        changed = self.change(rows) if table == self.table else rows
        await super().append(table, columns, changed, progress)


@pytest.mark.parametrize("table", ["call_logs", "claims", "audit", "quarantine"])
@pytest.mark.parametrize(
    "change", [lambda rows: rows[:-1], lambda rows: [*rows[:-1], (*rows[-1][:-1], b"other")]], ids=["lost", "changed"]
)
async def test_a_row_that_was_lost_or_changed_is_found(path: Path, tmp_path: Path, table: str, change: Any) -> None:
    target = tmp_path / "copy.db"
    with pytest.raises(CopyRefused, match=f"{table} differs"):
        await copy_ledger(SqliteStore(path, is_target=False), Careless(target, table, change))
    assert not target.exists()


async def test_what_is_no_ledger_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CopyRefused, match="no such file"):
        await copy_ledger(*stores(tmp_path / "none.db", tmp_path / "copy.db"))
    (tmp_path / "empty.db").touch()
    with pytest.raises(CopyRefused, match="has no ledger"):
        await copy_ledger(*stores(tmp_path / "empty.db", tmp_path / "copy.db"))
