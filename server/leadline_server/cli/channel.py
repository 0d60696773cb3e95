"""gRPC channels of commands that use one of their own: with TLS, and with the API key in each RPC's metadata."""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from leadline._connection import key_metadata
from leadline._tls import TlsFiles

from leadline_server.cli.command_target import CommandTarget


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


def channel_to(target: CommandTarget) -> grpc.aio.Channel:
    """A channel to a command's server.

    Raises:
        OSError: a file for TLS cannot be used.
        ValueError: a certificate without its key.
    """
    interceptors = [KeyInterceptor(target.api_key)] if target.api_key else []
    if (tls := target.client_tls) is None:
        return grpc.aio.insecure_channel(target.server, interceptors=interceptors)
    files = TlsFiles(tls)
    return grpc.aio.secure_channel(target.server, files.credentials, options=files.options, interceptors=interceptors)
