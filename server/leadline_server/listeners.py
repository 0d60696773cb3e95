"""The ports, and the protection that those need which other machines reach.

leadline hands out names for numbers, and writes into CRMs. So a port that other machines reach has TLS, and its callers
authenticate. The setting `everyone_may_call` goes without.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from leadline_server.domain.loopback import is_loopback

_CONSEQUENCE = "everyone who reaches the port could read and write every account"


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """The files of a server's certificate, in PEM.

    Attributes:
        certificate: the certificate, and those between it and its CA.
        key: its private key.
        client_ca: the CAs of clients' certificates; None: clients need none.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files."""
        return tuple(path for path in (self.certificate, self.key, self.client_ca) if path is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """The protection of the ports.

    Attributes:
        has_tls: whether they have a certificate.
        has_client_ca: whether clients show certificates.
        authenticates: whether calls need a credential.
        everyone_may_call: whether ports without protection may serve beyond this machine.
    """

    has_tls: bool
    has_client_ca: bool
    authenticates: bool
    everyone_may_call: bool


@dataclass(frozen=True, slots=True)
class Listener:
    """An address on which the server listens, by the name of its setting: `listen`, `127.0.0.1:50051`."""

    setting: str
    address: str

    @property
    def is_exposed(self) -> bool:
        """Whether other machines can reach it. A host name other than `localhost` counts as one that they can."""
        host = self.address.rpartition(":")[0].removeprefix("[").removesuffix("]")
        return bool(self.address) and not is_loopback(host)


def missing(listener: Listener, protection: Protection) -> str:
    """Why a port must not serve as it is; empty if it may."""
    if not listener.is_exposed or protection.everyone_may_call:
        return ""
    needed = list(_needed(listener, protection))
    if not needed:
        return ""
    what = "figures of all accounts could be read by everyone" if _is_metrics(listener) else _CONSEQUENCE
    return f"serves beyond this machine, which needs {' and '.join(needed)}. Otherwise {what}."


def _needed(listener: Listener, protection: Protection) -> Iterator[str]:
    if not protection.has_tls:
        yield "TLS (tls_certificate, tls_key)"
    if _is_metrics(listener):
        if not protection.has_client_ca:
            yield "certificates of clients (tls_client_ca)"
    elif not protection.authenticates:
        yield "authentication (authentication = true)"


def _is_metrics(listener: Listener) -> bool:
    return listener.setting == "metrics_listen"
