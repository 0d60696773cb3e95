"""A bare grpc.aio server that answers every request of any method with the same bytes: the limit to be measured by.

Arguments: the file with the response; optionally --uvloop, and the files of a certificate and its key. Prints the port.
"""

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any

import grpc
from leadline_server.scheduling import prefer_throughput


class _Echo(grpc.GenericRpcHandler):
    def __init__(self, response: bytes) -> None:
        async def answer(_request: bytes, _context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
            return response

        self._handler: grpc.RpcMethodHandler[Any, Any] = grpc.unary_unary_rpc_method_handler(answer)

    def service(self, _details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any]":
        return self._handler


async def main(response: bytes, certificate: list[Path]) -> None:
    """Serve until killed."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_Echo(response),))
    if certificate:
        chain, key = (file.read_bytes() for file in certificate)
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, chain)]))
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"127.0.0.1:{port}\n")
    sys.stdout.flush()
    await server.wait_for_termination()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("response", type=Path)
    parser.add_argument("--uvloop", action="store_true")
    parser.add_argument("--certificate", type=Path, nargs=2, default=[])
    options = parser.parse_args()
    prefer_throughput()  # as leadline does: the policy is the machine's, and not a merit of either
    serving = main(options.response.read_bytes(), options.certificate)
    if options.uvloop:
        import uvloop

        uvloop.run(serving)
    else:
        asyncio.run(serving)
