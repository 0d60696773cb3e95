"""The HTTP sessions of connections: one for those of the settings, one for those that are set by API."""

import ssl

import aiohttp
from aiohttp.tracing import Trace

from leadline_server.crm.egress import CheckingResolver, Egress, Middleware, literal_check
from leadline_server.crm.toolkit.http_direct import DirectConnector


def trusted_session(egress: Egress) -> aiohttp.ClientSession:
    """A session that may reach every host.

    Each account limits its own requests. A full connection pool would only hide where they wait.
    """
    if egress.proxy:
        return _session(aiohttp.TCPConnector(limit=0, ssl=_context(egress)), egress)
    return _session(DirectConnector(context=_context(egress)), egress)


def checked_session(egress: Egress) -> aiohttp.ClientSession:
    """A session that reaches only the hosts that `egress` lets pass."""
    if egress.proxy:  # the proxy resolves names, and decides about them
        connector = aiohttp.TCPConnector(limit=0, ssl=_context(egress))
        return _session(connector, egress, literal_check(egress))
    return _session(_CheckedConnector(egress), egress)


class _CheckedConnector(DirectConnector):
    """Connections to the hosts that `egress` lets pass. Addresses in place of names are not resolved: see `connect`."""

    def __init__(self, egress: Egress) -> None:
        super().__init__(context=_context(egress), resolver=CheckingResolver(egress))
        self._egress = egress

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's
    ) -> aiohttp.connector.Connection:
        """A connection. Raises AddressRefused for an address in place of a name that is not public."""
        self._egress.check_literal(req.url.host or "")
        return await super().connect(req, traces, timeout)


def _session(connector: aiohttp.TCPConnector, egress: Egress, *middlewares: Middleware) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        proxy=egress.proxy or None,
        middlewares=middlewares,
    )


def _context(egress: Egress) -> ssl.SSLContext | bool:
    return True if egress.ca is None else ssl.create_default_context(cafile=egress.ca)
