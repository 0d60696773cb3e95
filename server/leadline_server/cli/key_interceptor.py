"""Sends the API key of the environment with the RPCs of commands that use a channel of their own."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import grpc
from leadline._connection import key_metadata

from leadline_server.cli.session import api_key


class KeyInterceptor(grpc.aio.UnaryUnaryClientInterceptor):
    """Adds the key to the metadata of each RPC."""

    def __init__(self, key: str) -> None:
        self._pairs = key_metadata(key)

    async def intercept_unary_unary(
        self, continuation: Callable[[Any, Any], Awaitable[Any]], client_call_details: Any, request: Any
    ) -> Any:
        """Go on with the key in the metadata."""
        metadata = grpc.aio.Metadata(*self._pairs, *(client_call_details.metadata or ()))
        details = grpc.aio.ClientCallDetails(
            client_call_details.method,
            client_call_details.timeout,
            metadata,
            client_call_details.credentials,
            client_call_details.wait_for_ready,
        )
        return await continuation(details, request)


def key_interceptors() -> Sequence[KeyInterceptor]:
    """For `grpc.aio.insecure_channel(..., interceptors=...)`; none if there is no key."""
    key = api_key()
    return [KeyInterceptor(key)] if key else []
