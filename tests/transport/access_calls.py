"""Calls that need access, and how they ended."""

from typing import Any

import grpc
from leadline.v1 import (
    call_log_service_pb2,
    contact_service_pb2,
)
from support.access import ALICE, OWN, Guarded, bearer
from transport.serving import read_refusal

FIND = "/leadline.v1.ContactService/FindContact"
LOG = "/leadline.v1.CallLogService/LogCall"
GET = "/leadline.v1.CallLogService/GetCallLog"
RETRY = "/leadline.v1.CallLogService/RetryCallLog"
LIST = "/leadline.v1.CallLogService/ListCallLogs"
WATCH = "/leadline.v1.CallLogService/WatchCallLogs"
SETTINGS = "/leadline.v1.PreferencesService/GetAccountSettings"
NUMBER = "+12025550147"


async def outcome(served: Guarded, path: str, request: Any, key: str | None) -> tuple[str, str]:
    """The status and the reason of a call: ("OK", ""), ("NOT_FOUND", "ACCOUNT_NOT_FOUND")."""
    try:
        await served.call(path, request, key)
    except grpc.aio.AioRpcError as error:
        return error.code().name, read_refusal(error).info.reason
    return "OK", ""


def report(account_id: str = OWN, call_id: str = "c1", user_id: str = ALICE, **fields: Any) -> Any:
    call: Any = {"id": call_id, "direction": "CALL_DIRECTION_INBOUND", "caller": {"phone_number": NUMBER}}
    return call_log_service_pb2.LogCallRequest(account_id=account_id, user_id=user_id, call=call, **fields)


def find(account_id: str = OWN, user_id: str = "") -> Any:
    return contact_service_pb2.FindContactRequest(account_id=account_id, user_id=user_id, phone_numbers=[NUMBER])


async def refusal(served: Guarded, path: str, request: Any, key: str, *, is_stream: bool) -> str:
    if not is_stream:
        return (await outcome(served, path, request, key))[1]
    stream: Any = served.channel.unary_stream(path)
    watch = stream(request.SerializeToString(), metadata=bearer(key))
    try:
        await watch.read()
    except grpc.aio.AioRpcError as error:
        return str(read_refusal(error).info.reason)
    finally:
        watch.cancel()
    return ""
