"""Connecting to an adapter over TLS: who may be asked, and who asks."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from leadline_server.crm.remote.adapter_type import remote_crm
from leadline_server.domain.crm_errors import CrmUnavailable
from support.scripted_adapters import scripted_adapter


class Authority:
    """A certificate authority of a test, and what it signs."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test")])
        self._certificate = self._sign(self._key, self._name, x509.BasicConstraints(ca=True, path_length=None))

    @property
    def pem(self) -> bytes:
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, *names: str) -> tuple[bytes, bytes]:
        """A private key and its certificate for names and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
        certificate = self._sign(key, x509.Name([]), alternatives)
        plain = serialization.NoEncryption()
        form = serialization.PrivateFormat.PKCS8
        return (
            key.private_bytes(serialization.Encoding.PEM, form, plain),
            certificate.public_bytes(serialization.Encoding.PEM),
        )

    def _sign(self, key: ec.EllipticCurvePrivateKey, subject: x509.Name, extension: Any) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        is_critical = not subject.rdns or isinstance(extension, x509.BasicConstraints)
        return builder.add_extension(extension, critical=is_critical).sign(self._key, hashes.SHA256())


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


async def test_an_encrypted_adapter_is_known_by_its_authority(authority: Authority, tmp_path: Path) -> None:
    key, certificate = authority.issue("127.0.0.1")
    ca, stranger = tmp_path / "ca.pem", tmp_path / "stranger.pem"
    ca.write_bytes(authority.pem)
    stranger.write_bytes(Authority().pem)
    credentials = grpc.ssl_server_credentials([(key, certificate)])
    async with scripted_adapter(credentials) as adapter:
        async with remote_crm(adapter.address, tls=True, ca=ca, token="t") as crm:
            await crm.check()
        for wrong in (
            {"tls": True, "ca": stranger},
            {"tls": True},
            {},
            {"tls": True, "ca": ca, "server_name": "x.example"},
        ):
            async with remote_crm(adapter.address, deadline=2.0, **wrong) as crm:
                with pytest.raises(CrmUnavailable):
                    await crm.check()


async def test_leadline_shows_its_own_certificate_where_it_has_one(authority: Authority, tmp_path: Path) -> None:
    key, certificate = authority.issue("adapter.example")
    own_key, own_certificate = authority.issue("leadline.example")
    for name, content in {"ca": authority.pem, "own": own_certificate, "key": own_key}.items():
        (tmp_path / name).write_bytes(content)
    credentials = grpc.ssl_server_credentials([(key, certificate)], authority.pem, require_client_auth=True)
    secure: dict[str, Any] = {"tls": True, "ca": tmp_path / "ca", "server_name": "adapter.example"}
    shown: dict[str, Any] = {"client_certificate": tmp_path / "own", "client_key": {"file": str(tmp_path / "key")}}
    async with scripted_adapter(credentials) as adapter:
        async with remote_crm(adapter.address, **secure, **shown) as crm:
            await crm.check()
        async with remote_crm(adapter.address, deadline=2.0, **secure) as crm:
            with pytest.raises(CrmUnavailable):
                await crm.check()
