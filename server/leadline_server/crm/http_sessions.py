"""The HTTP sessions of connections: one for those of the settings, one for those that are set by API."""

import ssl

import aiohttp

from leadline_server.crm.egress import CheckingResolver, Egress, literal_check


def trusted_session(egress: Egress) -> aiohttp.ClientSession:
    """A session that may reach every host.

    Each account limits its own requests. A full connection pool would only hide where they wait.
    """
    connector = aiohttp.TCPConnector(limit=0, ssl=_context(egress))
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), proxy=egress.proxy or None)


def checked_session(egress: Egress) -> aiohttp.ClientSession:
    """A session that reaches only the hosts that `egress` lets pass."""
    if egress.proxy:  # the proxy resolves names, and decides about them
        connector = aiohttp.TCPConnector(limit=0, ssl=_context(egress))
    else:
        connector = aiohttp.TCPConnector(limit=0, ssl=_context(egress), resolver=CheckingResolver(egress))
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        proxy=egress.proxy or None,
        middlewares=(literal_check(egress),),
    )


def _context(egress: Egress) -> ssl.SSLContext | bool:
    return True if egress.ca is None else ssl.create_default_context(cafile=egress.ca)
