"""The replayer and its command, against a small server on a real socket."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
import typer
from leadline.v1 import preferences_pb2
from leadline_server.cli.calls_import import import_calls
from leadline_server.domain.call import Call, CallDirection
from leadline_server.replay import replayer
from leadline_server.replay.grouping import ReplayCall
from leadline_server.replay.records import Skipped
from leadline_server.replay.replayer import Item, Outcome, Patience, Replayer, ReplayStopped
from typer.testing import CliRunner
from unit.recording_servers import Upserts, serving

HURRIED = Patience(connect=5.0, attempts=4, first_pause=0.001, longest_pause=0.002, give_up_after=3)


def replayed(number: int) -> ReplayCall:
    call = Call(id=f"call-{number}", direction=CallDirection.INBOUND)
    return ReplayCall(user_id="alice", call=call, lines=(number,), size=10)


async def replay(
    servicer: Upserts, items: list[ReplayCall | Skipped], concurrency: int = 4, patience: Patience = HURRIED
) -> list[Item]:
    told: list[Item] = []
    async with serving(servicer) as address, grpc.aio.insecure_channel(address) as channel:
        await Replayer(channel, "demo", concurrency=concurrency, patience=patience).run(items, told.append)
    return told


def outcomes(told: list[Item]) -> dict[str, str]:
    return {item.replayed.call.id: item.error for item in told if isinstance(item, Outcome)}


async def test_every_call_is_sent_once_with_account_user_and_a_deadline() -> None:
    servicer = Upserts()
    told = await replay(servicer, [replayed(number) for number in range(20)])
    assert outcomes(told) == {f"call-{number}": "" for number in range(20)}
    assert sorted(request.call.id for request in servicer.requests) == sorted(servicer.logs)
    assert {(request.account_id, request.user_id) for request in servicer.requests} == {("demo", "alice")}
    assert all(0 < left < 11 for left in servicer.deadlines)


async def test_as_many_calls_are_under_way_as_asked_for_and_no_more() -> None:
    servicer = Upserts()
    servicer.crowd = asyncio.Barrier(4)
    await replay(servicer, [replayed(number) for number in range(12)], concurrency=4)
    assert servicer.most_under_way == 4


async def test_one_at_a_time_goes_in_order() -> None:
    servicer = Upserts()
    await replay(servicer, [replayed(number) for number in range(8)], concurrency=1)
    assert [request.call.id for request in servicer.requests] == [f"call-{number}" for number in range(8)]


async def test_rows_left_out_are_told_and_not_sent() -> None:
    servicer = Upserts()
    skipped = Skipped(line=2, size=5, reason="bad")
    told = await replay(servicer, [replayed(1), skipped])
    assert skipped in told
    assert len(servicer.requests) == 1


async def test_a_call_is_tried_again_while_the_server_is_unavailable() -> None:
    servicer = Upserts()
    servicer.fail["call-1"] = [grpc.StatusCode.UNAVAILABLE] * 3
    told = await replay(servicer, [replayed(1)])
    assert outcomes(told) == {"call-1": ""}
    assert len(servicer.requests) == 4


async def test_a_refused_call_is_told_with_its_error_and_the_others_go_on() -> None:
    servicer = Upserts()
    servicer.fail["call-1"] = [grpc.StatusCode.INVALID_ARGUMENT]
    told = await replay(servicer, [replayed(1), replayed(2)])
    assert outcomes(told) == {"call-1": "INVALID_ARGUMENT: as told", "call-2": ""}
    assert len(servicer.requests) == 2


@pytest.mark.parametrize("code", [grpc.StatusCode.NOT_FOUND, grpc.StatusCode.PERMISSION_DENIED])
async def test_what_every_call_would_be_told_stops_the_replay(code: grpc.StatusCode) -> None:
    servicer = Upserts()
    servicer.always = code
    with pytest.raises(ReplayStopped, match="as told"):
        await replay(servicer, [replayed(number) for number in range(100)], concurrency=2)
    assert len(servicer.requests) <= 2


async def test_a_server_that_went_away_stops_the_replay_after_bounded_tries() -> None:
    servicer = Upserts()
    servicer.always = grpc.StatusCode.UNAVAILABLE
    with pytest.raises(ReplayStopped, match="went away"):
        await replay(servicer, [replayed(number) for number in range(100)], concurrency=1)
    assert len(servicer.requests) == 3 * 4


async def test_no_server_at_all_is_said_so() -> None:
    async with grpc.aio.insecure_channel("127.0.0.1:1") as channel:
        with pytest.raises(ReplayStopped, match="leadline serve"):
            await Replayer(channel, "demo", patience=Patience(connect=0.05)).run([replayed(1)], lambda _: None)


ROWS = """\
"","2125550123","101","from-trunk","","PJSIP/trunk-1","PJSIP/101-2","Dial","","2026-11-04 10:00:00",,\
"2026-11-04 10:00:25",25,0,"NO ANSWER","DOCUMENTATION","1793804400.1",""
"","2125550123","102","from-trunk","","PJSIP/trunk-1","PJSIP/102-3","Dial","","2026-11-04 10:00:25",\
"2026-11-04 10:00:30","2026-11-04 10:01:25",60,55,"ANSWERED","DOCUMENTATION","1793804400.1",""
"","2125550124","105","from-trunk","","PJSIP/trunk-4","PJSIP/105-5","Dial","","2026-11-04 11:00:00",,\
"2026-11-04 11:00:25",25,0,"NO ANSWER","DOCUMENTATION","1793808000.2",""
"""
USERS = ("--user", "101=alice", "--user", "102=bob", "--time-zone", "America/New_York")

app = typer.Typer()
app.command()(import_calls)


@contextmanager
def serving_beside() -> Iterator[tuple[Upserts, str]]:
    """A server in a thread of its own: the command runs a loop of its own."""
    started, stop = threading.Event(), threading.Event()
    found: list[tuple[Upserts, str]] = []

    async def serve() -> None:
        servicer = Upserts()
        async with serving(servicer) as address:
            found.append((servicer, address))
            started.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    started.wait(10)
    try:
        yield found[0]
    finally:
        stop.set()
        thread.join()


def run(path: Path, *options: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(path), *options])
    return result.exit_code, result.output


@pytest.fixture
def master(tmp_path: Path) -> Path:
    path = tmp_path / "Master.csv"
    path.write_text(ROWS)
    return path


def test_the_command_says_what_became_of_the_calls_and_what_to_do_next(master: Path) -> None:
    with serving_beside() as (servicer, address):
        code, output = run(master, "--server", address, "--default-user", "carol", *USERS)
    assert code == 0, output
    assert {log.user_id for log in servicer.logs.values()} == {"bob", "carol"}
    assert "2 calls replayed" in output
    assert "NO_CONTACT" in output
    assert "2 calls unlogged: leadline calls list --account demo --state unlogged" in output


def test_rows_without_a_user_are_told_by_line_and_make_the_exit_code_one(master: Path) -> None:
    with serving_beside() as (_, address):
        code, output = run(master, "--server", address, *USERS)
    assert code == 1
    assert "line 3: no user for extension 105" in output


def test_a_second_run_says_the_same_and_doubles_nothing(master: Path) -> None:
    with serving_beside() as (servicer, address):
        first = run(master, "--server", address, "--json", *USERS)
        again = run(master, "--server", address, "--json", *USERS)
    assert first == again
    assert json.loads(first[1])["outcomes"] == [
        {
            "state": "UNLOGGED",
            "reason": "NO_CONTACT",
            "calls": 1,
            "example": "Nobody has the number of 1793804400.1.",
        }
    ]
    assert len(servicer.logs) == 1
    (one, other) = servicer.requests
    assert one == other


def directions(servicer: Upserts) -> dict[str, str]:
    return {log.call.id: CallDirection(log.call.direction).name for log in servicer.logs.values()}


SHORT_ROW = """\
"","221236","101","from-provider","","PJSIP/provider-1","PJSIP/101-2","Dial","","2026-11-04 10:00:00",,\
"2026-11-04 10:00:25",25,0,"NO ANSWER","DOCUMENTATION","1793804400.1",""
"""


@pytest.mark.parametrize(
    ("settings", "options", "direction"),
    [
        pytest.param({"default_region": "LU"}, (), "INBOUND", id="the account's region"),
        pytest.param({"default_region": "US"}, (), "INTERNAL", id="another region"),
        pytest.param({"default_region": "LU", "extension_pattern": "22xxxx"}, (), "INTERNAL", id="the account's masks"),
        pytest.param(
            {"default_region": "LU", "extension_pattern": "22xxxx"},
            ("--extension-pattern", "1XX"),
            "INBOUND",
            id="masks of the option before the account's",
        ),
    ],
)
def test_what_is_an_extension_is_told_by_the_account_or_the_option(
    tmp_path: Path, settings: dict[str, Any], options: tuple[str, ...], direction: str
) -> None:
    path = tmp_path / "Master.csv"
    path.write_text(SHORT_ROW)
    with serving_beside() as (servicer, address):
        servicer.settings = preferences_pb2.AccountSettings(**settings)
        code, output = run(path, "--server", address, *USERS, *options)
    assert code == 0, output
    assert directions(servicer) == {"1793804400.1": direction}


def test_a_generic_file_with_a_byte_order_mark_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text(
        "id,caller_number,callee_extension,start_time\nc1,2125550123,101,2026-11-04T10:00:00Z\n", "utf-8-sig"
    )
    with serving_beside() as (servicer, address):
        code, output = run(path, "--server", address, *USERS)
    assert code == 0, output
    assert directions(servicer) == {"c1": "INBOUND"}


def test_an_account_that_is_not_known_stops_the_replay_before_its_first_call(master: Path) -> None:
    with serving_beside() as (servicer, address):
        servicer.always = grpc.StatusCode.NOT_FOUND
        code, output = run(master, "--server", address, *USERS)
    assert code == 1
    assert "does not say how the account's numbers are read: as told" in " ".join(output.split())
    assert servicer.requests == []


def test_a_missing_server_ends_with_code_one_and_a_hint(master: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replayer, "Patience", lambda: Patience(connect=0.05))
    code, output = run(master, "--server", "127.0.0.1:1", *USERS)
    assert code == 1
    assert "no server answers there" in output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--time-zone", "Europe/Nowhere"), "unknown time zone"),
        (("--time-zone", "../../etc/passwd"), "unknown time zone"),
        (("--extension-pattern", "("), "'(' is not a mask"),
        (("--extension-pattern", r"\d{2,6}"), "is not a mask"),
        (("--date-order", "ymd"), "expected dmy"),
        (("--direction", "sideways"), "expected inbound"),
        (("--column", "caller_number"), "expected FIELD=HEADER"),
        (("--column", "caller=Von"), "unknown field"),
        (("--user", "alice"), "expected EXTENSION=USER"),
        (("--user", "101=alice", "--user", "101=bob"), "two users"),
        (("--format", "cobol"), "unknown format"),
        (("--concurrency", "0"), "concurrency"),
    ],
)
def test_wrong_usage_ends_with_code_two(master: Path, options: tuple[str, ...], message: str) -> None:
    code, output = run(master, *options)
    assert code == 2
    assert message in " ".join(output.split())


def test_a_file_that_is_none_ends_with_code_two(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text("id,caller_number\nc1,2125550123\n")
    code, output = run(path)
    assert code == 2
    assert "no column start_time" in " ".join(output.split())
