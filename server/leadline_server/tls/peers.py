"""Clients' certificates: the names in them, and whether their CAs are still trusted."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from leadline_server.tls.certificate import ServedCertificate

MOST_KNOWN: Final = 10_000
"""Client certificates whose check is remembered. A full memory is emptied."""

MOST_LENGTH: Final = 8
"""The most certificates between a client's and its CA."""


def names_of(peer: Mapping[str, Any] | None) -> Mapping[str, Sequence[bytes]]:
    """The names in a certificate, as gRPC's `auth_context` has them.

    Args:
        peer: the verified certificate as `ssl.SSLSocket.getpeercert` tells it, such as
            `{"subjectAltName": (("DNS", "pbx.acme"), ("URI", "spiffe://acme/pbx"))}`; None: there is none.
    """
    names: Sequence[tuple[str, str]] = () if peer is None else peer.get("subjectAltName", ())
    return {
        "peer_dns": [value.encode() for kind, value in names if kind == "DNS"],
        "peer_uri": [value.encode() for kind, value in names if kind == "URI"],
    }


class TrustedClients:
    """Tells whether a client's certificate is still one of a trusted CA.

    An open gRPC connection outlives a change of the CAs' file. So each RPC asks here.

    Args:
        served: has the CAs in force.
    """

    def __init__(self, served: ServedCertificate) -> None:
        self._served = served
        self._generation = -1
        self._known: dict[bytes, bool] = {}

    def trusts(self, chain: bytes) -> bool:
        """Whether a CA in force stands behind a certificate, given in PEM with the client's intermediate CAs.

        The handshake has checked everything else.
        """
        current = self._served.current()
        if current.client_generation != self._generation or len(self._known) >= MOST_KNOWN:
            self._known.clear()
            self._generation = current.client_generation
        is_trusted = self._known.get(chain)
        if is_trusted is None:
            is_trusted = self._known[chain] = _is_issued_by(chain, current.material.client_cas)
        return is_trusted


def _is_issued_by(chain: bytes, trusted: Sequence[x509.Certificate]) -> bool:
    try:
        leaf, *others = x509.load_pem_x509_certificates(chain)
    except ValueError:
        return False
    current = leaf
    for _ in range(MOST_LENGTH):
        if _issuer(current, trusted) is not None:
            return True
        issuer = _issuer(current, [other for other in others if other != current])
        if issuer is None:
            return False
        current = issuer
    return False


def _issuer(certificate: x509.Certificate, candidates: Iterable[x509.Certificate]) -> x509.Certificate | None:
    for candidate in candidates:
        try:
            certificate.verify_directly_issued_by(candidate)
        except (ValueError, TypeError, InvalidSignature):
            continue
        return candidate
    return None
