"""Short work runs on the event loop's own thread, and nothing there waits for a lock or a disk."""

import asyncio
import itertools
import sqlite3
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from leadline_server.domain.ledger_errors import LedgerFull
from leadline_server.storage import read_inline
from leadline_server.storage.sqlite import SqliteDatabase, open_database

_LONG = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT max(i) FROM n"


@pytest.fixture
def migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package of one migration, with the table `notes`."""
    package = tmp_path / "steps_here"
    package.mkdir()
    (package / "0001_notes.sql").write_text("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT UNIQUE);\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "steps_here"
    sys.modules.pop("steps_here", None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.db"


@pytest.fixture
async def database(path: Path, migrations: str) -> AsyncIterator[SqliteDatabase]:
    opened = await open_database(path, migrations=migrations)
    yield opened
    await opened.close()


class Adding:
    """Adds notes, and records the threads that it ran on. The note "refused" is refused."""

    def __init__(self) -> None:
        self.threads: list[int] = []

    def __call__(self, connection: sqlite3.Connection, texts: Sequence[str]) -> Sequence[int | Exception]:
        self.threads.append(threading.get_ident())
        return [self._add(connection, text) for text in texts]

    def _add(self, connection: sqlite3.Connection, text: str) -> int | Exception:
        if text == "refused":
            return LookupError(text)
        return connection.execute("INSERT INTO notes (text) VALUES (?)", (text,)).lastrowid or 0


def notes(connection: sqlite3.Connection) -> list[str]:
    return [text for (text,) in connection.execute("SELECT text FROM notes ORDER BY id")]


def here(connection: sqlite3.Connection) -> tuple[int, list[str]]:
    return threading.get_ident(), notes(connection)


async def test_a_short_write_runs_on_the_loops_thread_and_is_seen_at_once(database: SqliteDatabase, path: Path) -> None:
    add = Adding()
    await database.write_batched(add, "one")
    assert add.threads == [threading.get_ident()]
    assert await database.read_inline(here) == (threading.get_ident(), ["one"])
    with closing(sqlite3.connect(path)) as other:
        assert notes(other) == ["one"]


async def test_short_writes_at_once_share_a_commit(database: SqliteDatabase) -> None:
    add, committed = Adding(), list[None]()
    database.after_commit(lambda: committed.append(None))
    await asyncio.gather(*(database.write_batched(add, str(number)) for number in range(20)))
    assert (len(add.threads), len(committed)) == (1, 1)


async def test_a_large_group_runs_on_the_thread(database: SqliteDatabase) -> None:
    add = Adding()
    await asyncio.gather(*(database.write_batched(add, str(number)) for number in range(100)))
    assert threading.get_ident() not in add.threads
    assert len(await database.read_inline(notes)) == 100


async def test_a_refused_write_does_not_affect_others(database: SqliteDatabase) -> None:
    add = Adding()
    results = await asyncio.gather(
        *(database.write_batched(add, text) for text in ("before", "refused", "after")), return_exceptions=True
    )
    assert isinstance(results[1], LookupError)
    assert await database.read_inline(notes) == ["before", "after"]


async def test_a_batch_that_raises_changes_nothing_and_does_not_affect_others(database: SqliteDatabase) -> None:
    good, bad = Adding(), Adding()
    await database.write_batched(good, "there")
    results = await asyncio.gather(
        database.write_batched(good, "good"), database.write_batched(bad, "there"), return_exceptions=True
    )
    assert isinstance(results[1], sqlite3.IntegrityError)
    assert await database.read_inline(notes) == ["there", "good"]


async def test_a_transaction_of_another_process_does_not_block_the_loop(database: SqliteDatabase, path: Path) -> None:
    add = Adding()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("INSERT INTO notes (text) VALUES ('theirs')")
        task = asyncio.create_task(database.write_batched(add, "mine"))
        done, _ = await asyncio.wait([task], timeout=0.02)
        assert not done
        assert await database.read_inline(here) == (threading.get_ident(), [])
        other.execute("COMMIT")
        await task
    assert threading.get_ident() not in add.threads
    assert await database.read_inline(notes) == ["theirs", "mine"]


async def test_a_failed_commit_is_raised_and_changes_nothing(database: SqliteDatabase) -> None:
    def limit(pages: int) -> Callable[[sqlite3.Connection], None]:
        return lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}").close()

    await database.write(limit(1))
    with pytest.raises(LedgerFull):
        await database.write_batched(Adding(), "large" * 5_000)
    await database.write(limit(1_000_000))
    await database.write_batched(Adding(), "small")
    assert await database.read_inline(notes) == ["small"]


async def test_a_cancelled_write_is_completed(database: SqliteDatabase) -> None:
    task = asyncio.create_task(database.write_batched(Adding(), "one"))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    await database.write_batched(Adding(), "two")
    assert await database.read_inline(notes) == ["one", "two"]


async def test_a_write_that_changes_nothing_calls_no_hook(database: SqliteDatabase) -> None:
    committed: list[None] = []
    database.after_commit(lambda: committed.append(None))
    with pytest.raises(LookupError):
        await database.write_batched(Adding(), "refused")
    assert not committed


async def test_a_long_query_continues_on_the_thread(database: SqliteDatabase) -> None:
    threads: list[int] = []

    def count(connection: sqlite3.Connection, to: int) -> int:
        threads.append(threading.get_ident())
        return int(connection.execute(_LONG, (to,)).fetchone()[0])

    assert await database.read_inline(lambda connection: count(connection, 10)) == 10
    assert await database.read_inline(lambda connection: count(connection, 50_000)) == 50_000
    assert threads[:2] == [threading.get_ident()] * 2
    assert threads[2] != threading.get_ident()


async def test_an_inline_read_cannot_write(database: SqliteDatabase) -> None:
    with pytest.raises(Exception, match="cannot be used"):
        await database.read_inline(
            lambda connection: connection.execute("INSERT INTO notes (text) VALUES ('one')").rowcount
        )
    assert await database.read_inline(notes) == []


@pytest.mark.parametrize("reads_disk", [True, False])
async def test_after_a_slow_disk_work_runs_on_the_thread_but_not_after_a_busy_processor(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch, *, reads_disk: bool
) -> None:
    so_far = read_inline._blocks_read()  # noqa: SLF001 - what is to be told apart
    blocks = itertools.count(so_far + 1) if reads_disk else itertools.repeat(so_far)
    monkeypatch.setattr(read_inline, "_blocks_read", lambda: next(blocks))
    await database.read_inline(lambda _connection: time.sleep(2 * read_inline.SLOW_SECONDS))
    await database.read_inline(lambda _connection: time.sleep(2 * read_inline.SLOW_SECONDS))
    thread, _ = await database.read_inline(here)
    assert (thread != threading.get_ident()) == reads_disk
