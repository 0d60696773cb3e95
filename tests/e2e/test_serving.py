"""A server from its start to its end, as its operator sees it."""

import asyncio
import json
import os
import socket
import stat
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from leadline.v1 import call_log_service_pb2 as logs_pb
from leadline.v1 import contact_service_pb2 as pb
from leadline.v1.call_log_service_pb2_grpc import CallLogServiceStub
from leadline.v1.contact_service_pb2_grpc import ContactServiceStub
from leadline.v1.preferences_service_pb2 import UpdatePreferencesRequest
from leadline.v1.preferences_service_pb2_grpc import PreferencesServiceStub
from support.databases import rows, write_lock
from support.servers import ServerProcess, leadline, server_process, until
from transport.serving import refused

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
SERVICES = [f"leadline.v1.{name}Service" for name in ("Contact", "CallLog", "Preferences")]
NUMBER = "+12025550147"
CALLS = 32


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server for the tests that leave it as it is."""
    with server_process(tmp_path_factory.mktemp("serving") / "data") as process:
        yield process


@pytest.mark.skipif(not hasattr(os, "SCHED_BATCH"), reason="Linux alone has this policy")
def test_no_thread_interrupts_another_when_it_wakes_up(server: ServerProcess) -> None:
    get(server, "/metrics")
    threads = [int(task.name) for task in Path(f"/proc/{server.pid}/task").iterdir()]
    assert len(threads) > 1
    assert {os.sched_getscheduler(thread) for thread in threads} == {os.SCHED_BATCH}


def asked(call_id: str, caller: str = NUMBER, name: str = "") -> logs_pb.LogCallRequest:
    call = {"id": call_id, "direction": "CALL_DIRECTION_INBOUND", "caller": {"phone_number": caller, "name": name}}
    return logs_pb.LogCallRequest(account_id="demo", user_id="alice", call=call)  # type: ignore[arg-type] # dicts do


def get(server: ServerProcess, path: str) -> str:
    with urllib.request.urlopen(f"http://{server.metrics_address}{path}", timeout=10) as response:
        text: str = response.read().decode()
    return text


@pytest.mark.parametrize(("variable", "other"), [("LISTEN", "METRICS_LISTEN"), ("METRICS_LISTEN", "LISTEN")])
def test_a_taken_port_is_told_in_one_line_and_nothing_is_left_running(
    tmp_path: Path, variable: str, other: str
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        settings = {
            f"LEADLINE_{variable}": address,
            f"LEADLINE_{other}": "127.0.0.1:0",
            "LEADLINE_HTTP_LISTEN": "",
            "LEADLINE_DATA_DIR": str(tmp_path / "data"),
        }
        ended = leadline("serve", settings=settings)
    assert ended.returncode == 2
    assert ended.stderr == f"leadline: Cannot listen on {address}: the port is taken.\n"
    assert ended.stdout == ""
    assert not (tmp_path / "data").exists()


def test_a_second_server_cannot_take_the_ports_of_the_first(server: ServerProcess, tmp_path: Path) -> None:
    settings = {
        "LEADLINE_DATA_DIR": str(tmp_path / "data"),
        "LEADLINE_METRICS_LISTEN": "127.0.0.1:0",
        "LEADLINE_HTTP_LISTEN": "",
    }
    ended = leadline("serve", settings=settings | {"LEADLINE_LISTEN": server.address})
    assert (ended.returncode, ended.stdout) == (2, "")
    assert server.address in ended.stderr
    assert get(server, "/healthz") == "ok\n"


async def test_the_first_server_keeps_every_call_when_a_second_one_tries(server: ServerProcess, tmp_path: Path) -> None:
    settings = {
        "LEADLINE_DATA_DIR": str(tmp_path / "data"),
        "LEADLINE_LISTEN": server.address,
        "LEADLINE_HTTP_LISTEN": "",
    }
    second = asyncio.create_task(asyncio.to_thread(leadline, "serve", settings=settings))
    request = pb.FindContactRequest(account_id="demo", phone_numbers=[NUMBER])
    while not second.done():
        async with grpc.aio.insecure_channel(server.address) as channel:
            await ContactServiceStub(channel).FindContact(request, timeout=10)
    assert (await second).returncode == 2


async def test_metrics_count_the_rpcs_and_their_codes(server: ServerProcess) -> None:
    async with grpc.aio.insecure_channel(server.address) as channel:
        stub = ContactServiceStub(channel)
        await stub.SearchContacts(pb.SearchContactsRequest(account_id="demo", query="Ada"))
        await refused(stub.SearchContacts(pb.SearchContactsRequest(account_id="demo")))
    metrics = get(server, "/metrics")
    assert 'leadline_rpc_seconds_count{code="OK",rpc="SearchContacts"} 1.0' in metrics
    assert 'leadline_rpc_seconds_count{code="INVALID_ARGUMENT",rpc="SearchContacts"} 1.0' in metrics
    assert 'leadline_rpcs_in_flight{rpc="SearchContacts"} 0.0' in metrics


async def test_a_callers_deadline_is_kept_with_an_answer_that_says_so(tmp_path: Path) -> None:
    with server_process(tmp_path / "data") as process, write_lock(process.data_dir / "ledger.db"):
        async with grpc.aio.insecure_channel(process.address) as channel:
            update = UpdatePreferencesRequest(account_id="demo", user_id="alice")
            started = time.monotonic()
            answer = await refused(PreferencesServiceStub(channel).UpdatePreferences(update, timeout=1.0))
            seconds = time.monotonic() - started
    assert (answer.code, answer.info.reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")
    assert answer.retry_seconds is not None
    assert seconds < 1.0


async def test_a_stopping_server_tells_its_health_watchers_first(tmp_path: Path) -> None:
    with server_process(tmp_path / "data") as process:
        async with grpc.aio.insecure_channel(process.address) as channel:
            health = health_pb2_grpc.HealthStub(channel)  # type: ignore[no-untyped-call] # ships no types
            for service in ("", *SERVICES):
                assert (await health.Check(health_pb2.HealthCheckRequest(service=service))).status == SERVING
            watch = aiter(health.Watch(health_pb2.HealthCheckRequest()))
            assert (await anext(watch)).status == SERVING
            process.terminate()
            assert (await anext(watch)).status == NOT_SERVING
        assert await asyncio.to_thread(process.wait) == 0


async def test_sigterm_finishes_every_call_in_flight_takes_no_more_and_exits_0(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with server_process(data_dir) as process:
        async with grpc.aio.insecure_channel(process.address) as channel:
            with write_lock(data_dir / "ledger.db"):
                stub = CallLogServiceStub(channel)
                calls = [asyncio.ensure_future(stub.LogCall(asked(f"call-{i}"), timeout=30)) for i in range(CALLS)]
                await asyncio.to_thread(until, lambda: f'{{rpc="LogCall"}} {CALLS}.0' in get(process, "/metrics"))
                process.terminate()
                await asyncio.to_thread(until, lambda: not is_healthy(process))
                assert await is_turned_away(process)
            answers = await asyncio.gather(*calls)
            assert await asyncio.to_thread(process.wait) == 0
    assert {answer.call_log.call.id for answer in answers} == {f"call-{i}" for i in range(CALLS)}
    assert rows(data_dir / "ledger.db", "SELECT count(*) FROM call_logs") == [(CALLS,)]


def is_healthy(server: ServerProcess) -> bool:
    """Whether /healthz tells a load balancer that the server is healthy; it also answers while the server stops."""
    try:
        return get(server, "/healthz") == "ok\n"
    except urllib.error.HTTPError as error:
        return error.code != 503


async def is_turned_away(server: ServerProcess) -> bool:
    async with grpc.aio.insecure_channel(server.address) as channel:
        try:
            await CallLogServiceStub(channel).LogCall(asked("late"), timeout=10)
        except grpc.aio.AioRpcError as error:
            return error.code() is grpc.StatusCode.UNAVAILABLE
    return False


@pytest.mark.parametrize("style", ["console", "json"])
async def test_the_log_shows_no_callers_number_or_name(tmp_path: Path, style: str) -> None:
    settings = {"LEADLINE_LOG_LEVEL": "debug", "LEADLINE_LOG_FORMAT": style}
    with server_process(tmp_path / "data", settings=settings) as process:
        async with grpc.aio.insecure_channel(process.address) as channel:
            await _talk(channel)
        assert process.stop() == 0
        text = process.stderr
    digits = "".join(character for character in text if character.isdigit())
    assert text.count("rpc_refused") == 5
    for secret in ("5550147", "5550148", "555-0147", "74 60", "Quimby"):
        assert secret not in text
    assert "2025550147" not in digits
    assert "79460123" not in digits
    if style == "json":
        assert all(isinstance(json.loads(line), dict) for line in text.splitlines())


async def _talk(channel: grpc.aio.Channel) -> None:
    """Answers and errors with numbers and names in every place."""
    calls, contacts, preferences = (
        CallLogServiceStub(channel),
        ContactServiceStub(channel),
        PreferencesServiceStub(channel),
    )
    wish: Any = {"unknown_contact_action": "UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER"}
    await preferences.UpdatePreferences(UpdatePreferencesRequest(account_id="demo", user_id="alice", preferences=wish))
    await calls.LogCall(asked("c1", NUMBER, "Quimby"))
    await calls.LogCall(asked("c2", "(202) 555-0148"))
    await contacts.FindContact(pb.FindContactRequest(account_id="demo", phone_numbers=["+44 20 7946 0123"]))
    create = pb.CreateContactRequest(account_id="demo", name="Quimby", phone_number="202-555-0147")
    await refused(contacts.CreateContact(create))
    bad = pb.FindContactRequest(account_id="demo", user_id=f"{NUMBER}\a", phone_numbers=["Quimby 202 555-0147"])
    await refused(contacts.FindContact(bad))
    await refused(calls.GetCallLog(logs_pb.GetCallLogRequest(account_id="demo", call_id=NUMBER)))
    await refused(calls.GetCallLog(logs_pb.GetCallLogRequest(account_id=NUMBER, call_id="Quimby")))
    chosen = asked("c3", NUMBER, "Quimby")
    chosen.contact_id = NUMBER
    await refused(calls.LogCall(chosen))


def test_nobody_else_may_read_the_data(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with server_process(data_dir):
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in data_dir.iterdir()}
        assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    assert modes.keys() >= {"ledger.db", "ledger.db-wal"}
    assert set(modes.values()) == {0o600}
