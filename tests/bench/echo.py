"""A bare grpc.aio server that answers every request of any method with the same bytes: the limit to be measured by.

Arguments: the file with the response. Prints the port.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

import grpc


class _Echo(grpc.GenericRpcHandler):
    def __init__(self, response: bytes) -> None:
        async def answer(_request: bytes, _context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
            return response

        self._handler: grpc.RpcMethodHandler[Any, Any] = grpc.unary_unary_rpc_method_handler(answer)

    def service(self, _details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any]":
        return self._handler


async def main(response: bytes) -> None:
    """Serve until killed."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_Echo(response),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"127.0.0.1:{port}\n")
    sys.stdout.flush()
    await server.wait_for_termination()


asyncio.run(main(Path(sys.argv[1]).read_bytes()))
