"""Reads certificates: when they expire, and the names that they are for."""

from datetime import datetime


class UnusableCertificate(Exception):
    """A certificate, a key or a CA cannot be used. The message says which file, and why."""


def expiry(pem: bytes, name: str) -> datetime:
    """When the first certificate of a file expires.

    Args:
        pem: the file's bytes.
        name: the file's name, for people.

    Raises:
        UnusableCertificate: the file has no certificate.
    """
    from cryptography import x509  # it takes 50 ms, and servers without TLS do not need it

    try:
        return x509.load_pem_x509_certificate(pem).not_valid_after_utc
    except ValueError as error:
        raise UnusableCertificate(f"{name}: it is not a certificate in PEM") from error


def cas_in(pem: bytes, name: str) -> frozenset[bytes]:
    """The certificates of a file of CAs, in DER. Raises UnusableCertificate, as `expiry` does."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        return frozenset(found.public_bytes(Encoding.DER) for found in x509.load_pem_x509_certificates(pem))
    except ValueError as error:
        raise UnusableCertificate(f"{name}: it is not a certificate in PEM") from error
