"""TLS of the client's connections, from files that may change while the client lives."""

import ssl
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import grpc

_States = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How a client connects with TLS. All files are in PEM.

    When a file changes, the next RPC goes over a new connection. RPCs in progress end on the old one. If the new files
    cannot be used, the old connection stays.

    Example: `Tls(ca="/etc/leadline/ca.pem", certificate="pbx.pem", key="pbx.key")`.

    Attributes:
        ca: the CAs that the server's certificate may come from; None: those that gRPC brings along.
        certificate: the client's certificate, followed by those of intermediate CAs; None: the client shows none.
        key: the key of the client's certificate, not encrypted.
        server_name: the name in the server's certificate, if the target has another one; empty: the target's.

    Raises:
        ValueError: a certificate without its key, or a key without its certificate.
    """

    ca: "str | PathLike[str] | None" = None
    certificate: "str | PathLike[str] | None" = None
    key: "str | PathLike[str] | None" = None
    server_name: str = ""

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("A client certificate needs its key, and a key its certificate.")


class TlsFiles:
    """Reads the files of a `Tls`, and reads them again when they change.

    Raises:
        OSError: a file cannot be read or used. `ssl.SSLError` is one: the key is another certificate's, or no PEM.
    """

    def __init__(self, tls: Tls) -> None:
        self._tls = tls
        self._states = _states(tls)
        self.credentials = _credentials(tls)

    @property
    def options(self) -> tuple[tuple[str, str], ...]:
        """The channel arguments that go with the credentials."""
        name = self._tls.server_name
        return (("grpc.ssl_target_name_override", name),) if name else ()

    def have_changed(self) -> bool:
        """Whether the files changed; `credentials` are then those of the new files."""
        try:
            states = _states(self._tls)
            if states == self._states:
                return False
            credentials = _credentials(self._tls)
            if _states(self._tls) != states:
                return False  # they are being written; the next look reads them again
        except OSError:
            return False
        self._states, self.credentials = states, credentials
        return True


def _states(tls: Tls) -> _States:
    """The signs by which changed files are seen."""
    return tuple(_state(path) for path in (tls.ca, tls.certificate, tls.key) if path is not None)


def _state(path: "str | PathLike[str]") -> tuple[int, int, int]:
    found = Path(path).stat()
    return found.st_mtime_ns, found.st_size, found.st_ino


def _credentials(tls: Tls) -> grpc.ChannelCredentials:
    """The credentials. The files are checked first: gRPC itself would only fail each RPC."""
    checked: Any = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if tls.ca is not None:
        checked.load_verify_locations(tls.ca)
    if tls.certificate is not None and tls.key is not None:
        checked.load_cert_chain(tls.certificate, tls.key, password=lambda: b"")  # else OpenSSL asks on the terminal
    return grpc.ssl_channel_credentials(_read(tls.ca), _read(tls.key), _read(tls.certificate))


def _read(path: "str | PathLike[str] | None") -> bytes | None:
    return None if path is None else Path(path).read_bytes()
