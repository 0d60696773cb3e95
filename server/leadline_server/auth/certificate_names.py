"""The names in a client certificate, as the ledger's records of certificates have them; and when it expires."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

MOST_NAMES: Final = 16
"""The most names of a client certificate that are looked up."""

NEVER: Final = float("inf")
"""The end of what does not end by itself."""

NOT_AFTER: Final = "peer_not_after"
"""The property by which the HTTP port tells when a connection's certificate expires: b"1796083200.0"."""

_MOST_READ: Final = 1_024  # certificates of some kilobytes that are remembered with their ends


def certificate_names(said: Mapping[str, Iterable[bytes]]) -> Sequence[str]:
    """The names in a verified client certificate (RFC 5280, section 4.2.1.6): `URI:spiffe://acme/pbx`, `DNS:pbx.acme`.

    The common name is not one of them: nothing says what it is a name of.
    """
    names = [("URI", value) for value in said.get("peer_uri", ())]
    names += [("DNS", value) for value in said.get("peer_dns", ())]
    return [f"{kind}:{value.decode('utf-8', 'replace')}" for kind, value in names[:MOST_NAMES]]


def certificate_end(said: Mapping[str, Iterable[bytes]]) -> float:
    """When a verified client certificate expires, in seconds since 1970; NEVER without a certificate.

    TLS looks at it once, when the client connects, and connections stay open for an hour.
    """
    for text in said.get(NOT_AFTER, ()):
        return float(text)
    for pem in said.get("x509_pem_cert", ()):
        return _end_of(pem)
    return NEVER


@lru_cache(maxsize=_MOST_READ)
def _end_of(pem: bytes) -> float:
    """The end of a certificate in PEM; the beginning of time if it cannot be read."""
    from cryptography import x509  # it takes 50 ms, and servers without TLS do not need it

    try:
        return x509.load_pem_x509_certificate(pem).not_valid_after_utc.timestamp()
    except ValueError:
        return 0.0
