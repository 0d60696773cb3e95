"""Servers with one RPC that the tests of the client make by hand."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
from leadline import AsyncClient

Handler = Callable[[Any, grpc.aio.ServicerContext[Any, Any]], Awaitable[Any]]


@asynccontextmanager
async def answering(method: str, request: Any, handler: Handler) -> AsyncIterator[str]:
    """A server that has one RPC; yields its address."""
    server = grpc.aio.server()
    service, name = method.split("/")
    unary: Any = grpc.unary_unary_rpc_method_handler(
        handler, request_deserializer=request.FromString, response_serializer=lambda answer: answer.SerializeToString()
    )
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(f"leadline.v1.{service}", {name: unary})])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


@asynccontextmanager
async def asking(method: str, request: Any, handler: Handler, **options: Any) -> AsyncIterator[AsyncClient]:
    """A client of such a server."""
    async with (
        answering(method, request, handler) as address,
        AsyncClient(address, account="demo", **options) as client,
    ):
        yield client


class Flaky:
    """Fails so many times with a code, then answers; keeps the requests."""

    def __init__(self, answer: Any, failures: int, code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE) -> None:
        self.answer, self.failures, self.code = answer, failures, code
        self.requests: list[Any] = []

    async def handle(self, request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        self.requests.append(request)
        if len(self.requests) <= self.failures:
            await context.abort(self.code, "Not now.")
        return self.answer
