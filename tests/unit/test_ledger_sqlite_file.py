"""The SQLite ledger's file: its permissions, when it is refused, and which changes write nothing."""

import asyncio
import sqlite3
import stat
import sys
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from leadline_server.domain.call_log import MAX_DELIVERY_AGE
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ledger.sqlite import open_sqlite_ledger
from leadline_server.ledger.sqlite.integrity_calls import check_calls
from leadline_server.ledger.sqlite.integrity_findings import Finding
from leadline_server.testing.ledger_samples import NOW, call_log, key, put
from structlog.testing import capture_logs

# Another process: the way a command line tool changes an account while the server runs.
CHANGE_SETTINGS = """
import asyncio, sys
from dataclasses import replace
from pathlib import Path
from leadline_server.ledger.sqlite import open_sqlite_ledger

async def main():
    async with open_sqlite_ledger(Path(sys.argv[1])) as ledger:
        await ledger.accounts.change("acme", lambda settings: replace(settings, default_region="GB"))

asyncio.run(main())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new folder, 100% #1?" / "ledger.db"


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)


def read(path: Path) -> bytes:
    return path.read_bytes()


def size_of_log(path: Path) -> int:
    return path.with_name(f"{path.name}-wal").stat().st_size


async def test_only_the_owner_may_read_the_files(path: Path) -> None:
    async with open_sqlite_ledger(path) as ledger:
        await ledger.check()
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == dict.fromkeys(("ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.db-settings-version"), 0o600)


async def test_closing_leaves_no_log_file_and_no_thread(path: Path) -> None:
    threads = set(threading.enumerate())
    async with open_sqlite_ledger(path) as ledger:
        await put(ledger, call_log())
        await ledger.accounts.create("acme", AccountSettings())
        await ledger.accounts.get("acme")
    assert sorted(file.name for file in path.parent.iterdir()) == ["ledger.db", "ledger.db-settings-version"]
    # A connection's thread ends right after it reported that it is closed. The event loop's own threads stay.
    ours = [thread for thread in set(threading.enumerate()) - threads if not thread.name.startswith("uvloop_")]
    for thread in ours:
        await asyncio.to_thread(thread.join, 10)
    assert [thread for thread in ours if thread.is_alive()] == []


async def test_a_file_that_is_not_a_database_is_refused_and_kept(path: Path) -> None:
    write(path, b"Dear diary, " * 1_000)
    with pytest.raises(LedgerUnavailable) as refusal:
        async with open_sqlite_ledger(path):
            pass
    assert str(path) in refusal.value.message
    assert "Restore a backup" in refusal.value.message
    assert read(path) == b"Dear diary, " * 1_000


async def test_a_truncated_file_is_refused(path: Path) -> None:
    async with open_sqlite_ledger(path) as ledger:
        await asyncio.gather(*(put(ledger, call_log(f"{number}")) for number in range(100)))
    write(path, read(path)[:9_000])
    with pytest.raises(LedgerUnavailable) as refusal:
        async with open_sqlite_ledger(path) as ledger:
            await ledger.check()
    assert refusal.value.message


async def test_a_ledger_of_a_newer_leadline_is_refused(path: Path) -> None:
    async with open_sqlite_ledger(path):
        pass
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO schema_migrations VALUES (9999, 'future', '')")
    with pytest.raises(LedgerUnavailable, match=r"version 9999 \(future\)"):
        async with open_sqlite_ledger(path):
            pass


async def test_handles_opened_at_once_share_one_secret(path: Path) -> None:
    async def secret() -> bytes:
        async with open_sqlite_ledger(path) as ledger:
            return ledger.secret

    assert len(set(await asyncio.gather(*(secret() for _ in range(4))))) == 1


async def test_a_change_that_changes_nothing_writes_nothing(path: Path) -> None:
    async with open_sqlite_ledger(path) as ledger:
        await put(ledger, call_log())
        before = size_of_log(path)
        await asyncio.gather(*(ledger.call_logs.change(key(), lambda log: log or call_log()) for _ in range(8)))
        assert size_of_log(path) == before
        await put(ledger, call_log(attempts=1))
        assert size_of_log(path) > before


async def test_a_damaged_call_log_is_a_failure_not_an_unknown_call(path: Path) -> None:
    async with open_sqlite_ledger(path) as ledger:
        await put(ledger, call_log())
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE call_logs SET body = substr(body, 1, 40)")
        with pytest.raises(LedgerUnavailable):
            await ledger.call_logs.get(key())
        with pytest.raises(LedgerUnavailable):
            await put(ledger, call_log(attempts=1))


async def test_settings_changed_by_another_process_are_in_force_at_once(path: Path) -> None:
    async with open_sqlite_ledger(path) as ledger:
        await ledger.accounts.create("acme", AccountSettings())
        assert await ledger.accounts.get("acme") == AccountSettings()
        other = await asyncio.create_subprocess_exec(sys.executable, "-c", CHANGE_SETTINGS, path)
        assert await asyncio.wait_for(other.wait(), 30) == 0
        assert await ledger.accounts.get("acme") == replace(AccountSettings(), default_region="GB")


async def test_a_closed_ledger_is_an_error(path: Path) -> None:
    async with open_sqlite_ledger(path) as ledger:
        await ledger.accounts.create("acme", AccountSettings())
        await ledger.accounts.get("acme")
    with pytest.raises(LedgerUnavailable, match="closed"):
        await ledger.accounts.get("acme")
    with pytest.raises(LedgerUnavailable, match="closed"):
        await ledger.check()


async def test_a_start_brings_an_attempt_in_the_year_5195_forward_and_no_other(path: Path) -> None:
    late = replace(call_log("late"), next_attempt_time=datetime(5195, 1, 1, tzinfo=UTC))
    soon = replace(call_log("soon"), next_attempt_time=NOW + MAX_DELIVERY_AGE)
    started = datetime.now(UTC)
    async with open_sqlite_ledger(path) as ledger:
        await put(ledger, late)
        await put(ledger, soon)
    assert [found.name for found in check_file(path) if found.problems] == ["attempts"]
    with capture_logs() as lines:
        async with open_sqlite_ledger(path) as ledger:
            repaired, kept = await ledger.call_logs.get(key("late")), await ledger.call_logs.get(key("soon"))
            assert key("late") in await ledger.call_logs.due(datetime.now(UTC), 10)
    assert [(line["event"], line["calls"]) for line in lines] == [("late attempts brought forward", 1)]
    assert repaired is not None
    assert repaired.next_attempt_time is not None
    assert started <= repaired.next_attempt_time <= datetime.now(UTC)
    assert repaired.pending_since == repaired.next_attempt_time  # its seven days begin now
    assert replace(repaired, next_attempt_time=late.next_attempt_time, pending_since=late.pending_since) == late
    assert kept == soon
    assert [found.name for found in check_file(path) if found.problems] == []


def check_file(path: Path) -> Sequence[Finding]:
    with closing(sqlite3.connect(path)) as connection:
        return check_calls(connection)


async def test_a_lease_that_ends_late_is_no_late_attempt(path: Path) -> None:
    end = datetime(5195, 1, 1, tzinfo=UTC)
    leased = replace(call_log(), lease_owner="a1", lease_until=end, next_attempt_time=end)
    async with open_sqlite_ledger(path) as ledger:
        await put(ledger, leased)
    async with open_sqlite_ledger(path) as ledger:
        assert await ledger.call_logs.get(key()) == leased
