"""`leadline serve --workers 2` with its ledger in PostgreSQL."""

import asyncio
import json
from pathlib import Path
from typing import Final

import grpc
import pytest
from fakes.misbehaviour import GOOD_TOKEN
from fakes.process import fake_process
from leadline.v1 import call_log_service_pb2 as pb
from leadline.v1.call_log_service_pb2_grpc import CallLogServiceStub
from support.postgres import MEMORY, postgres_server
from support.workers import channels, workers

pytestmark = pytest.mark.system

NUMBER: Final = "+12025550147"
CALLS: Final = 96
SECONDS: Final = 120.0


async def test_two_workers_log_each_call_once_while_one_is_killed(tmp_path: Path) -> None:
    with postgres_server(parent=MEMORY) as postgres, fake_process("hubspot", tmp_path / "crm") as crm:
        crm.control("POST", "/people", [{"firstname": "Ada", "lastname": "Lovelace", "phone": NUMBER}])
        file = tmp_path / "leadline.toml"
        options = {"adapter": "hubspot", "api_url": crm.url, "token": GOOD_TOKEN}
        lines = [f"{name} = {json.dumps(value)}" for name, value in options.items()]
        file.write_text("\n".join(["[connections.crm]", *lines, "[accounts.demo]", 'connection = "crm"']))
        settings = {"LEADLINE_CONFIG": str(file), "LEADLINE_LEDGER": postgres.create()}
        with workers(tmp_path / "data", settings=settings) as started:
            started.until_up()
            async with channels(started.server.address) as opened:
                stubs = [CallLogServiceStub(channel) for channel in opened]
                await asyncio.gather(*(until_accepted(stubs[n % len(stubs)], n) for n in range(CALLS)))
                counted = started.figure("leadline_rpc_seconds_count", rpc="LogCall")
                started.kill(1)
                await asyncio.gather(*(until_accepted(stubs[n % len(stubs)], n) for n in range(CALLS, 2 * CALLS)))
                started.until_up()
                for number in range(2 * CALLS):
                    await until_logged(stubs, number)
            written = crm.written()
    assert all(counted[number] for number in (1, 2))
    assert [len(logs) for logs in written.logs.values()] == [1] * (2 * CALLS)


async def until_accepted(stub: CallLogServiceStub, number: int) -> None:
    """Report a call until it is accepted: a worker that is killed answers no more."""
    call = {"id": f"call-{number}", "direction": "CALL_DIRECTION_INBOUND", "caller": {"phone_number": NUMBER}}
    request = pb.LogCallRequest(account_id="demo", user_id="alice", call=call)  # type: ignore[arg-type] # dicts do
    async with asyncio.timeout(SECONDS):
        while True:
            try:
                await stub.LogCall(request, timeout=20)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
                await asyncio.sleep(0.1)
            else:
                return


async def until_logged(stubs: list[CallLogServiceStub], number: int) -> None:
    """Return once a call is in the CRM."""
    request = pb.GetCallLogRequest(account_id="demo", call_id=f"call-{number}")
    async with asyncio.timeout(SECONDS):
        while not (await stubs[number % len(stubs)].GetCallLog(request, timeout=20)).call_log.crm_log_id:
            await asyncio.sleep(0.1)
