"""The trouble that the conformance suite asks for, made by an adapter in another process itself."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import grpc
from leadline_server.crm.remote.adapter_type import remote_crm
from leadline_server.crm.remote.server import serve_adapter
from leadline_server.domain.crm_errors import CrmError
from leadline_server.ports.crm import CrmAdapter
from leadline_server.testing.crm_trouble import RETRY_AFTER, Failure

_WRITES: Final = frozenset({"CreateContact", "CreateCallLog", "UpdateCallLog", "DeleteContact"})
_BACK_SECONDS: Final = 20.0

_CODES: Final = {
    Failure.UNAUTHORIZED: grpc.StatusCode.UNAUTHENTICATED,
    Failure.FORBIDDEN: grpc.StatusCode.PERMISSION_DENIED,
    Failure.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Failure.CONFLICT: grpc.StatusCode.ALREADY_EXISTS,
    Failure.UNPROCESSABLE: grpc.StatusCode.INVALID_ARGUMENT,
    Failure.TELLTALE: grpc.StatusCode.INVALID_ARGUMENT,
    Failure.RATE_LIMITED: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Failure.SERVER_ERROR: grpc.StatusCode.INTERNAL,
    Failure.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    Failure.DROPPED: grpc.StatusCode.UNAVAILABLE,
}
_BYTES: Final = {Failure.GARBAGE: b"\xff\xff", Failure.HTML: b"<html>Sign in</html>"}

_Endpoint = Callable[[bytes, Any], Awaitable[bytes]]


class GrpcTrouble(grpc.aio.ServerInterceptor):
    """See `leadline_server.testing.crm_trouble.Trouble`. Statuses have their code alone, as most authors will do.

    Args:
        crm: the adapter that is served, well in itself.
        token: what it asks for.
    """

    def __init__(self, crm: CrmAdapter, token: str) -> None:
        self.client: CrmAdapter | None = None
        self._crm = crm
        self._token = token
        self._failure: Failure | None = None
        self._writes_only = False
        self._spared = 0
        self._serving = AsyncExitStack()
        self._port = 0

    async def start(self) -> int:
        """Serve, on the same port as before if there was one; returns it."""
        address = f"127.0.0.1:{self._port}"
        serving = serve_adapter(lambda _: self._crm, address, token=self._token, grace=0, interceptors=[self])
        self._port = await self._serving.enter_async_context(serving)
        return self._port

    async def stop(self) -> None:
        await self._serving.aclose()

    async def misbehave(self, failure: Failure, *, writes_only: bool = False, after: int = 0) -> None:
        if failure is Failure.REDIRECT:
            raise NotImplementedError("gRPC has no redirects.")
        if failure is Failure.REFUSED:
            await self.stop()
        self._failure, self._writes_only, self._spared = failure, writes_only, after

    async def recover(self) -> None:
        was, self._failure = self._failure, None
        if was is not Failure.REFUSED or self.client is None:
            return
        await self.start()
        async with asyncio.timeout(_BACK_SECONDS):
            while not await _is_well(self.client):
                await asyncio.sleep(0.02)

    async def redirects_followed(self) -> int:
        return 0

    async def intercept_service(self, continuation: Any, details: Any) -> Any:
        handler = await continuation(details)
        method = details.method.rpartition("/")[2]
        if method == "Describe" or handler is None or handler.unary_unary is None:
            return handler
        return grpc.unary_unary_rpc_method_handler(self._failing(method, handler.unary_unary))

    def _failing(self, method: str, endpoint: _Endpoint) -> _Endpoint:
        async def failing(data: bytes, context: Any) -> bytes:
            if self._failure is None or (self._writes_only and method not in _WRITES):
                return await endpoint(data, context)
            if self._spared:
                self._spared -= 1
                return await endpoint(data, context)
            return await self._fail(self._failure, data, context, endpoint)

        return failing

    async def _fail(self, failure: Failure, data: bytes, context: Any, endpoint: _Endpoint) -> bytes:
        if failure is Failure.HANG:
            await asyncio.Event().wait()
        if failure in _BYTES:
            return _BYTES[failure]
        answer = await endpoint(data, context) if failure in {Failure.DROPPED, Failure.TRUNCATED} else b""
        if failure is Failure.TRUNCATED:
            return answer[:-1] or b"\x0a"
        words = f"{data!r} {context.invocation_metadata()}" if failure is Failure.TELLTALE else "No."
        delay = (("leadline-retry-after", str(RETRY_AFTER)),) if failure is Failure.RATE_LIMITED else ()
        return await context.abort(_CODES[failure], words[:2_000], delay)  # type: ignore[no-any-return] # never returns


async def _is_well(crm: CrmAdapter) -> bool:
    try:
        await crm.check()
    except CrmError:
        return False
    return True


@asynccontextmanager
async def troubled(crm: CrmAdapter, token: str, deadline: float) -> AsyncIterator[tuple[CrmAdapter, GrpcTrouble]]:
    """An adapter to `crm` in another process, as leadline sees it, and what makes it fail."""
    trouble = GrpcTrouble(crm, token)
    try:
        address = f"127.0.0.1:{await trouble.start()}"
        async with remote_crm(address, token=token, deadline=deadline) as client:
            trouble.client = client
            yield client, trouble
    finally:
        await trouble.stop()
