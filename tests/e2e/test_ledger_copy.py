"""`leadline ledger copy` beside a running server."""

import asyncio
from pathlib import Path

import grpc
from leadline.v1 import call_log_service_pb2 as logs_pb
from leadline.v1.call_log_service_pb2_grpc import CallLogServiceStub
from support.databases import rows
from support.servers import leadline, server_process
from transport.serving import refused


def report(call_id: str) -> logs_pb.LogCallRequest:
    call = {"id": call_id, "direction": "CALL_DIRECTION_INBOUND", "caller": {"phone_number": "+12025550147"}}
    return logs_pb.LogCallRequest(account_id="demo", user_id="alice", call=call)  # type: ignore[arg-type] # dicts do


async def test_a_ledger_moves_while_its_server_runs(tmp_path: Path) -> None:
    data, copied = tmp_path / "data", tmp_path / "moved" / "ledger.db"
    copied.parent.mkdir()
    with server_process(data) as server:
        async with grpc.aio.insecure_channel(server.address) as channel:
            stub = CallLogServiceStub(channel)
            await stub.LogCall(report("before"), timeout=20)
            addresses = f"sqlite:{data / 'ledger.db'}", f"sqlite:{copied}"
            done = await asyncio.to_thread(leadline, "ledger", "copy", *addresses)
            assert (done.returncode, done.stderr) == (0, "")
            assert "takes no more writes" in done.stdout
            answer = await refused(stub.LogCall(report("late"), timeout=20))
            assert (answer.code, answer.info.reason) == (grpc.StatusCode.UNAVAILABLE, "LEDGER_UNAVAILABLE")
            assert answer.retry_seconds is not None
            shown = await stub.GetCallLog(logs_pb.GetCallLogRequest(account_id="demo", call_id="before"), timeout=20)
            assert shown.call_log.call.id == "before"
    again = leadline("ledger", "copy", *addresses)
    assert again.returncode == 1
    assert "already" in again.stderr
    with server_process(data, "--ledger", str(copied)) as server:
        async with grpc.aio.insecure_channel(server.address) as channel:
            await CallLogServiceStub(channel).LogCall(report("late"), timeout=20)
    assert rows(copied, "SELECT call_id FROM call_logs ORDER BY id") == [("before",), ("late",)]


def test_an_unfinished_copy_is_given_up_and_wrong_use_is_told(tmp_path: Path) -> None:
    source, target = f"sqlite:{tmp_path / 'none.db'}", f"sqlite:{tmp_path / 'copy.db'}"
    assert leadline("ledger", "copy", source, source).returncode == 2
    missing = leadline("ledger", "copy", source, target)
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "there is no such file" in missing.stderr
    assert leadline("ledger", "copy", source, target, "--abandon").returncode == 1
