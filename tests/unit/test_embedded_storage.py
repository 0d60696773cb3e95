"""The SQLite storage: writes in groups, and writes that survive."""

import asyncio
import os
import shutil
import sqlite3
import stat
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from leadline_server.domain.ledger_errors import LedgerFull, LedgerUnavailable
from leadline_server.storage.integrity import check_pages
from leadline_server.storage.sqlite import SqliteDatabase, open_database
from unit.notes_database import add, notes, notes_package


@pytest.fixture
def migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with notes_package(tmp_path, monkeypatch) as name:
        yield name


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "some.db"


@pytest.fixture
async def database(path: Path, migrations: str) -> AsyncIterator[SqliteDatabase]:
    opened = await open_database(path, migrations=migrations)
    yield opened
    await opened.close()


async def test_a_finished_write_is_visible_to_reads_and_to_other_processes(
    database: SqliteDatabase, path: Path
) -> None:
    await database.write(add("one"))
    assert await database.read(notes) == ["one"]
    with closing(sqlite3.connect(path)) as other:
        assert notes(other) == ["one"]


async def test_writes_at_once_share_a_transaction(database: SqliteDatabase) -> None:
    committed: list[None] = []
    database.after_commit(lambda: committed.append(None))
    await asyncio.gather(*(database.write(add(str(number))) for number in range(50)))
    assert len(await database.read(notes)) == 50
    assert len(committed) == 1


async def test_a_write_that_raises_changes_nothing_and_does_not_affect_others(database: SqliteDatabase) -> None:
    def half(connection: sqlite3.Connection) -> None:
        add("half")(connection)
        raise LookupError

    results = await asyncio.gather(
        database.write(add("before")), database.write(half), database.write(add("after")), return_exceptions=True
    )
    assert isinstance(results[1], LookupError)
    assert await database.read(notes) == ["before", "after"]


async def test_a_violated_constraint_is_raised_unchanged(database: SqliteDatabase) -> None:
    await database.write(add("one"))
    with pytest.raises(sqlite3.IntegrityError):
        await database.write(add("one"))


async def test_a_cancelled_write_is_completed(database: SqliteDatabase) -> None:
    task = asyncio.create_task(database.write(add("one")))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    await database.write(add("two"))
    assert await database.read(notes) == ["one", "two"]


async def test_the_hook_is_called_only_when_something_changed(database: SqliteDatabase) -> None:
    committed: list[None] = []
    database.after_commit(lambda: committed.append(None))
    await database.write(notes)
    assert not committed
    await database.write(add("one"))
    assert committed


async def test_a_reader_cannot_write(database: SqliteDatabase) -> None:
    with pytest.raises(LedgerUnavailable):
        await database.read(add("one"))


async def test_a_read_that_raises_does_not_affect_others(database: SqliteDatabase) -> None:
    await database.write(add("one"))
    bad, good = await asyncio.gather(
        database.read(lambda connection: connection.execute("SELECT nothing")),
        database.read(notes),
        return_exceptions=True,
    )
    assert isinstance(bad, sqlite3.OperationalError)
    assert good == ["one"]


async def test_a_write_waits_for_another_process_to_finish(database: SqliteDatabase, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        task = asyncio.create_task(database.write(add("mine")))
        done, _ = await asyncio.wait([task], timeout=0.02)
        assert not done
        add("theirs")(other)
        other.execute("COMMIT")
        await task
    assert await database.read(notes) == ["theirs", "mine"]


async def test_a_write_gives_up_on_a_process_that_never_finishes(
    database: SqliteDatabase, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(monotonic=iter([0.0, 1.0, 2.0, 6.0]).__next__, sleep=lambda _seconds: None)
    monkeypatch.setattr("leadline_server.storage.connection.time", clock)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerUnavailable, match="busy") as raised:
            await database.write(add("mine"))
    assert raised.value.retry_after is not None


async def test_a_full_disk_is_reported_and_writing_works_again_when_there_is_space(database: SqliteDatabase) -> None:
    def limit(pages: int) -> Callable[[sqlite3.Connection], None]:
        return lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}").close()

    await database.write(limit(1))
    with pytest.raises(LedgerFull):
        await asyncio.gather(*(database.write(add(str(number) * 5_000)) for number in range(3)))
    await database.write(limit(1_000_000))
    await database.write(add("small"))
    assert await database.read(notes) == ["small"]


async def test_the_log_is_checkpointed_from_time_to_time(path: Path, migrations: str, tmp_path: Path) -> None:
    database = await open_database(path, migrations=migrations, checkpoint_after=10)
    for number in range(12):
        await database.write(add(str(number)))
    shutil.copyfile(path, tmp_path / "copy.db")  # without its log
    await database.close()
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert len(notes(copy)) >= 9  # the migration counts as a changed row too


async def test_a_checkpoint_that_is_due_can_be_made_before_the_next_write(path: Path, migrations: str) -> None:
    database = await open_database(path, migrations=migrations, checkpoint_after=10)
    assert not await database.checkpoint()
    for number in range(9):  # the migration counts as a changed row too
        await database.write(add(str(number)))
    assert await database.checkpoint()
    with closing(sqlite3.connect(f"file:{path}?immutable=1", uri=True)) as without_log:
        assert len(notes(without_log)) == 9
    assert not await database.checkpoint()
    await database.close()


async def test_a_commit_is_synced_to_disk(database: SqliteDatabase) -> None:
    def settings(connection: sqlite3.Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "wal_autocheckpoint")
        return [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    assert await database.write(settings) == ["wal", 2, 1, 0]


@pytest.mark.parametrize(("name", "mode"), [("some.db", 0o600), ("some.db-wal", 0o600), (".", 0o700)])
async def test_only_the_owner_may_use_a_new_file_and_its_folder(
    database: SqliteDatabase, path: Path, name: str, mode: int
) -> None:
    assert stat.S_IMODE(os.stat(path.parent / name).st_mode) == mode  # noqa: PTH116 - pathlib's is frowned upon in async


def test_the_check_at_the_start_ends_when_its_time_is_over() -> None:
    """SQLite evaluates a CHECK for each row that it checks: so it can be slow here, and be counted."""
    checked, checking = 0, threading.Event()

    def slow(_: int) -> int:
        nonlocal checked
        checked += checking.is_set()
        time.sleep(0.01 if checking.is_set() else 0)
        return 1

    with closing(sqlite3.connect(":memory:")) as connection:
        connection.create_function("slow", 1, slow, deterministic=True)
        connection.execute("CREATE TABLE rows (id INTEGER CHECK (slow(id)))")
        connection.executemany("INSERT INTO rows VALUES (?)", ((number,) for number in range(1_000)))
        connection.commit()
        checking.set()
        check_pages(connection)
    assert 0 < checked < 200, "it ends after half a second, and all rows take ten"


async def test_closing_finishes_submitted_work_and_ends_the_threads(path: Path, migrations: str) -> None:
    before = set(threading.enumerate())
    database = await open_database(path, migrations=migrations)
    started = {thread for thread in set(threading.enumerate()) - before if not thread.name.startswith("uvloop_")}
    task = asyncio.create_task(database.write(add("one")))
    await asyncio.sleep(0)
    await database.close()
    await database.close()
    assert await task == 1
    for thread in started:
        thread.join(5)
        assert not thread.is_alive()


async def test_a_closed_database_is_an_error(path: Path, migrations: str) -> None:
    database = await open_database(path, migrations=migrations)
    await database.close()
    with pytest.raises(LedgerUnavailable, match="closed"):
        await database.read(notes)
    with pytest.raises(LedgerUnavailable, match="closed"):
        await database.write(add("one"))


async def test_a_long_statement_can_be_undone_without_a_temporary_file(database: SqliteDatabase) -> None:
    def temporary_files(connection: sqlite3.Connection) -> list[str]:
        connection.execute("CREATE TABLE wide (id INTEGER PRIMARY KEY, body TEXT NOT NULL UNIQUE)")
        connection.executemany("INSERT INTO wide (body) VALUES (?)", [(f"{n:01000}",) for n in range(500)])
        connection.execute("UPDATE wide SET body = body || 'x'")  # it might fail at the last row
        opened = [os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()]
        return [path for path in opened if "etilqs_" in path]  # how SQLite names them

    assert await database.write(temporary_files) == []


async def test_the_connection_that_checkpoints_is_opened_once_and_closed_with_the_database(
    path: Path, migrations: str
) -> None:
    def open_files() -> int:
        links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]  # not the folder's own
        return sum(link.readlink().is_relative_to(path.parent) for link in links)

    counts = []
    database = await open_database(path, migrations=migrations, checkpoint_after=1)
    try:
        for number in range(6):
            await database.write(add(str(number)))
            counts.append(open_files())
    finally:
        await database.close()
    assert counts[2] == counts[-1] > 0
    assert open_files() == 0
