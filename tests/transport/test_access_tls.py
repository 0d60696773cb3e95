"""Client certificates as credentials: their URI and DNS names, over real TLS."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from leadline.v1 import contact_service_pb2
from leadline_server.domain.access.principals import Role
from leadline_server.transport.server import Server
from prometheus_client import CollectorRegistry
from support.access import OTHER, OWN, Guarded, bearer, guarded
from transport.serving import read_refusal

FIND: Final = "/leadline.v1.ContactService/FindContact"
DAY: Final = timedelta(days=1)


class Authority:
    """A certificate authority for one test."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test authority")])
        self.certificate = self._signed(self._name, self._key, [], is_authority=True)

    def issue(self, common_name: str, *names: x509.GeneralName) -> tuple[bytes, bytes]:
        """A private key and its certificate, in PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return private, self._signed(subject, key, list(names), is_authority=False)

    def _signed(self, subject: x509.Name, key: Any, names: list[x509.GeneralName], *, is_authority: bool) -> bytes:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + DAY)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Guarded]:
    async with guarded(tmp_path) as server:
        yield server


async def find(served: Guarded, authority: Authority, client: tuple[bytes, bytes], account: str, key: str = "") -> str:
    """The status of a lookup over TLS with a client certificate."""
    server = Server(served.app.commands, CollectorRegistry(), authenticator=served.app.authenticator)
    own = authority.issue("localhost", x509.DNSName("localhost"))
    credentials = grpc.ssl_server_credentials([own], authority.certificate, require_client_auth=True)
    port = server._server.add_secure_port("127.0.0.1:0", credentials)  # noqa: SLF001 - the certificates are of this test
    await server.start()
    channel_credentials = grpc.ssl_channel_credentials(authority.certificate, *client)
    options = [("grpc.ssl_target_name_override", "localhost")]
    request = contact_service_pb2.FindContactRequest(account_id=account, phone_numbers=["+12025550147"])
    try:
        async with grpc.aio.secure_channel(f"127.0.0.1:{port}", channel_credentials, options) as channel:
            call: Any = channel.unary_unary(FIND)
            await call(request.SerializeToString(), metadata=bearer(key or None), timeout=10.0)
            return "OK"
    except grpc.aio.AioRpcError as error:
        return str(read_refusal(error).info.reason)
    finally:
        await server.drain(0.1)


@pytest.mark.parametrize(
    ("name", "general"),
    [
        ("URI:spiffe://acme/pbx", x509.UniformResourceIdentifier("spiffe://acme/pbx")),
        ("DNS:pbx.acme.example", x509.DNSName("pbx.acme.example")),
    ],
)
async def test_a_certificate_is_accepted_by_its_name_until_that_is_revoked(
    served: Guarded, authority: Authority, name: str, general: x509.GeneralName
) -> None:
    issued = await served.issue(Role.SERVICE, certificate_name=name)
    client = authority.issue("anything", general)
    assert await find(served, authority, client, OWN) == "OK"
    assert await find(served, authority, client, OTHER) == "ACCOUNT_NOT_FOUND"
    await served.app.commands.keys.revoke(OWN, issued.key.key_id)
    assert await find(served, authority, client, OWN) == "UNAUTHENTICATED"


async def test_a_common_name_and_another_kind_of_name_do_not_count(served: Guarded, authority: Authority) -> None:
    await served.issue(Role.SERVICE, certificate_name="DNS:pbx.acme.example")
    for client in (
        authority.issue("pbx.acme.example"),
        authority.issue("x", x509.UniformResourceIdentifier("https://pbx.acme.example")),
        authority.issue("x", x509.DNSName("xpbx.acme.example")),
    ):
        assert await find(served, authority, client, OWN) == "UNAUTHENTICATED"


async def test_a_key_comes_before_the_certificate(served: Guarded, authority: Authority) -> None:
    await served.issue(Role.SERVICE, certificate_name="DNS:pbx.acme.example")
    client = authority.issue("x", x509.DNSName("pbx.acme.example"))
    assert await find(served, authority, client, OTHER, await served.key(Role.SERVICE, OTHER)) == "OK"
    assert await find(served, authority, client, OWN, "leadline_0123456789abcdef_" + "A" * 43) == "UNAUTHENTICATED"
