"""Reads the certificate files of a port, and checks that they fit together."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

MOST_BYTES: Final = 1_000_000
"""The most bytes of one file."""

MINIMUM_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class BadCertificate(Exception):
    """A file of a certificate cannot be used; the message names the file and the reason."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The files of a port's certificate.

    Attributes:
        certificate: PEM; the server's certificate first, then those of the intermediate CAs.
        key: the certificate's private key, PEM, not encrypted.
        client_ca: PEM; the CAs whose client certificates are accepted. None: clients need no certificate.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None

    @property
    def paths(self) -> Sequence[Path]:
        """The files that are set."""
        return [path for path in (self.certificate, self.key, self.client_ca) if path is not None]


@dataclass(frozen=True, slots=True, eq=False)
class TlsMaterial:
    """What the files hold.

    Attributes:
        certificate: the bytes of the certificate's file.
        key: the bytes of the key's file. It is left out of `repr`.
        client_ca: the bytes of the CAs' file; None: clients need no certificate.
        chain: the certificates of the certificate's file.
        client_cas: the certificates of the CAs' file.
    """

    certificate: bytes
    key: bytes
    client_ca: bytes | None
    chain: tuple[x509.Certificate, ...]
    client_cas: tuple[x509.Certificate, ...]

    def __repr__(self) -> str:
        return f"TlsMaterial(serial_number={self.chain[0].serial_number:x})"

    @property
    def expire_time(self) -> datetime:
        """When the server's certificate expires."""
        return self.chain[0].not_valid_after_utc

    def is_expired(self, now: datetime | None = None) -> bool:
        """Whether the server's certificate has expired."""
        return self.expire_time <= (now or datetime.now(UTC))


def load_material(files: TlsFiles) -> TlsMaterial:
    """Read the files.

    Raises:
        BadCertificate: a file is missing, is no PEM, is too large, or the key is another certificate's.
    """
    certificate, key = _read(files.certificate), _read(files.key)
    client_ca = None if files.client_ca is None else _read(files.client_ca)
    chain = _certificates(files.certificate, certificate)
    cas = () if files.client_ca is None or client_ca is None else _certificates(files.client_ca, client_ca)
    _check_key(files, chain[0], key)
    return TlsMaterial(certificate, key, client_ca, chain, cas)


def server_context(files: TlsFiles, *, minimum: str = "1.2", needs_certificate: bool = True) -> ssl.SSLContext:
    """The context of a server's connections, from the same files.

    Args:
        files: the files; `load_material` has checked them.
        minimum: the lowest version of TLS, a key of MINIMUM_VERSIONS.
        needs_certificate: whether a client without a certificate is refused, if the files name CAs of clients.

    Raises:
        BadCertificate: OpenSSL does not accept the files.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = MINIMUM_VERSIONS[minimum]
    # A resumed session would skip the check of the client's certificate, and so outlive a removed CA.
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0
    try:
        context.load_cert_chain(files.certificate, files.key, password=_no_password)
        if files.client_ca is not None:
            context.load_verify_locations(files.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED if needs_certificate else ssl.CERT_OPTIONAL
    except (OSError, ValueError) as error:
        raise BadCertificate(f"{files.certificate} cannot be served: {error}") from error
    return context


def _no_password() -> bytes:
    """OpenSSL must not ask for a password on the terminal."""
    return b""


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadCertificate(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > MOST_BYTES:
        raise BadCertificate(f"{path} has more than {MOST_BYTES:,} bytes")
    return data


def _certificates(path: Path, data: bytes) -> tuple[x509.Certificate, ...]:
    try:
        return tuple(x509.load_pem_x509_certificates(data))
    except ValueError as error:
        raise BadCertificate(f"{path} has no certificate in PEM form") from error


def _check_key(files: TlsFiles, certificate: x509.Certificate, data: bytes) -> None:
    try:
        key = load_pem_private_key(data, None)
    except TypeError as error:
        raise BadCertificate(f"{files.key} is encrypted; leadline needs a key without a password") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadCertificate(f"{files.key} has no private key in PEM form") from error
    wanted = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != wanted:
        raise BadCertificate(f"{files.key} is not the key of {files.certificate}")
