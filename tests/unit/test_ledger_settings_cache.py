"""Cached settings and preferences are used only while they are in force."""

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from leadline_server.domain.preferences import AccountSettings, Preferences
from leadline_server.ledger.sqlite import SqliteLedger, open_sqlite_ledger
from leadline_server.ledger.sqlite.settings_cache import SettingsCache, open_versions
from leadline_server.storage.sqlite import SqliteDatabase
from leadline_server.testing.ledger_samples import call_log, put

ACCOUNT, USER = "acme", "alice"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
async def ledger(path: Path) -> AsyncIterator[SqliteLedger]:
    async with open_sqlite_ledger(path) as ledger:
        await ledger.accounts.create(ACCOUNT, AccountSettings())
        yield ledger


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The reads that went to the database."""
    seen: list[object] = []
    read_inline = SqliteDatabase.read_inline

    async def counted(self: SqliteDatabase, work: object) -> object:
        seen.append(work)
        return await read_inline(self, work)  # type: ignore[arg-type] # passed on unchanged

    monkeypatch.setattr(SqliteDatabase, "read_inline", counted)
    return seen


async def both(ledger: SqliteLedger) -> tuple[AccountSettings, Preferences]:
    return await ledger.accounts.get(ACCOUNT), (await ledger.preferences.get(ACCOUNT, USER)).user


async def test_unchanged_settings_are_read_once(ledger: SqliteLedger, reads: list[object]) -> None:
    for _ in range(5):
        assert await both(ledger) == (AccountSettings(), Preferences())
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
    assert await both(ledger) == (AccountSettings(default_region="GB"), Preferences(auto_log_calls=False))


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
        assert await both(ledger) == (AccountSettings(), Preferences())
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
        old = version.current()
        await ledger.accounts.create(ACCOUNT, AccountSettings())
        cache.put("other", "new", version.current())
        cache.put("key", "old", old)
        assert cache.get("key") is None
        assert cache.get("other") == "new"


async def test_a_full_cache_is_emptied_and_works_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leadline_server.ledger.sqlite.settings_cache.MAX_CACHED", 2)
    async with open_sqlite_ledger(path):
        version = open_versions(path).settings
        cache: SettingsCache[int, str] = SettingsCache(version)
        for key in range(3):
            cache.put(key, "value", version.current())
        assert [cache.get(key) for key in range(3)] == [None, None, "value"]
