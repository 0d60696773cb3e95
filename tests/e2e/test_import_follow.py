"""`leadline calls import --follow`: each call is reported when its record is written, through rotation and restarts."""

import asyncio
import csv
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from e2e.listening import Account, RunningCommand, running_command, stop
from fakes.asterisk_script import Script
from leadline.v1.call_log_pb2 import CallLog
from support.asterisk_sessions import answered, blind_transfer
from support.servers import ServerProcess, leadline, server_process


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("follow")
    config = folder / "leadline.toml"
    config.write_text("[accounts.followed]\n[accounts.imported]\n")
    with server_process(folder / "data", settings={"LEADLINE_CONFIG": str(config)}) as running:
        yield running


def later(make: Callable[[], Script], number: int) -> Script:
    """A session with channels of its own."""
    script = make()
    for row in script.rows:
        row[16] = f"{row[16]}{number}"
        row[6] = f"{row[6]}{number}" if row[6] else ""
    return script


def append(path: Path, rows: Sequence[Sequence[str]]) -> None:
    stream = io.StringIO()
    csv.writer(stream).writerows(rows)
    with path.open("a") as file:
        file.write(stream.getvalue())


def following(server: ServerProcess, account: Account, path: Path) -> AbstractContextManager[RunningCommand]:
    command = ("calls", "import", str(path), "--follow", "--time-zone", "UTC")
    return running_command(*command, "--server", server.address, "--account", account.name, settings={})


async def logs(account: Account, count: int) -> list[CallLog]:
    async with asyncio.timeout(30):
        while len(found := await asyncio.to_thread(account.logs)) < count:
            await asyncio.sleep(0.02)
    return found


def facts(log: CallLog) -> tuple[object, ...]:
    call = log.call
    parties = (call.caller.phone_number, call.callee.extension, call.callee.phone_number)
    times = (call.start_time.seconds, call.answer_time.seconds, call.end_time.seconds)
    return (call.id, log.user_id, call.result, *parties, *times, sorted(leg.id for leg in call.legs))


async def test_records_are_reported_as_they_are_written_and_come_out_as_in_an_import(
    server: ServerProcess, tmp_path: Path
) -> None:
    path, whole = tmp_path / "Master.csv", tmp_path / "whole.csv"
    account, other = Account(server, "followed"), Account(server, "imported")
    sessions = [later(answered, 1), later(blind_transfer, 2), later(answered, 3), later(answered, 4)]
    for session in sessions:
        append(whole, session.rows)
    append(path, sessions[0].rows)
    with following(server, account, path) as command:
        await logs(account, 1)
        append(path, sessions[1].rows[:1])
        await logs(account, 2)
        path.rename(tmp_path / "Master.csv.1")
        append(path, sessions[1].rows[1:])
        append(path, sessions[2].rows)
        await logs(account, 3)
        command.process.kill()
        command.process.wait(20)
    append(path, sessions[3].rows)
    with following(server, account, path) as command:
        found = await logs(account, 4)
        said = await stop(command)
    assert "0 given up" in said
    done = leadline(
        *("calls", "import", whole, "--time-zone", "UTC", "--server", server.address, "--account", other.name)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(map(facts, found)) == sorted(map(facts, other.logs()))
    for one in (account, other):
        one.client.close()


@pytest.mark.parametrize(
    ("options", "text", "reason"),
    [
        ((), "", "--follow needs --time-zone"),
        (("--time-zone", "UTC", "--dry-run"), "", "--follow takes no --dry-run"),
        (("--time-zone", "UTC"), "calldate,clid,src,dst,uniqueid\n2026-01-01 10:00:00,x,1,2,3\n", "with a header"),
    ],
)
def test_what_cannot_be_followed_is_wrong_usage(
    server: ServerProcess, tmp_path: Path, options: tuple[str, ...], text: str, reason: str
) -> None:
    path = tmp_path / "Master.csv"
    path.write_text(text)
    done = leadline("calls", "import", path, "--follow", *options, "--server", server.address, "--account", "imported")
    assert done.returncode == 2
    assert reason in " ".join(done.stderr.split())


def test_a_bookmark_that_is_none_is_named(server: ServerProcess, tmp_path: Path) -> None:
    path, mark = tmp_path / "Master.csv", tmp_path / "mark"
    path.write_text("")
    mark.write_text("no bookmark")
    command = ("calls", "import", path, "--follow", "--time-zone", "UTC", "--bookmark", mark)
    done = leadline(*command, "--server", server.address, "--account", "imported")
    assert (done.returncode, "is not a bookmark" in done.stderr) == (2, True)
