"""How long a restore takes, and what it lacks until the phone system reports again. It prints the figures."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from leadline import Client
from support.backups import log_some
from support.servers import leadline, server_process, until
from system.long_ledger import fill

CALLS = 100_000


def seconds_of(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def run(*command: str | Path) -> None:
    done = leadline(*command, seconds=600)
    assert done.returncode == 0, done.stderr


@pytest.mark.soak
def test_a_restore_of_many_calls_serves_within_minutes_and_lacks_what_came_after_the_backup(tmp_path: Path) -> None:
    data, folder, second = tmp_path / "data", tmp_path / "backup", tmp_path / "second" / "data"
    data.mkdir()
    fill(data / "ledger.db", CALLS)
    with server_process(data) as first:
        log_some(first.address, ["before"])
        backup = seconds_of(lambda: run("backup", folder, "--data-dir", data))
        log_some(first.address, ["after"])
        first.kill()
    restore = seconds_of(lambda: run("restore", folder, "--live", "--data-dir", second))
    begun = time.monotonic()
    with server_process(second) as copy, Client(copy.address, account="demo", user="alice") as client:
        assert client.get_call_log("before").call.id == "before"
        start = time.monotonic() - begun
        log_some(copy.address, ["after"])
        until(lambda: client.get_call_log("after").call.id == "after")
    size = (folder / "ledger.db").stat().st_size
    print(  # noqa: T201 - the figures are what this is for
        f"\n{CALLS:,} calls, {size / 1e6:.0f} MB: backup {backup:.1f} s, restore {restore:.1f} s, start {start:.1f} s"
    )
    assert restore + start < 300
