"""A server with TLS on all ports, and connections to it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from leadline_server.http.server import HttpOptions, http_server
from leadline_server.listeners import TlsFiles
from leadline_server.transport.metrics import metrics_endpoint
from leadline_server.transport.server import Server
from leadline_server.transport.tls import ServerCertificate
from prometheus_client import CollectorRegistry
from support.certificates import Pair
from transport.serving import fake_commands


@dataclass(frozen=True)
class Served:
    """The ports of a server with TLS, and its certificate."""

    certificate: ServerCertificate
    registry: CollectorRegistry
    grpc_port: int
    http_port: int
    metrics_port: int


@asynccontextmanager
async def serving(files: TlsFiles, minimum: str = "1.2") -> AsyncIterator[Served]:
    registry = CollectorRegistry()
    certificate = ServerCertificate(files, minimum)
    registry.register(certificate)
    server = Server(fake_commands(), registry)
    port = server.bind("127.0.0.1:0", certificate.grpc_credentials())
    needs_client = files.client_ca is not None
    metrics = metrics_endpoint(
        "127.0.0.1:0", registry, lambda: server.is_serving, certificate.port(needs_client=needs_client)
    )
    options = HttpOptions(tls=certificate.port())
    http = http_server("127.0.0.1:0", server.methods, cast("Any", None), options)
    await server.start()
    try:
        async with metrics as metrics_port, http as http_port:
            yield Served(certificate, registry, port, http_port, metrics_port)
    finally:
        await server.drain(0)


def files_of(pair: Pair, client_ca: Path | None = None) -> TlsFiles:
    return TlsFiles(certificate=pair.certificate, key=pair.key, client_ca=client_ca)


def client_context(ca: Path, client: Pair | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca)
    if client is not None:
        context.load_cert_chain(client.certificate, client.key)
    return context


async def peer_serial(port: int, context: ssl.SSLContext) -> str:
    """The serial number of the certificate that a port shows."""
    _, writer = await asyncio.open_connection("localhost", port, ssl=context, family=2)
    try:
        return str(writer.get_extra_info("peercert")["serialNumber"])
    finally:
        writer.close()


async def get(port: int, path: str, context: ssl.SSLContext) -> bytes:
    """The first line of the answer to a request."""
    reader, writer = await asyncio.open_connection("localhost", port, ssl=context, family=2)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode())
        return await asyncio.wait_for(reader.readline(), 10)
    finally:
        writer.close()


def channel_credentials(ca: Path, client: Pair | None = None) -> grpc.ChannelCredentials:
    own = (None, None) if client is None else (client.key.read_bytes(), client.certificate.read_bytes())
    return grpc.ssl_channel_credentials(ca.read_bytes(), *own)


async def health(port: int, ca: Path, client: Pair | None = None) -> int:
    """The status of the server by a new gRPC connection."""
    credentials = channel_credentials(ca, client)
    options = (("grpc.use_local_subchannel_pool", 1),)
    async with grpc.aio.secure_channel(f"localhost:{port}", credentials, options=options) as channel:
        stub = health_pb2_grpc.HealthStub(channel)  # type: ignore[no-untyped-call] # ships no types
        return int((await stub.Check(health_pb2.HealthCheckRequest(), timeout=10)).status)
