"""`leadline serve --workers N`: several processes on one port, and their supervisor."""

import asyncio
import os
import signal
import socket
import ssl
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import grpc
import pytest
from leadline.v1 import call_log_service_pb2 as logs_pb
from leadline.v1 import contact_service_pb2 as pb
from leadline.v1.call_log_pb2 import CallLogState
from leadline.v1.call_log_service_pb2_grpc import CallLogServiceStub
from leadline.v1.contact_service_pb2_grpc import ContactServiceStub
from support.certificates import Authority
from support.databases import rows, write_lock
from support.servers import leadline, until
from support.workers import Workers, channels, workers

NUMBER = "+12025550147"
CALLS = 48


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    """Two workers for the tests that leave both running, with the HTTP port."""
    settings = {f"LEADLINE_{name}LISTEN": "127.0.0.1:0" for name in ("", "METRICS_", "HTTP_")}
    data_dir = tmp_path_factory.mktemp("workers") / "data"
    with workers(data_dir, settings=settings, has_addresses=True) as started:
        yield started


def report(call_id: str, disposition: str = "") -> logs_pb.LogCallRequest:
    call = {"id": call_id, "direction": "CALL_DIRECTION_INBOUND", "caller": {"phone_number": NUMBER}}
    return logs_pb.LogCallRequest(account_id="demo", user_id="alice", call=call | {"disposition": disposition})  # type: ignore[arg-type] # dicts do


async def test_both_workers_serve_and_one_metrics_port_shows_both(served: Workers) -> None:
    request = pb.FindContactRequest(account_id="demo", phone_numbers=[NUMBER])
    async with channels(served.server.address) as opened:
        await asyncio.gather(*(ContactServiceStub(channel).FindContact(request, timeout=20) for channel in opened))
    counted = served.figure("leadline_rpc_seconds_count", rpc="FindContact")
    assert sum(counted.values()) == len(opened)
    assert all(counted[number] for number in (1, 2))
    assert served.figure("leadline_worker_up") == {1: 1.0, 2: 1.0}
    text = served.metrics()
    assert text.count("# TYPE leadline_rpc_seconds histogram") == 1
    assert "Workers: 2." in served.server.stdout


async def test_reports_of_one_call_through_both_workers_make_one_log(served: Workers) -> None:
    async with channels(served.server.address) as opened:
        contact = pb.CreateContactRequest(account_id="demo", name="Ada Lovelace", phone_number=NUMBER)
        await ContactServiceStub(opened[0]).CreateContact(contact, timeout=20)
        answers = await asyncio.gather(
            *(
                CallLogServiceStub(channel).LogCall(report("both", f"outcome {index}"), timeout=20)
                for index, channel in enumerate(opened)
            )
        )
        last = await CallLogServiceStub(opened[0]).GetCallLog(
            logs_pb.GetCallLogRequest(account_id="demo", call_id="both"), timeout=20
        )
    assert {answer.call_log.call.id for answer in answers} == {"both"}
    assert len(served.figure("leadline_rpc_seconds_count", rpc="LogCall")) == 2
    assert rows(served.server.data_dir / "ledger.db", "SELECT count(*) FROM call_logs WHERE call_id = 'both'") == [(1,)]
    assert last.call_log.revision >= len(opened)  # each report changed it
    assert last.call_log.state == CallLogState.CALL_LOG_STATE_LOGGED
    assert rows(served.server.data_dir / "ledger.db", "SELECT count(*) FROM crm_call_logs") == [(1,)]


def test_both_workers_serve_http(served: Workers) -> None:
    before = served.figure("leadline_rpc_seconds_count", rpc="SearchContacts")
    for _ in range(40):
        url = f"http://{served.server.http_address}/leadline.v1.ContactService/SearchContacts"
        asked = urllib.request.Request(
            url, b'{"accountId": "demo", "query": "Ada"}', {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(asked, timeout=20) as answer:  # noqa: S310 - our own server
            assert answer.status == 200
    after = served.figure("leadline_rpc_seconds_count", rpc="SearchContacts")
    assert all(after[number] > before.get(number, 0) for number in (1, 2))


def test_a_killed_worker_comes_back_while_the_other_serves(served: Workers) -> None:
    killed = served.pids[2]
    served.kill(2)
    until(lambda: served.pids.get(2, killed) != killed)
    assert served.figure("leadline_worker_up")[1] == 1.0
    served.until_up()
    assert served.figure("leadline_worker_starts_total")[2] == 2.0
    assert "worker ended" in served.server.stderr


async def test_a_killed_worker_loses_no_accepted_call(tmp_path: Path) -> None:
    accepted: set[str] = set()
    with workers(tmp_path / "data") as started:
        async with channels(started.server.address, 8) as opened:

            async def report_calls(caller: int, channel: grpc.aio.Channel) -> None:
                for index in range(CALLS):
                    call_id = f"{caller}-{index}"
                    call = CallLogServiceStub(channel).LogCall(report(call_id), timeout=20)
                    code = await call.code()
                    assert code in (grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE)
                    if code is grpc.StatusCode.OK:
                        accepted.add(call_id)

            reporting = asyncio.gather(*(report_calls(*each) for each in enumerate(opened)))
            await asyncio.to_thread(until, lambda: len(accepted) > CALLS)
            started.kill(1)
            await reporting
        assert len(accepted) > CALLS
    stored = {call_id for (call_id,) in rows(tmp_path / "data" / "ledger.db", "SELECT call_id FROM call_logs")}
    assert accepted <= stored


async def test_sigterm_finishes_the_calls_of_all_workers(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with workers(data_dir) as started:
        async with channels(started.server.address) as opened:
            with write_lock(data_dir / "ledger.db"):
                stubs = [CallLogServiceStub(channel) for channel in opened]
                calls = [
                    asyncio.ensure_future(stubs[index % len(stubs)].LogCall(report(f"call-{index}"), timeout=60))
                    for index in range(CALLS)
                ]

                def in_flight() -> dict[int, float]:
                    return started.figure("leadline_rpcs_in_flight", rpc="LogCall")

                await asyncio.to_thread(until, lambda: sum(in_flight().values()) == CALLS)
                assert all(in_flight().values())
                started.server.terminate()
                await asyncio.to_thread(until, lambda: started.server.stderr.count("draining") == 2)
            answers = await asyncio.gather(*calls)
        assert await asyncio.to_thread(started.server.wait) == 0
    assert {answer.call_log.call.id for answer in answers} == {f"call-{index}" for index in range(CALLS)}
    assert rows(data_dir / "ledger.db", "SELECT count(*) FROM call_logs") == [(CALLS,)]


def test_workers_stop_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    with workers(tmp_path / "data") as started:
        children = started.children
        started.server.kill()
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children))
        assert started.server.stderr.count("stopped") == 2


async def test_sighup_replaces_the_workers_with_new_settings_and_certificates(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    files = authority.issue("server", "localhost", "127.0.0.1")
    config = tmp_path / "leadline.toml"
    tables = f'tls_certificate = "{files.certificate}"\ntls_key = "{files.key}"\n[accounts.acme]\n'
    config.write_text(tables)
    credentials = grpc.ssl_channel_credentials(authority.file.read_bytes())
    with workers(tmp_path / "data", "--config", str(config)) as started:
        before, address = started.children, started.server.address
        async with grpc.aio.secure_channel(address, credentials) as channel:
            ask = ContactServiceStub(channel).FindContact
            request = pb.FindContactRequest(account_id="acme", phone_numbers=[NUMBER])
            await ask(request, timeout=20)
            authority.issue("server", "localhost", "127.0.0.1")
            config.write_text(tables + "[accounts.later]\n")
            os.kill(started.server.pid, signal.SIGHUP)
            codes = set()
            while started.server.stderr.count("worker replaced") < 2:  # calls go on meanwhile
                codes.add(await ask(request, timeout=20, wait_for_ready=True).code())
            assert grpc.StatusCode.OK in codes
            # gRPC ends a call CANCELLED that arrives while its server stops. Clients retry both.
            assert codes <= {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
            await asyncio.to_thread(until, lambda: not set(before) & set(started.children))
            await ask(pb.FindContactRequest(account_id="later", phone_numbers=[NUMBER]), timeout=20)
        assert await asyncio.to_thread(shown_certificate, address) == files.certificate.read_bytes().strip()


def shown_certificate(address: str) -> bytes:
    host, port = address.rsplit(":", 1)
    return ssl.get_server_certificate((host, int(port))).encode().strip()


async def test_sighup_with_invalid_settings_keeps_the_workers(tmp_path: Path) -> None:
    config = tmp_path / "leadline.toml"
    config.write_text("[accounts.demo]\n")
    with workers(tmp_path / "data", "--config", str(config)) as started:
        before = started.children
        config.write_text("no_such_setting = 1\n")
        os.kill(started.server.pid, signal.SIGHUP)
        await asyncio.to_thread(until, lambda: "worker not replaced" in started.server.stderr)
        assert "no_such_setting" in started.server.stderr
        assert started.children == before
        config.write_text("[accounts.demo]\n")


def test_a_taken_port_is_told_in_one_line(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        settings = {
            "LEADLINE_LISTEN": "127.0.0.1:0",
            "LEADLINE_METRICS_LISTEN": address,
            "LEADLINE_HTTP_LISTEN": "",
            "LEADLINE_DATA_DIR": str(tmp_path / "data"),
        }
        ended = leadline("serve", "--workers", "2", settings=settings)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"leadline: Cannot listen on {address}: the port is taken.\n"
    assert not (tmp_path / "data").exists()


def test_other_servers_cannot_take_the_ports_of_workers(served: Workers, tmp_path: Path) -> None:
    for extra in ([], ["--workers", "2"]):
        settings = {
            "LEADLINE_LISTEN": served.server.address,
            "LEADLINE_METRICS_LISTEN": "127.0.0.1:0",
            "LEADLINE_HTTP_LISTEN": "",
            "LEADLINE_DATA_DIR": str(tmp_path / "data"),
        }
        ended = leadline("serve", *extra, settings=settings)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert served.server.address in ended.stderr


def test_a_start_that_fails_is_told_once_and_leaves_nothing_running(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "ledger.db").write_bytes(b"no database" * 100)
    settings = {
        "LEADLINE_LISTEN": "127.0.0.1:0",
        "LEADLINE_METRICS_LISTEN": "127.0.0.1:0",
        "LEADLINE_HTTP_LISTEN": "",
        "LEADLINE_DATA_DIR": str(data),
    }
    ended = leadline("serve", "--workers", "2", settings=settings)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.count("leadline: ") == 1


async def test_one_worker_is_the_server_itself(tmp_path: Path) -> None:
    with workers(tmp_path / "data", number=1) as started:
        assert started.children == []
        assert "worker" not in started.metrics()
