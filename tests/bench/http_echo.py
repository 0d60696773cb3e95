"""A bare connectrpc server that reads every FindContact request, and answers with the same response.

It is the limit that JSON over HTTP is measured by: uvicorn with httptools on uvloop, as leadline runs it, and
connectrpc's own codecs for google.protobuf messages.

Arguments: the file with the response as protobuf bytes. Prints the address.
"""

import socket
import sys
from pathlib import Path
from typing import Any

import uvicorn
import uvloop
from connectrpc.compat import google_protobuf_codecs
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from connectrpc.server import ConnectASGIApplication, Endpoint
from leadline.v1.contact_service_pb2 import FindContactRequest, FindContactResponse

from bench.workload import FIND


class _Echo(ConnectASGIApplication[None]):
    """FindContact, with one response."""

    def __init__(self, response: FindContactResponse) -> None:
        async def answer(_request: FindContactRequest, _context: Any) -> FindContactResponse:
            return response

        info: MethodInfo[Any, Any] = MethodInfo(
            name="FindContact",
            service_name="leadline.v1.ContactService",
            input=FindContactRequest,
            output=FindContactResponse,
            idempotency_level=IdempotencyLevel.UNKNOWN,
            stream_type=StreamType.UNARY,
        )
        endpoints = {FIND: Endpoint.unary(info, answer)}
        super().__init__(service=None, endpoints=lambda _: endpoints, codecs=google_protobuf_codecs())

    @property
    def path(self) -> str:
        """Empty: the path of the RPC is whole."""
        return ""


async def main(response: FindContactResponse) -> None:
    """Serve until killed."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        _Echo(response), http="httptools", ws="none", lifespan="off", log_config=None, access_log=False
    )
    sys.stdout.write(f"127.0.0.1:{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    await uvicorn.Server(config).serve(sockets=[listener])


if __name__ == "__main__":
    uvloop.run(main(FindContactResponse.FromString(Path(sys.argv[1]).read_bytes())))
