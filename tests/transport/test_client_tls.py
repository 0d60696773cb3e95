"""The Python client over TLS, by real handshakes, and what it does when its files change."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from leadline import AsyncClient, Client, Tls, _connection, errors
from leadline.v1 import contact_service_pb2 as contacts_pb
from leadline.v1.call_log_service_pb2 import WatchCallLogsRequest, WatchCallLogsResponse
from support.certificates import Authority, Pair

LOCALHOST = "localhost"


class Door:
    """A server with one lookup and one watch; it keeps the names in its clients' certificates."""

    def __init__(self) -> None:
        self.names: list[bytes] = []
        self.watches = 0

    async def find(self, _: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        self.names.append(*context.auth_context().get("x509_common_name", [b""]))
        return contacts_pb.FindContactResponse()

    async def watch(self, _: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        self.watches += 1
        await context.write(WatchCallLogsResponse(resume_token=f"t{self.watches}"))
        await asyncio.Event().wait()


@asynccontextmanager
async def door(served: Pair, authority: Authority | None = None) -> AsyncIterator[tuple[Door, int]]:
    it, server = Door(), grpc.aio.server()
    handlers: dict[str, Any] = {
        "FindContact": grpc.unary_unary_rpc_method_handler(
            it.find, contacts_pb.FindContactRequest.FromString, lambda answer: answer.SerializeToString()
        )
    }
    watch: Any = grpc.unary_stream_rpc_method_handler(
        it.watch, WatchCallLogsRequest.FromString, lambda answer: answer.SerializeToString()
    )
    server.add_generic_rpc_handlers(
        [
            grpc.method_handlers_generic_handler("leadline.v1.ContactService", handlers),
            grpc.method_handlers_generic_handler("leadline.v1.CallLogService", {"WatchCallLogs": watch}),
        ]
    )
    port = server.add_secure_port("127.0.0.1:0", _credentials(served, authority))
    await server.start()
    try:
        yield it, port
    finally:
        await server.stop(None)


def _credentials(served: Pair, authority: Authority | None) -> grpc.ServerCredentials:
    """Those of a server that asks for client certificates of a CA, if there is one."""
    pair = (served.key.read_bytes(), served.certificate.read_bytes())
    root = None if authority is None else authority.file.read_bytes()
    return grpc.ssl_server_credentials([pair], root, require_client_auth=root is not None)


async def test_a_ca_file_is_all_that_tls_needs(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with door(authority.issue("server")) as (it, port):
        async with AsyncClient(f"{LOCALHOST}:{port}", account="demo", tls=Tls(ca=authority.file)) as client:
            await client.find_contact("+14155550123")
        assert it.names == [b""]


async def test_a_server_of_another_ca_is_refused(tmp_path: Path) -> None:
    served, other = Authority(tmp_path / "a").issue("server"), Authority(tmp_path / "b")
    async with (
        door(served) as (it, port),
        AsyncClient(f"{LOCALHOST}:{port}", account="demo", tls=Tls(ca=other.file), timeout=3) as client,
    ):
        with pytest.raises(errors.LeadlineError) as raised:
            await client.find_contact("+14155550123")
        assert raised.value.code in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}
        assert it.names == []


async def test_the_server_s_name_can_be_another_than_its_address(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls = Tls(ca=authority.file, server_name="leadline.acme")
    async with (
        door(authority.issue("server", "leadline.acme")) as (it, port),
        AsyncClient(f"127.0.0.1:{port}", account="demo", tls=tls) as client,
    ):
        await client.find_contact("+14155550123")
        assert len(it.names) == 1


async def test_a_new_client_certificate_is_shown_on_a_new_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leadline._connection._LOOK_SECONDS", 0.0)
    authority = Authority(tmp_path)
    old, new = authority.issue("old"), authority.issue("new")
    tls = Tls(ca=authority.file, certificate=tmp_path / "own.pem", key=tmp_path / "own.key")
    _put(old, tmp_path)
    async with (
        door(authority.issue("server"), authority) as (it, port),
        AsyncClient(f"{LOCALHOST}:{port}", account="demo", tls=tls) as client,
    ):
        await client.find_contact("+14155550123")
        _put(new, tmp_path)
        await client.find_contact("+14155550123")
        assert it.names == [b"old", b"new"]


async def test_the_files_are_not_looked_at_more_than_once_in_that_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _connection._LOOK_SECONDS == 1.0  # noqa: SLF001 - its length is promised
    monkeypatch.setattr(_connection, "_LOOK_SECONDS", 3600.0)
    authority = Authority(tmp_path)
    tls = Tls(ca=authority.file, certificate=tmp_path / "own.pem", key=tmp_path / "own.key")
    _put(authority.issue("old"), tmp_path)
    async with (
        door(authority.issue("server"), authority) as (it, port),
        AsyncClient(f"{LOCALHOST}:{port}", account="demo", tls=tls) as client,
    ):
        await client.find_contact("+14155550123")
        _put(authority.issue("new"), tmp_path)
        await client.find_contact("+14155550123")
        assert it.names == [b"old", b"old"]


async def test_files_that_cannot_be_used_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leadline._connection._LOOK_SECONDS", 0.0)
    authority = Authority(tmp_path)
    own = authority.issue("own")
    tls = Tls(ca=authority.file, certificate=own.certificate, key=own.key)
    async with (
        door(authority.issue("server"), authority) as (it, port),
        AsyncClient(f"{LOCALHOST}:{port}", account="demo", tls=tls) as client,
    ):
        for broken in (b"", b"no certificate", authority.issue("other").certificate.read_bytes()):
            own.certificate.write_bytes(broken)
            await client.find_contact("+14155550123")
        own.certificate.unlink()
        await client.find_contact("+14155550123")
        assert it.names == [b"own"] * 4


async def test_a_watch_goes_on_when_its_connection_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leadline._connection._LOOK_SECONDS", 0.0)
    monkeypatch.setattr("leadline._connection._RETIRE_SECONDS", 0.0)
    authority = Authority(tmp_path)
    _put(authority.issue("old"), tmp_path)
    tls = Tls(ca=authority.file, certificate=tmp_path / "own.pem", key=tmp_path / "own.key")
    async with (
        door(authority.issue("server"), authority) as (it, port),
        AsyncClient(f"{LOCALHOST}:{port}", account="demo", tls=tls, timeout=0.5) as client,
    ):
        watch = client.watch_call_logs()
        await watch.start()
        going_on = asyncio.create_task(watch.__anext__())
        _put(authority.issue("new"), tmp_path)
        await client.find_contact("+14155550123")
        async with asyncio.timeout(10):
            while it.watches < 2:
                await asyncio.sleep(0.01)
        assert not going_on.done()
        going_on.cancel()


def test_the_plain_client_takes_tls_too(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    served = authority.issue("server")

    async def ask() -> int:
        async with door(served) as (it, port):
            await asyncio.to_thread(_find, port, Tls(ca=authority.file))
            return len(it.names)

    assert asyncio.run(ask()) == 1


def _find(port: int, tls: Tls) -> None:
    with Client(f"{LOCALHOST}:{port}", account="demo", tls=tls) as client:
        client.find_contact("+14155550123")


@pytest.mark.parametrize("given", [{"certificate": "a.pem"}, {"key": "a.key"}])
def test_a_certificate_and_its_key_belong_together(given: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="needs its key"):
        Tls(**given)


def test_files_that_do_not_exist_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"ca\.pem"):
        AsyncClient("127.0.0.1:1", account="demo", tls=Tls(ca=tmp_path / "ca.pem"))


def test_credentials_and_tls_exclude_each_other(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with pytest.raises(ValueError, match="not both"):
        AsyncClient(
            "127.0.0.1:1", account="demo", credentials=grpc.ssl_channel_credentials(), tls=Tls(ca=authority.file)
        )


def _put(pair: Pair, folder: Path) -> None:
    """Make a certificate the client's own one."""
    (folder / "own.pem").write_bytes(pair.certificate.read_bytes())
    (folder / "own.key").write_bytes(pair.key.read_bytes())
