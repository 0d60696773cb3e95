"""An account that was taken out of the settings: nothing is guessed, and its calls wait until it is back."""

from pathlib import Path
from typing import Any

import grpc
from leadline.v1 import call_log_service_pb2 as pb
from leadline.v1.call_log_pb2 import CallLog, CallLogState
from leadline.v1.call_log_service_pb2_grpc import CallLogServiceStub
from leadline.v1.contact_service_pb2 import CreateContactRequest, FindContactRequest
from leadline.v1.contact_service_pb2_grpc import ContactServiceStub
from support.servers import server_process
from transport.serving import refused

NUMBER = "+12025550101"
STAYS, COMES_BACK = "[accounts.stays]", "[accounts.comes_back]"


async def test_calls_of_an_account_without_a_crm_wait_until_it_is_back(tmp_path: Path) -> None:
    with server_process(tmp_path / "data", *settings(tmp_path, STAYS, COMES_BACK)) as server:
        async with grpc.aio.insecure_channel(server.address) as channel:
            create = CreateContactRequest(account_id="comes_back", name="Ada", phone_number=NUMBER)
            await ContactServiceStub(channel).CreateContact(create)
            await report(channel, "before")
    with server_process(tmp_path / "data", *settings(tmp_path, STAYS)) as server:
        async with grpc.aio.insecure_channel(server.address) as channel:
            find = FindContactRequest(account_id="comes_back", phone_numbers=[NUMBER])
            cannot_tell = await refused(ContactServiceStub(channel).FindContact(find))
            assert (cannot_tell.code, cannot_tell.info.reason) == (grpc.StatusCode.UNAVAILABLE, "CRM_UNAVAILABLE")
            assert (await report(channel, "meanwhile")).state == CallLogState.CALL_LOG_STATE_PENDING
            assert (await read(channel, "before")).state == CallLogState.CALL_LOG_STATE_LOGGED
    with server_process(tmp_path / "data", *settings(tmp_path, STAYS, COMES_BACK)) as server:
        async with grpc.aio.insecure_channel(server.address) as channel:
            retry = pb.RetryCallLogRequest(account_id="comes_back", call_id="meanwhile")
            log = (await CallLogServiceStub(channel).RetryCallLog(retry)).call_log
            assert (log.state, log.contact.name) == (CallLogState.CALL_LOG_STATE_LOGGED, "Ada")


def settings(folder: Path, *accounts: str) -> tuple[str, str]:
    file = folder / "leadline.toml"
    file.write_text("\n".join(accounts))
    return "--config", str(file)


async def report(channel: grpc.aio.Channel, call_id: str) -> CallLog:
    call: Any = {"id": call_id, "direction": "CALL_DIRECTION_INBOUND", "caller": {"phone_number": NUMBER}}
    request = pb.LogCallRequest(account_id="comes_back", user_id="alice", call=call)
    return (await CallLogServiceStub(channel).LogCall(request)).call_log


async def read(channel: grpc.aio.Channel, call_id: str) -> CallLog:
    request = pb.GetCallLogRequest(account_id="comes_back", call_id=call_id)
    return (await CallLogServiceStub(channel).GetCallLog(request)).call_log
