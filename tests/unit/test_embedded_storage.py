"""The SQLite storage: writes in groups, writes that survive, and errors for an unusable file."""

import asyncio
import os
import shutil
import sqlite3
import stat
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from leadline_server.domain.errors import LedgerFull, LedgerUnavailable
from leadline_server.storage.connection import new_connection
from leadline_server.storage.migrations import Migration, load_migrations, migrate
from leadline_server.storage.sqlite import SqliteDatabase, open_database, wal_warning


@pytest.fixture
def migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package of one migration, with the table `notes`."""
    package = tmp_path / "steps"
    package.mkdir()
    (package / "0001_notes.sql").write_text(
        "-- Notes.\nCREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT UNIQUE);\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "steps"
    sys.modules.pop("steps", None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "some.db"


@pytest.fixture
async def database(path: Path, migrations: str) -> AsyncIterator[SqliteDatabase]:
    opened = await open_database(path, migrations=migrations)
    yield opened
    await opened.close()


def add(text: str) -> Callable[[sqlite3.Connection], int]:
    def work(connection: sqlite3.Connection) -> int:
        return connection.execute("INSERT INTO notes (text) VALUES (?)", (text,)).lastrowid or 0

    return work


def notes(connection: sqlite3.Connection) -> list[str]:
    return [text for (text,) in connection.execute("SELECT text FROM notes ORDER BY id")]


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


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    path = tmp_path / "some.db"
    path.write_text("Dear diary, " * 1_000)
    return path


async def test_the_error_for_a_file_that_is_not_a_database_says_what_to_do(diary: Path, migrations: str) -> None:
    with pytest.raises(
        LedgerUnavailable, match=r"some\.db is not a database, .* Restore a backup, or move the file away"
    ):
        await open_database(diary, migrations=migrations)


async def test_the_error_for_a_path_that_cannot_be_opened_names_it(tmp_path: Path, migrations: str) -> None:
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(LedgerUnavailable, match=r"folder\.db cannot be opened"):
        await open_database(tmp_path / "folder.db", migrations=migrations)


def test_a_connection_that_cannot_be_opened_leaves_no_thread_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread answers the event loop once more. An answer to a closed loop is an error in the thread."""
    errors: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", errors.append)

    async def open_a_folder() -> None:
        with pytest.raises(sqlite3.OperationalError):
            await new_connection(tmp_path, timeout=0)

    before = threading.active_count()
    for _ in range(50):
        asyncio.run(open_a_folder())
    assert (errors, threading.active_count()) == ([], before)


async def test_no_file_of_an_open_database_is_opened_besides_by_sqlite(path: Path, migrations: str) -> None:
    """A process that closes such a file loses its locks on it, and another process may cut it off under its feet."""
    opened: list[str] = []
    is_watching = True

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if is_watching and event == "open" and str(arguments[0]).startswith(str(path)):
            opened.append(str(arguments[0]))

    database = await open_database(path, migrations=migrations, checkpoint_after=50)
    sys.addaudithook(watch)  # it cannot be removed again
    try:
        for number in range(200):
            await database.write(add(f"note {number}"))
            await database.read(lambda connection: connection.execute("SELECT count(*) FROM notes").fetchall())
        await database.close()
    finally:
        is_watching = False
    assert opened == []


async def test_a_newer_database_is_refused_naming_both_versions(path: Path, migrations: str, tmp_path: Path) -> None:
    (tmp_path / "steps" / "0002_more.sql").write_text("CREATE TABLE more (id);")
    await (await open_database(path, migrations=migrations)).close()
    (tmp_path / "steps" / "0002_more.sql").unlink()
    with pytest.raises(LedgerUnavailable, match=r"some\.db.* version 2 \(more\).* up to 1"):
        await open_database(path, migrations=migrations)


async def test_an_older_database_is_migrated_and_keeps_its_rows(path: Path, migrations: str, tmp_path: Path) -> None:
    database = await open_database(path, migrations=migrations)
    await database.write(add("old"))
    await database.close()
    (tmp_path / "steps" / "0002_more.sql").write_text("ALTER TABLE notes ADD COLUMN more TEXT DEFAULT 'x';")
    database = await open_database(path, migrations=migrations)
    rows = await database.read(lambda connection: connection.execute("SELECT text, more FROM notes").fetchall())
    applied = await database.read(
        lambda connection: connection.execute("SELECT version, name FROM schema_migrations").fetchall()
    )
    await database.close()
    assert (rows, applied) == ([("old", "x")], [(1, "notes"), (2, "more")])


async def test_two_processes_can_open_a_new_file_at_once(path: Path, migrations: str) -> None:
    opened = await asyncio.gather(*(open_database(path, migrations=migrations) for _ in range(4)))
    for number, database in enumerate(opened):
        await database.write(add(str(number)))
    assert len(await opened[0].read(notes)) == 4
    for database in opened:
        await database.close()


def test_a_migration_that_fails_changes_nothing() -> None:
    steps = [Migration(1, "good", "CREATE TABLE good (id);"), Migration(2, "bad", "CREATE TABLE good (id);")]
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        with pytest.raises(sqlite3.OperationalError):
            migrate(connection, steps)
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []


def test_a_trigger_in_a_migration_is_one_statement() -> None:
    script = (
        "CREATE TABLE a (x); -- a; comment\n"
        "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n  DELETE FROM a WHERE x = 1;\n  DELETE FROM a WHERE x = 2;\nEND;\n"
    )
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, [Migration(1, "trigger", script)])
        connection.execute("INSERT INTO a VALUES (2), (3)")
        assert connection.execute("SELECT x FROM a").fetchall() == [(3,)]


def test_migrations_with_a_gap_are_an_error(migrations: str, tmp_path: Path) -> None:
    (tmp_path / "steps" / "0003_late.sql").write_text("")
    with pytest.raises(ValueError, match="not numbered"):
        load_migrations(migrations)


@pytest.mark.parametrize(
    ("version", "is_warned"),
    [
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 53, 0), False),
    ],
)
def test_there_is_a_warning_about_a_library_with_the_checkpoint_race(
    version: tuple[int, ...], *, is_warned: bool
) -> None:
    assert (wal_warning(version) is not None) == is_warned
