"""Disks that are full or cannot be written, and files that are torn: nothing is accepted that is not kept."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from leadline_server.domain.ledger_errors import LedgerFull, LedgerUnavailable
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ledger.sqlite import SqliteLedger, open_sqlite_ledger
from leadline_server.ledger.sqlite.integrity import check_ledger
from leadline_server.storage.read_only import read_only
from leadline_server.testing.ledger_samples import ACCOUNT, NOW, call_log, key, put
from support.databases import rows
from support.disks import MEGABYTES, full, image, in_file, in_memory, mount, unwritable
from support.servers import leadline

NOTE: Final = "x" * 20_000


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk in memory of a few MB."""
    with in_memory(tmp_path / "small") as folder:
        yield folder


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a few MB with a real file system, in a file."""
    with in_file(tmp_path / "disk", image(tmp_path / "disk.img")) as folder:
        yield folder


def size(path: Path) -> int:
    return path.stat().st_size


def read(path: Path) -> bytes:
    return path.read_bytes()


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)


@asynccontextmanager
async def ledger_in(folder: Path) -> AsyncIterator[SqliteLedger]:
    async with open_sqlite_ledger(folder / "ledger.db") as ledger:
        await ledger.accounts.create(ACCOUNT, AccountSettings())
        await put(ledger, call_log("before", next_attempt_time=NOW))
        yield ledger


async def fill(ledger: SqliteLedger) -> list[str]:
    """Write calls until there is no more room; the ids of those that were accepted."""
    accepted = list[str]()
    try:
        while True:
            call_id = f"call-{len(accepted)}"
            await put(ledger, call_log(call_id, explanation=NOTE))
            accepted.append(call_id)
    except LedgerFull:
        return accepted


def stored(path: Path) -> set[str]:
    return {call_id for (call_id,) in rows(path, "SELECT call_id FROM call_logs")}


def assert_sound(path: Path) -> None:
    with read_only(path) as connection:
        [pages] = [part for part in check_ledger(connection).findings if part.name == "file"]
    assert not pages.problems


@pytest.mark.parametrize("kind", ["small", "disk"])
async def test_a_full_disk_refuses_writes_reads_on_and_recovers_by_itself(
    kind: str, request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(kind)
    async with ledger_in(folder) as ledger:
        with full(folder):
            accepted = await fill(ledger)
            for _ in range(3):
                with pytest.raises(LedgerFull):
                    await put(ledger, call_log("refused", explanation=NOTE))
            assert await ledger.call_logs.get(key("before")) == call_log("before", next_attempt_time=NOW)
            assert await ledger.call_logs.get(key("refused")) is None
        await put(ledger, call_log("after", explanation=NOTE))
    assert stored(folder / "ledger.db") == {"before", "after", *accepted}
    assert_sound(folder / "ledger.db")


async def test_writes_at_once_into_the_last_room_are_kept_or_refused_each(small: Path) -> None:
    async with ledger_in(small) as ledger:
        names = [f"call-{number}" for number in range(400)]
        logs = [call_log(name, explanation=NOTE) for name in names]
        results = await asyncio.gather(*(put(ledger, log) for log in logs), return_exceptions=True)
        assert any(isinstance(result, LedgerFull) for result in results)
        accepted = {name for name, result in zip(names, results, strict=True) if not isinstance(result, Exception)}
        assert all(isinstance(result, LedgerFull) for result in results if isinstance(result, Exception))
    assert stored(small / "ledger.db") == {"before", *accepted}


async def test_a_checkpoint_that_finds_no_room_loses_nothing_and_is_done_once_there_is(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leadline_server.storage.checkpoints._RETRY_SECONDS", 0.0)
    database = small / "ledger.db"
    async with open_sqlite_ledger(database, checkpoint_after=1) as ledger:
        with read_only(database) as reader:
            # A reader of the old state keeps the log from being moved; so all the room goes to the log.
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM ledger").fetchall()
            accepted = await fill(ledger)
            before = size(database)
        for _ in range(3):  # the checkpoint may begin now, and finds no room either
            with pytest.raises(LedgerFull):
                await put(ledger, call_log("refused", explanation=NOTE))
        assert await ledger.call_logs.get(key(accepted[-1])) is not None
        mount("-o", f"remount,size={3 * MEGABYTES}m", small)
        await put(ledger, call_log("after"))
        await put(ledger, call_log("checkpointed before"))
        assert size(database) - before > len(accepted) * len(NOTE)
    assert stored(database) == {"after", "checkpointed before", *accepted}
    assert_sound(database)


async def test_a_disk_that_refuses_writes_is_told_reads_go_on_and_it_recovers(disk: Path) -> None:
    async with ledger_in(disk) as ledger:
        with unwritable(disk / "ledger.db-wal"):
            for _ in range(3):
                with pytest.raises(LedgerUnavailable) as refusal:
                    await put(ledger, call_log("refused"))
                assert not isinstance(refusal.value, LedgerFull)
            assert await ledger.call_logs.get(key("before")) == call_log("before", next_attempt_time=NOW)
            assert await ledger.call_logs.get(key("refused")) is None
        await put(ledger, call_log("after"))
    assert stored(disk / "ledger.db") == {"before", "after"}
    assert_sound(disk / "ledger.db")


async def test_a_ledger_on_a_read_only_disk_can_be_checked_and_is_served_once_it_is_writable(disk: Path) -> None:
    async with ledger_in(disk):
        pass  # made
    mount("-o", "remount,ro", disk)
    try:
        assert leadline("ledger", "check", "--data-dir", disk).returncode == 0
        refused = start(disk)
    finally:
        mount("-o", "remount,rw", disk)
    assert str(disk / "ledger.db") in refused
    assert "Read-only file system" in refused
    async with ledger_in(disk) as ledger:
        assert await ledger.call_logs.get(key("before")) == call_log("before", next_attempt_time=NOW)


async def test_a_ledger_that_is_opened_on_a_full_disk_says_so(small: Path) -> None:
    async with ledger_in(small):
        pass
    with full(small):
        refused = start(small)
    assert "no space is left" in refused
    assert str(small) in refused
    async with ledger_in(small) as ledger:
        assert await ledger.call_logs.get(key("before")) == call_log("before", next_attempt_time=NOW)


def start(data_dir: Path) -> str:
    """The error text of `leadline serve` when it cannot start."""
    addresses = ("--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--http-listen", "")
    done = leadline("serve", "--data-dir", data_dir, *addresses, seconds=20)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("leadline: ")]
    assert len(lines) == 1, done.stderr
    return lines[0]


@pytest.fixture
async def filled(tmp_path: Path) -> Path:
    """The file of a ledger with 200 calls that was closed."""
    async with ledger_in(tmp_path / "data") as ledger:
        await asyncio.gather(*(put(ledger, call_log(f"call-{number}")) for number in range(200)))
    return tmp_path / "data" / "ledger.db"


def cut_off(content: bytes) -> bytes:
    return content[: len(content) // 2]


def torn_within(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + os.urandom(16_384) + content[middle + 16_384 :]


def with_another_header(content: bytes) -> bytes:
    return b"No SQLite format" + content[16:]


@pytest.mark.parametrize("damage", [cut_off, torn_within, with_another_header])
async def test_a_damaged_file_is_refused_at_the_start_and_left_as_it_is(
    filled: Path, damage: Callable[[bytes], bytes]
) -> None:
    damaged = damage(read(filled))
    write(filled, damaged)
    sentence = start(filled.parent)
    assert str(filled) in sentence
    assert "Restore a backup" in sentence
    assert read(filled) == damaged
    assert leadline("ledger", "check", "--ledger", filled).returncode == 1


async def test_an_empty_file_beside_a_log_is_refused_and_the_log_is_kept(filled: Path) -> None:
    log = filled.with_name("ledger.db-wal")
    async with open_sqlite_ledger(filled) as ledger:
        await put(ledger, call_log("in the log"))
        content = read(log)
    write(filled, b"")
    write(log, content)
    sentence = start(filled.parent)
    assert str(filled) in sentence
    assert "restore a backup" in sentence
    assert read(log) == content


async def test_a_log_whose_end_is_torn_loses_no_more_than_that(filled: Path, tmp_path: Path) -> None:
    crashed = tmp_path / "crashed" / "ledger.db"
    async with open_sqlite_ledger(filled) as ledger:
        await put(ledger, call_log("whole"))
        whole = size(filled.with_name("ledger.db-wal"))
        await put(ledger, call_log("torn"))
        write(crashed, read(filled))
        log = read(filled.with_name("ledger.db-wal"))
        write(crashed.with_name("ledger.db-wal"), log[: whole + (len(log) - whole) // 2] + bytes(500))
    async with open_sqlite_ledger(crashed) as ledger:
        assert await ledger.call_logs.get(key("whole")) == call_log("whole")
        assert await ledger.call_logs.get(key("torn")) is None
        await put(ledger, call_log("torn"))
