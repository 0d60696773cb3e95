"""Client certificates as credentials, over gRPC and HTTP, and those that a trusted proxy tells."""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from leadline.v1 import call_log_service_pb2, contact_service_pb2
from leadline_server.app import App, open_app
from leadline_server.auth.certificate_names import certificate_end
from leadline_server.config import Settings
from leadline_server.config_tables import AccountConfig
from leadline_server.domain.access.principals import Role
from leadline_server.http.server import HttpOptions, http_server
from leadline_server.listeners import TlsFiles
from leadline_server.transport.client_cas import ClientCaWatch
from leadline_server.transport.connections import ConnectionLimits
from leadline_server.transport.server import Server
from leadline_server.transport.tls import ServerCertificate
from prometheus_client import CollectorRegistry
from support.access import ISSUER, OWN, bearer, wish
from support.certificates import Authority, Pair
from support.certificates import replace as put

FIND = "/leadline.v1.ContactService/FindContact"
WATCH = "/leadline.v1.CallLogService/WatchCallLogs"
PBX, EDGE = "spiffe://mesh/pbx", "edge.mesh"
FORWARDED = f"By=spiffe://mesh/leadline;URI={PBX}"


@dataclass(frozen=True)
class Mutual:
    """A server that finds principals by client certificates; its proxy has the name EDGE."""

    app: App
    authority: Authority
    grpc_port: int
    http_port: int
    client_ca: Path
    watch: ClientCaWatch

    async def by_grpc(self, client: Pair, **headers: str) -> str:
        """The status of a FindContact over a new gRPC connection."""
        metadata = [(name.replace("_", "-"), value) for name, value in headers.items()]
        request = contact_service_pb2.FindContactRequest(account_id=OWN, phone_numbers=["+12025550147"])
        async with grpc.aio.secure_channel(
            f"localhost:{self.grpc_port}", credentials(self.authority, client)
        ) as channel:
            call: Any = channel.unary_unary(FIND)
            try:
                await call(request.SerializeToString(), metadata=metadata, timeout=10.0)
            except grpc.aio.AioRpcError as error:
                return error.code().name
        return "OK"

    async def by_http(self, client: Pair | None, **headers: str) -> int:
        """The status of a FindContact as JSON over a new connection."""
        context = client_context(self.authority, client)
        reader, writer = await asyncio.open_connection("localhost", self.http_port, ssl=context, family=2)
        try:
            body = json.dumps({"account_id": OWN, "phone_numbers": ["+12025550147"]})
            given = {"Host": f"localhost:{self.http_port}", "Content-Type": "application/json"}
            given |= {
                "Content-Length": str(len(body)),
                **{name.replace("_", "-"): text for name, text in headers.items()},
            }
            writer.write(f"POST {FIND} HTTP/1.1\r\n{_lines(given)}\r\n{body}".encode())
            return int((await asyncio.wait_for(reader.readline(), 10)).split()[1])
        finally:
            writer.close()


def _lines(headers: Mapping[str, str]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())


def credentials(authority: Authority, client: Pair) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(
        authority.file.read_bytes(), client.key.read_bytes(), client.certificate.read_bytes()
    )


def client_context(authority: Authority, client: Pair | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority.file)
    if client is not None:
        context.load_cert_chain(client.certificate, client.key)
    return context


@pytest.fixture
async def mutual(tmp_path: Path) -> AsyncIterator[Mutual]:
    async with opened(tmp_path) as served:
        yield served


@asynccontextmanager
async def opened(folder: Path, connections: ConnectionLimits | None = None) -> AsyncIterator[Mutual]:
    authority, registry = Authority(folder / "ca"), CollectorRegistry()
    pair = authority.issue("server", "localhost")
    client_ca = folder / "clients.pem"
    client_ca.write_bytes(authority.file.read_bytes())
    certificate = ServerCertificate(TlsFiles(certificate=pair.certificate, key=pair.key, client_ca=client_ca))
    settings = Settings(data_dir=folder / "data", authentication=True, accounts={OWN: AccountConfig()}, tls_proxy=EDGE)
    async with open_app(settings, registry=registry) as app:
        server = Server(app.commands, registry, connections=connections, authenticator=app.authenticator)
        port = server.bind("127.0.0.1:0", certificate.grpc_credentials())
        options = HttpOptions(tls=certificate.port())
        await server.start()
        async with http_server("127.0.0.1:0", server.methods, cast("Any", None), options) as http_port:
            await app.commands.keys.issue(wish(Role.SERVICE, certificate_name=f"URI:{PBX}"), ISSUER)
            watch = ClientCaWatch(certificate.client_cas, server.ids, certificate.ports, again_seconds=0.1)
            watching = asyncio.create_task(watch.run())
            try:
                yield Mutual(app, authority, port, http_port, client_ca, watch)
            finally:
                watching.cancel()
        await server.drain(0)


async def test_a_certificates_name_is_a_credential_over_grpc_and_http(mutual: Mutual) -> None:
    pbx, stranger = mutual.authority.issue("pbx", PBX), mutual.authority.issue("stranger", "spiffe://mesh/other")
    assert (await mutual.by_grpc(pbx), await mutual.by_http(pbx)) == ("OK", 200)
    assert (await mutual.by_grpc(stranger), await mutual.by_http(stranger)) == ("UNAUTHENTICATED", 401)
    assert await mutual.by_http(None) == 401


async def test_the_proxy_tells_its_clients_names_and_nobody_else_does(mutual: Mutual) -> None:
    edge, stranger = mutual.authority.issue("edge", EDGE), mutual.authority.issue("stranger", "spiffe://mesh/other")
    told = {"x_forwarded_client_cert": FORWARDED}
    assert (await mutual.by_grpc(edge, **told), await mutual.by_http(edge, **told)) == ("OK", 200)
    assert (await mutual.by_grpc(stranger, **told), await mutual.by_http(stranger, **told)) == ("UNAUTHENTICATED", 401)
    assert await mutual.by_http(None, **told) == 401
    assert (await mutual.by_grpc(edge), await mutual.by_http(edge)) == ("UNAUTHENTICATED", 401)
    other = {"x_forwarded_client_cert": f"URI={PBX},URI=spiffe://mesh/other"}
    assert await mutual.by_grpc(edge, **other) == "UNAUTHENTICATED"


async def test_a_revoked_name_is_refused_on_an_open_connection(mutual: Mutual) -> None:
    pbx = mutual.authority.issue("pbx", PBX)
    request = contact_service_pb2.FindContactRequest(account_id=OWN, phone_numbers=["+12025550147"]).SerializeToString()
    async with grpc.aio.secure_channel(f"localhost:{mutual.grpc_port}", credentials(mutual.authority, pbx)) as channel:
        call: Any = channel.unary_unary(FIND)
        await call(request, timeout=10.0)
        [key] = (await mutual.app.commands.keys.list(OWN, 10, "")).keys
        await mutual.app.commands.keys.revoke(OWN, key.key_id)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(request, timeout=10.0)
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_an_expired_certificate_is_refused_on_open_connections_and_ends_watches(mutual: Mutual) -> None:
    pbx = mutual.authority.issue("pbx", PBX, lasts=timedelta(seconds=4))
    request = contact_service_pb2.FindContactRequest(account_id=OWN, phone_numbers=["+12025550147"]).SerializeToString()
    body = json.dumps({"account_id": OWN, "phone_numbers": ["+12025550147"]})
    asking = f"POST {FIND} HTTP/1.1\r\nHost: localhost:{mutual.http_port}\r\nContent-Type: application/json\r\n"
    asking += f"Content-Length: {len(body)}\r\n\r\n{body}"
    async with grpc.aio.secure_channel(f"localhost:{mutual.grpc_port}", credentials(mutual.authority, pbx)) as channel:
        call: Any = channel.unary_unary(FIND)
        stream: Any = channel.unary_stream(WATCH)
        watch = stream(call_log_service_pb2.WatchCallLogsRequest(account_id=OWN).SerializeToString())
        async with open_page(mutual, pbx) as (reader, writer):
            await call(request, timeout=10.0)
            await watch.read()
            writer.write(asking.encode())
            assert b" 200 " in await reader.readline()
            with pytest.raises(grpc.aio.AioRpcError) as ended:
                await asyncio.wait_for(watch.read(), 20)
            late = time.time() - certificate_end({"x509_pem_cert": [pbx.certificate.read_bytes()]})
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call(request, timeout=10.0)
            await reader.readuntil(b"}")
            writer.write(asking.encode())
            while not (line := await asyncio.wait_for(reader.readline(), 10)).startswith(b"HTTP/1.1"):
                pass
    assert b" 401 " in line
    assert {ended.value.code(), refused.value.code()} == {grpc.StatusCode.UNAUTHENTICATED}
    assert "certificate has expired" in (refused.value.details() or "")
    assert 0.0 <= late < 2.0


async def test_a_key_is_served_after_its_connections_certificate_expired_until_the_connection_is_too_old(
    tmp_path: Path,
) -> None:
    """Decision 73. gRPC ends a connection up to a tenth later than `age_seconds`, and the next handshake fails."""
    loop = asyncio.get_running_loop()
    async with opened(tmp_path, ConnectionLimits(age_seconds=7.0, age_grace_seconds=1.0)) as mutual:
        issued = await mutual.app.commands.keys.issue(wish(Role.SERVICE), ISSUER)
        other = mutual.authority.issue("other", "spiffe://mesh/other", lasts=timedelta(seconds=4))
        expires = certificate_end({"x509_pem_cert": [other.certificate.read_bytes()]})
        async with open_call(mutual, other, issued.secret) as call:
            assert await call() == "OK"
            began, served_late, last = loop.time(), 0, 0.0
            async with asyncio.timeout(60):
                while True:
                    is_late, asked = time.time() > expires, loop.time()
                    status = await call()
                    if status != "OK":
                        break
                    last, served_late = asked, served_late + is_late
                    await asyncio.sleep(0.05)
            assert served_late > 0
            assert is_late
            assert status == "UNAVAILABLE"
            assert last - began < 7.0 * 1.1 + 1.0
            assert await call() == "UNAVAILABLE"


async def test_connections_of_a_ca_that_is_taken_out_are_ended_and_others_stay(mutual: Mutual, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other", "Other CA")
    put(mutual.client_ca, mutual.authority.file.read_bytes() + other.file.read_bytes())
    old, new = mutual.authority.issue("old", PBX), other.issue("new", PBX)
    async with AsyncExitStack() as stack:
        calls = [await stack.enter_async_context(open_call(mutual, client)) for client in (old, new)]
        pages = [(await stack.enter_async_context(open_page(mutual, client)))[0] for client in (old, new, None)]
        assert [await call() for call in calls] == ["OK", "OK"]
        put(mutual.client_ca, other.file.read_bytes())
        began = asyncio.get_running_loop().time()
        assert await asyncio.wait_for(pages[0].read(), 10) == b""
        async with asyncio.timeout(10):
            while await calls[0]() != "UNAVAILABLE":
                await asyncio.sleep(0.01)
        assert asyncio.get_running_loop().time() - began < 2.0
        assert await calls[1]() == "OK"
        assert not any(page.at_eof() for page in pages[1:])
        assert mutual.watch.ended == 2


@asynccontextmanager
async def open_call(mutual: Mutual, client: Pair, key: str = "") -> AsyncIterator[Callable[[], Awaitable[str]]]:
    """A function that asks again and again on one channel, and returns the status. `key`: an API key to send."""
    request = contact_service_pb2.FindContactRequest(account_id=OWN, phone_numbers=["+12025550147"]).SerializeToString()
    secured = credentials(mutual.authority, client)
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.secure_channel(f"localhost:{mutual.grpc_port}", secured, options) as channel:
        call: Any = channel.unary_unary(FIND)

        async def ask() -> str:
            try:
                await call(request, metadata=bearer(key or None), timeout=10.0)
            except grpc.aio.AioRpcError as error:
                return error.code().name
            return "OK"

        yield ask


@asynccontextmanager
async def open_page(
    mutual: Mutual, client: Pair | None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """An open connection of the HTTP port that was answered once."""
    context = client_context(mutual.authority, client)
    reader, writer = await asyncio.open_connection("localhost", mutual.http_port, ssl=context, family=2)
    try:
        writer.write(f"GET /x HTTP/1.1\r\nHost: localhost:{mutual.http_port}\r\n\r\n".encode())
        assert await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        yield reader, writer
    finally:
        writer.close()
