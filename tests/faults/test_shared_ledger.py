"""Processes that share one ledger: watches over both, the first start, the write-ahead log."""

import asyncio
import sqlite3
import sys
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Final

import pytest
from faults.watches import SECONDS, calls_of, next_of, watching
from leadline_server.ledger.sqlite import open_sqlite_ledger
from leadline_server.testing.ledger_samples import call_log, full_call_log, put
from support.apps import open_harness
from support.databases import rows
from support.ledgers import each_ledger, in_files_only, ledger_of

pytestmark = each_ledger


@pytest.fixture(params=[0, 2, 1000], ids=["one by one", "by two", "by a thousand"])
def at_once(request: pytest.FixtureRequest) -> int:
    """How many call logs a watcher takes at once; 0: the way without batches."""
    return int(request.param)


async def test_watchers_of_two_processes_see_every_call_of_both_in_one_order(tmp_path: Path, at_once: int) -> None:
    names = [f"call-{number}" for number in range(120)]
    async with open_harness(tmp_path) as one, open_harness(tmp_path) as two, AsyncExitStack() as stack:
        watches = [await stack.enter_async_context(watching(app, "", at_once)) for app in (one, two, one, two)]
        for items in watches:
            await next_of(items)
        reading = [asyncio.create_task(calls_of(items, set(names))) for items in watches]
        await asyncio.gather(*((one, two)[number % 2].log(name) for number, name in enumerate(names)))
        assert all(await asyncio.gather(*reading))


async def test_a_watch_resumes_in_another_process_without_a_gap_over_a_restart(tmp_path: Path, at_once: int) -> None:
    async with open_harness(tmp_path) as one, watching(one, "", at_once) as items:
        await next_of(items)
        await one.log("call-1")
        token = await calls_of(items, {"call-1"})
        await one.log("call-2")
    async with open_harness(tmp_path) as two, open_harness(tmp_path) as three:
        await three.log("call-3")
        async with watching(two, token, at_once) as items:
            await calls_of(items, {"call-2", "call-3"})


OPEN: Final = """
import asyncio, pathlib, sys
from leadline_server.config import Settings
from leadline_server.app import open_app

async def main():
    async with open_app(Settings(data_dir=pathlib.Path(sys.argv[1]), ledger=sys.argv[2])) as app:
        print(app.ledger.secret.hex(), flush=True)
        sys.stdin.readline()

asyncio.run(main())
"""


async def test_processes_that_start_at_once_on_a_new_folder_share_one_ledger(tmp_path: Path) -> None:
    pipe, data = asyncio.subprocess.PIPE, tmp_path / "data"
    starting = [
        asyncio.create_subprocess_exec(sys.executable, "-c", OPEN, data, ledger_of(data), stdin=pipe, stdout=pipe)
        for _ in range(4)
    ]
    processes = await asyncio.gather(*starting)
    secrets = set()
    for process in processes:
        assert process.stdout is not None
        secrets.add(await asyncio.wait_for(process.stdout.readline(), SECONDS))
    for process in processes:
        await process.communicate(b"\n")
        assert process.returncode == 0
    assert len(secrets) == 1
    assert len(secrets.pop()) == 65
    for table in ("schema_migrations",) if ledger_of(data) else ("schema_migrations", "crm_schema_migrations"):
        query = f"SELECT count(*) - count(DISTINCT version) FROM {table}"  # noqa: S608 - a name of ours
        assert rows(data / "ledger.db", query) == [(0,)]


@in_files_only
async def test_the_log_is_moved_while_two_processes_write_and_stays_small(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    async with (
        open_sqlite_ledger(path, checkpoint_after=20) as one,
        open_sqlite_ledger(path, checkpoint_after=20) as two,
    ):
        for number in range(60):
            logs = [call_log(f"call-{number}-{place}", explanation="x" * 20_000) for place in range(2)]
            await asyncio.gather(put(one, logs[0]), put(two, logs[1]))
        size = path.stat().st_size
        log = path.with_name("ledger.db-wal").stat().st_size
    assert size > log


@in_files_only
async def test_no_checkpoint_is_made_beside_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    async with open_sqlite_ledger(path, checkpoint_after=1) as ledger:
        for number in range(5):
            await put(ledger, call_log(f"{number}"))
        before = path.stat().st_size
        with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
            other.execute("BEGIN IMMEDIATE")
            writing = asyncio.create_task(put(ledger, full_call_log()))
            done, _ = await asyncio.wait([writing], timeout=0.2)
            assert not done
            assert path.stat().st_size == before
            other.execute("ROLLBACK")
            await writing
