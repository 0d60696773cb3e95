"""TLS on all three ports: real handshakes, certificates that change, and client certificates."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from grpc_health.v1 import health_pb2, health_pb2_grpc
from leadline_server.transport.addresses import listen
from leadline_server.transport.certificates import UnusableCertificate
from leadline_server.transport.tls import ServerCertificate
from leadline_server.transport.tls_port import TlsPort
from prometheus_client import CollectorRegistry, generate_latest
from support.certificates import Authority
from support.certificates import replace as put
from transport.tls_ports import channel_credentials, client_context, files_of, get, health, peer_serial, serving


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


async def test_all_ports_serve_by_tls(authority: Authority) -> None:
    async with serving(files_of(authority.issue("server", "localhost"))) as served:
        context = client_context(authority.file)
        assert await health(served.grpc_port, authority.file) == health_pb2.HealthCheckResponse.SERVING
        assert b" 200 " in await get(served.http_port, "/openapi.json", context)
        assert b" 200 " in await get(served.metrics_port, "/metrics", context)


async def test_a_new_certificate_serves_new_connections_at_once_and_old_ones_go_on(authority: Authority) -> None:
    async with serving(files_of(authority.issue("server", "localhost"))) as served:
        context = client_context(authority.file)
        credentials = channel_credentials(authority.file)
        async with grpc.aio.secure_channel(f"localhost:{served.grpc_port}", credentials) as channel:
            stub = health_pb2_grpc.HealthStub(channel)  # type: ignore[no-untyped-call] # ships no types
            await stub.Check(health_pb2.HealthCheckRequest(), timeout=10)
            before = await peer_serial(served.http_port, context)
            authority.issue("server", "localhost")
            after = await peer_serial(served.http_port, context)
            assert after != before
            assert await peer_serial(served.metrics_port, context) == after
            assert await health(served.grpc_port, authority.file) == health_pb2.HealthCheckResponse.SERVING
            await stub.Check(health_pb2.HealthCheckRequest(), timeout=10)
        assert served.certificate.failures == 0


@pytest.mark.parametrize("broken", ["no PEM", "another key", "missing"])
async def test_a_broken_change_is_counted_once_and_the_old_certificate_goes_on(
    authority: Authority, broken: str
) -> None:
    pair = authority.issue("server", "localhost")
    other = authority.issue("other", "localhost")
    async with serving(files_of(pair)) as served:
        context = client_context(authority.file)
        before = await peer_serial(served.http_port, context)
        if broken == "missing":
            pair.certificate.unlink()
        else:
            put(pair.key, other.key.read_bytes() if broken == "another key" else b"no PEM")
        for _ in range(3):
            assert await peer_serial(served.http_port, context) == before
            assert await health(served.grpc_port, authority.file) == health_pb2.HealthCheckResponse.SERVING
        assert served.certificate.failures == 1
        assert b"leadline_certificate_reload_failures_total 1.0" in generate_latest(served.registry)
        authority.issue("server", "localhost")
        assert await peer_serial(served.http_port, context) != before


async def test_with_a_ca_of_clients_grpc_and_metrics_need_a_client_certificate(authority: Authority) -> None:
    client, stranger = authority.issue("client", "client.example"), Authority(authority.file.parent / "other")
    foreign = stranger.issue("client", "client.example")
    async with serving(files_of(authority.issue("server", "localhost"), authority.file)) as served:
        assert await health(served.grpc_port, authority.file, client) == health_pb2.HealthCheckResponse.SERVING
        assert b" 200 " in await get(served.metrics_port, "/metrics", client_context(authority.file, client))
        assert b" 200 " in await get(served.http_port, "/openapi.json", client_context(authority.file))
        for wrong in (None, foreign):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await health(served.grpc_port, authority.file, wrong)
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
            with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
                assert await get(served.metrics_port, "/metrics", client_context(authority.file, wrong)) != b""
        with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
            assert await get(served.http_port, "/openapi.json", client_context(authority.file, foreign)) != b""


async def test_a_new_ca_of_clients_is_taken_over(authority: Authority, tmp_path: Path) -> None:
    accepted, next_one = tmp_path / "clients.pem", Authority(tmp_path / "next")
    put(accepted, authority.file.read_bytes())
    old, new = authority.issue("client", "client.example"), next_one.issue("client", "client.example")
    async with serving(files_of(authority.issue("server", "localhost"), accepted)) as served:
        assert await health(served.grpc_port, authority.file, old) == health_pb2.HealthCheckResponse.SERVING
        put(accepted, next_one.file.read_bytes())
        assert await health(served.grpc_port, authority.file, new) == health_pb2.HealthCheckResponse.SERVING
        assert b" 200 " in await get(served.metrics_port, "/metrics", client_context(authority.file, new))
        with pytest.raises(grpc.aio.AioRpcError):
            await health(served.grpc_port, authority.file, old)
        with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
            assert await get(served.metrics_port, "/metrics", client_context(authority.file, old)) != b""


async def test_the_lowest_version_of_http_and_metrics_is_a_setting(authority: Authority) -> None:
    old = client_context(authority.file)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    files = files_of(authority.issue("server", "localhost"))
    async with serving(files) as served:
        assert b" 200 " in await get(served.http_port, "/openapi.json", old)
    async with serving(files, "1.3") as served:
        for port in (served.http_port, served.metrics_port):
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await get(port, "/metrics", old)
        assert b" 200 " in await get(served.metrics_port, "/metrics", client_context(authority.file))


def test_files_that_cannot_be_used_are_named(authority: Authority, tmp_path: Path) -> None:
    pair, other = authority.issue("server"), authority.issue("other")
    text = tmp_path / "text"
    text.write_text("no PEM", encoding="utf-8")
    good = files_of(pair)
    wrong = {
        "No such file": replace(good, certificate=tmp_path / "missing"),
        "the key is another certificate's": replace(good, key=other.key),
        "it is no PEM": replace(good, certificate=text),
        str(text): replace(good, client_ca=text),
    }
    for said, files in wrong.items():
        with pytest.raises(UnusableCertificate, match=said):
            ServerCertificate(files)


def test_an_encrypted_key_is_refused_without_asking_for_its_password(authority: Authority) -> None:
    pair = authority.issue("server", "localhost")
    key = load_pem_private_key(pair.key.read_bytes(), None)
    put(pair.key, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
    with pytest.raises(UnusableCertificate, match=r"server\.pem"):
        ServerCertificate(files_of(pair))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_no_session_is_resumed_so_that_every_connection_has_its_certificate_checked(
    authority: Authority, version: ssl.TLSVersion
) -> None:
    pair, client = authority.issue("server", "localhost"), authority.issue("client", "client.example")
    context = client_context(authority.file, client)
    context.maximum_version = version
    async with serving(files_of(pair, authority.file)) as served:
        first = await asyncio.to_thread(_visit, served.metrics_port, context, None)
        again = await asyncio.to_thread(_visit, served.metrics_port, context, first.session)
    assert (first.version, again.is_resumed) == (version.name.replace("_", "."), False)


class Visit(NamedTuple):
    """A connection that read an answer."""

    version: str
    session: ssl.SSLSession | None
    is_resumed: bool


def _visit(port: int, context: ssl.SSLContext, session: ssl.SSLSession | None) -> Visit:
    with (
        socket.create_connection(("127.0.0.1", port), 10) as plain,
        context.wrap_socket(plain, server_hostname="localhost", session=session) as secured,
    ):
        secured.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert secured.recv(100)
        return Visit(secured.version() or "", secured.session, secured.session_reused is True)


def test_the_expiry_is_a_metric(authority: Authority) -> None:
    registry = CollectorRegistry()
    registry.register(ServerCertificate(files_of(authority.issue("server", lasts=timedelta(days=-1)))))
    shown = registry.get_sample_value("leadline_certificate_expiry_seconds")
    assert shown is not None
    assert shown > 0


async def test_a_peer_that_does_not_shake_hands_is_hung_up_on(authority: Authority) -> None:
    tls = tls_port(authority, seconds=0.2)
    async with echo(tls) as port:
        reader, writer = await asyncio.open_connection("localhost", port, family=2)
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()
    assert (tls.handshakes, tls.failed) == (0, 1)


async def test_too_many_handshakes_end_the_oldest_and_honest_clients_get_in(authority: Authority) -> None:
    tls = tls_port(authority, seconds=60.0, most=3)
    async with echo(tls) as port, AsyncExitStack() as stack:
        idle = []
        for _ in range(5):
            reader, writer = await asyncio.open_connection("localhost", port, family=2)
            stack.callback(writer.close)
            idle.append(reader)
            await until(lambda: tls.handshakes > 0)
        assert await asyncio.wait_for(idle[0].read(), 10) == b""
        assert tls.handshakes <= 3
        reader, writer = await asyncio.open_connection("localhost", port, ssl=client_context(authority.file), family=2)
        stack.callback(writer.close)
        writer.write(b"hello")
        assert await asyncio.wait_for(reader.readexactly(5), 10) == b"hello"
        assert not idle[-1].at_eof()


async def test_data_that_comes_with_the_end_of_the_handshake_is_kept(authority: Authority) -> None:
    """A client of TLS 1.3 may send its first request in the same packet as its part of the handshake."""
    tls = tls_port(authority)
    async with echo(tls) as port:
        reader, writer = await asyncio.open_connection("localhost", port, family=2)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = client_context(authority.file).wrap_bio(incoming, outgoing, server_hostname="localhost")
        with pytest.raises(ssl.SSLWantReadError):
            client.do_handshake()
        writer.write(outgoing.read())
        while True:
            incoming.write(await asyncio.wait_for(reader.read(65536), 10))
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                continue
        client.write(b"early")
        writer.write(outgoing.read())  # the handshake's last part and the data, in one write
        answered = b""
        while not answered:
            incoming.write(await asyncio.wait_for(reader.read(65536), 10))
            try:
                answered = client.read()
            except ssl.SSLWantReadError:
                continue
        assert answered == b"early"
        writer.close()


def tls_port(authority: Authority, **bounds: Any) -> TlsPort:
    pair = authority.issue("server", "localhost")

    def context() -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(pair.certificate, pair.key)
        return made

    return TlsPort(context, **bounds)


class Echo(asyncio.Protocol):
    """Sends back what comes."""

    transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc


@asynccontextmanager
async def echo(tls: TlsPort) -> AsyncIterator[int]:
    listener = listen("127.0.0.1:0")
    async with tls.accepting(listener, Echo):
        yield int(listener.getsockname()[1])


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)
