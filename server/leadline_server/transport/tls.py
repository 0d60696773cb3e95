"""The server's certificate: for gRPC, HTTP and metrics, read again when its files change.

A file that cannot be used changes nothing: the certificate before it goes on serving, the failure is counted and
logged, and `leadline doctor` sees it. The files are looked at when a client connects: no restart and no signal is
needed.
"""

import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any, Final

import grpc
import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from leadline_server.listeners import TlsFiles
from leadline_server.transport.certificates import UnusableCertificate, cas_in, expiry
from leadline_server.transport.tls_port import TlsPort

_log = structlog.get_logger(__name__)

MINIMUM_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
"""The TLS versions that can be the lowest one."""

_Signs = tuple[tuple[int, int, int], ...]  # inode, size and time of each file


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    signs: _Signs
    grpc: grpc.ServerCertificateConfiguration
    contexts: Mapping[bool, ssl.SSLContext]  # by whether every client needs a certificate
    expires: float
    client_cas: frozenset[bytes]


class ServerCertificate(Collector):
    """A certificate that is read again when its files change.

    Args:
        files: its files.
        minimum_version: the lowest TLS version for HTTP and metrics, such as "1.2".

    Raises:
        UnusableCertificate: a file is missing, is no PEM, or the key is another certificate's.
    """

    def __init__(self, files: TlsFiles, minimum_version: str = "1.2") -> None:
        self._files = files
        self._minimum = MINIMUM_VERSIONS[minimum_version]
        self._lock = Lock()
        self._loaded = self._load(_signs(files))
        self._refused: _Signs | None = None
        self.ports: list[TlsPort] = []
        """The HTTP ports that it serves."""
        self.failures = 0
        """How often changed files could not be used."""

    @property
    def takes_client_certificates(self) -> bool:
        """Whether clients show certificates."""
        return self._files.client_ca is not None

    def client_cas(self) -> frozenset[bytes]:
        """The CAs of clients that the file has now, in DER."""
        return self.current().client_cas

    def grpc_credentials(self) -> grpc.ServerCredentials:
        """Credentials for a gRPC port. With a CA of clients, every client needs a certificate."""
        fetch: Any = self._grpc_change()  # the types say that it never returns None; gRPC's documents say that it may
        return grpc.dynamic_ssl_server_credentials(
            self._loaded.grpc, fetch, require_client_authentication=self.takes_client_certificates
        )

    def port(self, *, needs_client: bool = False) -> TlsPort:
        """TLS for an HTTP port.

        Args:
            needs_client: whether every client needs a certificate. Otherwise one that a client shows is verified.
        """
        port = TlsPort(partial(self._first_context, needs_client))
        self.ports.append(port)
        return port

    def _first_context(self, needs_client: bool) -> ssl.SSLContext:  # noqa: FBT001 - of a partial
        """A context for one connection, which takes the newest certificate when its handshake begins.

        Each connection has its own: OpenSSL keeps sessions of TLS 1.2 by their context, and a resumed session skips the
        check of the client's certificate.
        """

        def renew(connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
            # It is called before the handshake goes on, also for clients that name no server.
            connection.context = self.current().contexts[needs_client]

        context = self._bare_context(needs_client=needs_client)
        context.sni_callback = renew
        return context

    def collect(self) -> Iterator[Metric]:
        """The figures as they are now."""
        yield CounterMetricFamily(
            "leadline_certificate_reload_failures", "Changed certificates that could not be used.", value=self.failures
        )
        yield GaugeMetricFamily(
            "leadline_certificate_expiry_seconds",
            "When the certificate expires, in seconds since 1970.",
            value=self._loaded.expires,
        )
        yield CounterMetricFamily(
            "leadline_tls_handshakes_failed",
            "TLS handshakes of the HTTP and metrics ports that failed, took too long, or were ended to make room.",
            value=sum(port.failed for port in self.ports),
        )

    def current(self) -> _Loaded:
        """The certificate that the files have now, or the one before if they cannot be used."""
        with self._lock:  # gRPC asks in threads of its own
            try:
                signs = _signs(self._files)
            except UnusableCertificate as error:
                self._refuse((), error)
                return self._loaded
            if signs not in (self._loaded.signs, self._refused):
                self._reload(signs)
            return self._loaded

    def _reload(self, signs: _Signs) -> None:
        try:
            self._loaded, self._refused = self._load(signs), None
            _log.info("certificate reloaded", expires=self._loaded.expires)
        except UnusableCertificate as error:
            self._refuse(signs, error)

    def _refuse(self, signs: _Signs, error: UnusableCertificate) -> None:
        """Count and log a change that cannot be used, once."""
        if self._refused != signs:
            self._refused = signs
            self.failures += 1
            _log.warning("certificate not reloaded", detail=str(error))

    def _grpc_change(self) -> Callable[[], grpc.ServerCertificateConfiguration | None]:
        known = self._loaded

        def fetch() -> (
            grpc.ServerCertificateConfiguration | None
        ):  # gRPC asks at each handshake, in a thread of its own
            nonlocal known
            now = self.current()
            if now is known:
                return None
            known = now
            return now.grpc

        return fetch

    def _load(self, signs: _Signs) -> _Loaded:
        contexts = {needs_client: self._context(needs_client=needs_client) for needs_client in (False, True)}
        try:
            certificate, key = self._files.certificate.read_bytes(), self._files.key.read_bytes()
            client_ca = None if self._files.client_ca is None else self._files.client_ca.read_bytes()
        except OSError as error:
            raise UnusableCertificate(f"{error.filename}: {error.strerror}") from error
        if _signs(self._files) != signs:
            raise UnusableCertificate("the files change at this moment")
        return _Loaded(
            signs=signs,
            grpc=grpc.ssl_server_certificate_configuration([(key, certificate)], client_ca),
            contexts=contexts,
            expires=expiry(certificate, str(self._files.certificate)).timestamp(),
            client_cas=frozenset() if client_ca is None else cas_in(client_ca, str(self._files.client_ca)),
        )

    def _context(self, *, needs_client: bool) -> ssl.SSLContext:
        files, context = self._files, self._bare_context(needs_client=needs_client)
        try:
            # Without `password`, OpenSSL would ask for an encrypted key's one on the terminal, and block the server.
            context.load_cert_chain(files.certificate, files.key, password=lambda: b"")
        except (OSError, ssl.SSLError) as error:
            raise UnusableCertificate(f"{files.certificate} with {files.key}: {_words(error)}") from error
        if files.client_ca is not None:
            try:
                context.load_verify_locations(files.client_ca)
            except (OSError, ssl.SSLError) as error:
                raise UnusableCertificate(f"{files.client_ca}: {_words(error)}") from error
        return context

    def _bare_context(self, *, needs_client: bool) -> ssl.SSLContext:
        """A context without certificates."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = self._minimum
        context.set_alpn_protocols(["http/1.1"])
        # A resumed session skips the check of the client's certificate, and so would outlive a CA that is taken out.
        context.num_tickets = 0
        context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
        if self.takes_client_certificates:
            context.verify_mode = ssl.CERT_REQUIRED if needs_client else ssl.CERT_OPTIONAL
        return context


def _signs(files: TlsFiles) -> _Signs:
    try:
        stats = [path.stat() for path in files.paths]
    except OSError as error:
        raise UnusableCertificate(f"{error.filename}: {error.strerror}") from error
    return tuple((stat.st_ino, stat.st_size, stat.st_mtime_ns) for stat in stats)


def _words(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        known = {"KEY_VALUES_MISMATCH": "the key is another certificate's", "PEM lib": "it is no PEM"}
        found = [words for part, words in known.items() if part in (error.reason or "") or part in str(error)]
        return found[0] if found else str(error.reason or error)
    return error.strerror or str(error)
