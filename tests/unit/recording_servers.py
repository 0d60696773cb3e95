"""A call log service that keeps what it is asked, and fails as it is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from leadline.v1 import call_log_pb2, call_log_service_pb2, preferences_pb2, preferences_service_pb2


class Upserts:
    """Keeps one log a call, and fails as it is told: `fail` maps a call id to the codes of its next answers."""

    def __init__(self) -> None:
        self.logs: dict[str, call_log_pb2.CallLog] = {}
        self.requests: list[call_log_service_pb2.LogCallRequest] = []
        self.fail: dict[str, list[grpc.StatusCode]] = {}
        self.always: grpc.StatusCode | None = None
        self.deadlines: list[float] = []
        self.under_way = 0
        self.most_under_way = 0
        self.crowd = asyncio.Barrier(1)
        self.settings = preferences_pb2.AccountSettings(default_region="US")

    async def get_account_settings(
        self, _: preferences_service_pb2.GetAccountSettingsRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> preferences_service_pb2.GetAccountSettingsResponse:
        if self.always is not None:
            await context.abort(self.always, "as told")
        return preferences_service_pb2.GetAccountSettingsResponse(settings=self.settings)

    async def log_call(
        self, request: call_log_service_pb2.LogCallRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> call_log_service_pb2.LogCallResponse:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        self.requests.append(request)
        self.deadlines.append(context.time_remaining() or 0.0)
        codes = self.fail.get(request.call.id)
        code = codes.pop(0) if codes else self.always
        await self.crowd.wait()
        self.under_way -= 1
        if code is not None:
            await context.abort(code, "as told")
        log = call_log_pb2.CallLog(
            account_id=request.account_id,
            user_id=request.user_id,
            call=request.call,
            state=call_log_pb2.CALL_LOG_STATE_UNLOGGED,
            reason=call_log_pb2.CALL_LOG_REASON_NO_CONTACT,
            explanation=f"Nobody has the number of {request.call.id}.",
        )
        return call_log_service_pb2.LogCallResponse(call_log=self.logs.setdefault(request.call.id, log))


@asynccontextmanager
async def serving(servicer: Upserts) -> AsyncIterator[str]:
    server = grpc.aio.server()
    handler = grpc.unary_unary_rpc_method_handler(
        servicer.log_call,
        request_deserializer=call_log_service_pb2.LogCallRequest.FromString,
        response_serializer=call_log_service_pb2.LogCallResponse.SerializeToString,
    )
    settings = grpc.unary_unary_rpc_method_handler(
        servicer.get_account_settings,
        request_deserializer=preferences_service_pb2.GetAccountSettingsRequest.FromString,
        response_serializer=preferences_service_pb2.GetAccountSettingsResponse.SerializeToString,
    )
    services: dict[str, dict[str, Any]] = {
        "leadline.v1.CallLogService": {"LogCall": handler},
        "leadline.v1.PreferencesService": {"GetAccountSettings": settings},
    }
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler(service, handlers) for service, handlers in services.items()]
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)
