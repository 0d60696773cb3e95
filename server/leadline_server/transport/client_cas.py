"""Ends connections whose client certificate no CA of today vouches for.

TLS verifies a client's certificate once, when the client connects, and gRPC keeps a connection for an hour. So when a
CA is taken out of the file of CAs, open connections are looked at again. Those with a certificate that no CA of the
file issued are hung up on. The next handshake decides: it also knows the certificates between a CA and a client's,
which a look at an open connection does not.
"""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from leadline_server.transport.channelz import Address, shown_certificates
from leadline_server.transport.connection_watch import shut_down
from leadline_server.transport.tls import ServerCertificate
from leadline_server.transport.tls_port import TlsPort

LOOK_SECONDS: Final = 0.5
"""How often the file of CAs is looked at."""

AGAIN_SECONDS: Final = 25.0
"""Connections are looked at once more after the longest handshake, which may have begun with the CA that is gone."""

_log = structlog.get_logger(__name__)


class ClientCaWatch(Collector):
    """Watches the CAs of client certificates.

    Args:
        cas: the CAs that the file has now, in DER.
        server_ids: gRPC's numbers of the servers.
        ports: the other ports with TLS.
        again_seconds: after how long connections are looked at once more.
    """

    def __init__(
        self,
        cas: Callable[[], frozenset[bytes]],
        server_ids: Sequence[int],
        ports: Sequence[TlsPort],
        again_seconds: float = AGAIN_SECONDS,
    ) -> None:
        self._cas = cas
        self._server_ids = server_ids
        self._ports = ports
        self._again_seconds = again_seconds
        self._known = cas()
        self.ended = 0
        """How many connections were ended."""

    def collect(self) -> Iterator[Metric]:
        """The figures as they are now."""
        text = "Connections ended because the CA of their client certificate was taken out of the file of CAs."
        yield CounterMetricFamily("leadline_client_ca_connections_ended", text, value=self.ended)

    async def run(self) -> None:
        """Watch until cancelled."""
        again_at: float | None = None
        now = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            cas = self._cas()
            gone, self._known = self._known - cas, cas
            if gone:
                again_at = now() + self._again_seconds
            elif again_at is None or now() < again_at:
                continue
            else:
                again_at = None
            await self._end_connections(cas)

    async def _end_connections(self, cas: frozenset[bytes]) -> None:
        shown: dict[Address, bytes] = {}
        for server_id in self._server_ids:
            async for page in shown_certificates(server_id):
                shown |= page
        others = {
            transport: transport.get_extra_info("ssl_object").getpeercert(True)
            for port in self._ports
            for transport in port.open_with_certificate
        }
        bad = await asyncio.to_thread(not_vouched_for, {*map(_der, shown.values()), *others.values()}, cas)
        peers = [peer for peer, pem in shown.items() if _der(pem) in bad]
        ended = await asyncio.to_thread(shut_down, peers) if peers else 0
        for transport in (transport for transport, certificate in others.items() if certificate in bad):
            transport.abort()
            ended += 1
        self.ended += ended
        _log.info("a CA of clients was taken out", connections_ended=ended)


@asynccontextmanager
async def watched_cas(
    certificate: ServerCertificate, server_ids: Sequence[int], registry: CollectorRegistry
) -> AsyncIterator[None]:
    """Watch the CAs of a server's certificate while the body runs."""
    watch = ClientCaWatch(certificate.client_cas, server_ids, certificate.ports)
    registry.register(watch)
    task = asyncio.create_task(watch.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def not_vouched_for(certificates: Iterable[bytes], cas: Iterable[bytes]) -> frozenset[bytes]:
    """Those certificates, in DER, that none of these CAs issued."""
    from cryptography import x509

    issuers = [x509.load_der_x509_certificate(ca) for ca in cas]
    known = frozenset(cas)
    return frozenset(one for one in certificates if one not in known and not _is_issued(one, issuers))


def _is_issued(certificate: bytes, issuers: Sequence[Any]) -> bool:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature

    found = x509.load_der_x509_certificate(certificate)
    for issuer in issuers:
        try:
            found.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature):
            continue
        return True
    return False


def _der(pem: bytes) -> bytes:
    """A certificate of PEM text. gRPC shows a client's in this form."""
    return base64.b64decode(b"".join(line for line in pem.splitlines() if not line.startswith(b"-")))
