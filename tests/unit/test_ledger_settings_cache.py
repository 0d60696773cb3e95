"""Cached settings and preferences are used only while they are in force."""

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from leadline_server.domain.directory import DirectoryIndex
from leadline_server.domain.preferences import AccountSettings, Preferences
from leadline_server.ledger.sqlite import SqliteLedger, open_sqlite_ledger
from leadline_server.ledger.sqlite.settings_cache import SettingsCache, open_versions
from leadline_server.storage.transactions import Work
from leadline_server.testing.ledger_samples import call_log, put

ACCOUNT, USER = "acme", "alice"

T = TypeVar("T")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
async def ledger(path: Path) -> AsyncIterator[SqliteLedger]:
    async with open_sqlite_ledger(path) as ledger:
        await ledger.accounts.create(ACCOUNT, AccountSettings())
        yield ledger


@pytest.fixture
def reads(ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The reads that went to the database."""
    seen: list[object] = []

    def counted(read: Callable[[Work[T]], Awaitable[T]]) -> Callable[[Work[T]], Awaitable[T]]:
        def counting(work: Work[T]) -> Awaitable[T]:
            seen.append(work)
            return read(work)

        return counting

    monkeypatch.setattr(ledger.storage, "read", counted(ledger.storage.read))
    monkeypatch.setattr(ledger.storage, "read_inline", counted(ledger.storage.read_inline))
    return seen


async def both(ledger: SqliteLedger) -> tuple[DirectoryIndex, Preferences]:
    return await ledger.users.index(ACCOUNT), (await ledger.preferences.get(ACCOUNT, USER)).user


async def test_unchanged_settings_are_read_once(ledger: SqliteLedger, reads: list[object]) -> None:
    for _ in range(5):
        assert await both(ledger) == (DirectoryIndex(), Preferences())
    assert len(reads) == 2


async def test_logging_calls_does_not_empty_the_cache(ledger: SqliteLedger, reads: list[object]) -> None:
    await both(ledger)
    await put(ledger, call_log())
    await ledger.check()
    del reads[:]
    await both(ledger)
    assert reads == []


async def test_changes_of_another_process_are_in_force_at_once(ledger: SqliteLedger, path: Path) -> None:
    await both(ledger)
    script = """
import asyncio, pathlib, sys
from dataclasses import replace
from leadline_server.domain.directory import DirectoryIndex
from leadline_server.domain.preferences import Preferences
from leadline_server.ledger.sqlite import open_sqlite_ledger

async def main():
    async with open_sqlite_ledger(pathlib.Path(sys.argv[1])) as ledger:
        await ledger.accounts.change("acme", lambda settings: replace(settings, default_region="GB"))
        await ledger.preferences.change("acme", "alice", lambda _, user: replace(user, auto_log_calls=False))

asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, str(path))
    assert await process.wait() == 0
    assert await both(ledger) == (DirectoryIndex(), Preferences(auto_log_calls=False))
    assert await ledger.accounts.get(ACCOUNT) == AccountSettings(default_region="GB")


async def test_a_writer_that_dies_before_its_commit_leaves_no_stale_answer(
    ledger: SqliteLedger, path: Path, reads: list[object]
) -> None:
    await both(ledger)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        dying = open_versions(path)
        dying.settings.advance(connection)
        dying.close()
        connection.execute("ROLLBACK")
    del reads[:]
    for _ in range(2):
        assert await both(ledger) == (DirectoryIndex(), Preferences())
    assert len(reads) == 4
    async with open_sqlite_ledger(path):
        await both(ledger)
    del reads[:]
    await both(ledger)
    assert reads == []


async def test_reading_the_settings_version_keeps_no_snapshot_open(ledger: SqliteLedger, path: Path) -> None:
    await both(ledger)
    await ledger.accounts.change(ACCOUNT, lambda settings: replace(settings, default_region="GB"))
    await both(ledger)
    with closing(sqlite3.connect(path)) as connection:
        [(busy, frames, checkpointed)] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    assert (busy, frames, checkpointed) == (0, 0, 0)


async def test_a_value_read_before_a_change_is_not_kept_after_it(path: Path) -> None:
    async with open_sqlite_ledger(path) as ledger:
        version = open_versions(path).settings
        cache: SettingsCache[str, str] = SettingsCache(version)
        old = version.latest()
        await ledger.accounts.create(ACCOUNT, AccountSettings())
        cache.put("other", "new", version.latest())
        cache.put("key", "old", old)
        assert cache.get("key") is None
        assert cache.get("other") == "new"


async def test_a_full_cache_is_emptied_and_works_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leadline_server.ledger.sqlite.settings_cache.MAX_CACHED", 2)
    async with open_sqlite_ledger(path):
        version = open_versions(path).settings
        cache: SettingsCache[int, str] = SettingsCache(version)
        for key in range(3):
            cache.put(key, "value", version.latest())
        assert [cache.get(key) for key in range(3)] == [None, None, "value"]
