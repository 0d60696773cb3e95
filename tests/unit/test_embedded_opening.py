"""Opening a SQLite database: errors for an unusable file, and migrations."""

import asyncio
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.storage.connection import new_connection
from leadline_server.storage.migrations import Migration, load_migrations, migrate
from leadline_server.storage.sqlite import open_database, wal_warning
from unit.notes_database import add, notes, notes_package


@pytest.fixture
def migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with notes_package(tmp_path, monkeypatch) as name:
        yield name


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "some.db"


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
    load_migrations.cache_clear()  # as in another process
    with pytest.raises(LedgerUnavailable, match=r"some\.db.* version 2 \(more\).* up to 1"):
        await open_database(path, migrations=migrations)


async def test_an_older_database_is_migrated_and_keeps_its_rows(path: Path, migrations: str, tmp_path: Path) -> None:
    database = await open_database(path, migrations=migrations)
    await database.write(add("old"))
    await database.close()
    (tmp_path / "steps" / "0002_more.sql").write_text("ALTER TABLE notes ADD COLUMN more TEXT DEFAULT 'x';")
    load_migrations.cache_clear()  # as in another process
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
