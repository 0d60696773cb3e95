"""Which hosts a connection may reach that was set by API: public ones, and those that the administrator names.

A name is resolved, all of its addresses are checked, and the connection is made to a checked one. So a name that points
elsewhere later (DNS rebinding) is refused then. Redirects are requests of their own, and leadline follows none.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from leadline_server.domain.crm_errors import CrmUnavailable

RESOLVE_SECONDS: Final = 3.0
"""How long the addresses of a name are waited for when a connection is set."""

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_SPECIAL: Final = tuple(
    ipaddress.ip_network(network)
    # NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056) and Teredo (RFC 4380) carry IPv4 addresses inside. 192.0.0.0/24 is for
    # protocols (RFC 6890); a cloud answers machines on it.
    for network in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "192.0.0.0/24")
)
_CLOUD: Final = frozenset({ipaddress.ip_address("168.63.129.16")})
"""Public addresses that clouds answer machines on: Azure's virtual public IP."""


class AddressRefused(OSError):
    """A host that a connection set by API must not reach."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"{host} is not a public address. An administrator can allow the host by its name in egress_hosts."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Egress:
    """How connections leave this machine.

    Attributes:
        hosts: names that may have any address; in lower case.
        proxy: the HTTP proxy of all connections, `http://proxy.example:3128`; empty: none. It resolves names itself.
        ca: a PEM file of root certificates; None: the system's.
    """

    hosts: Collection[str] = field(default_factory=frozenset)
    proxy: str = ""
    ca: Path | None = None

    def is_allowed(self, host: str) -> bool:
        """Whether the administrator allows a host by name."""
        return host.lower().rstrip(".") in self.hosts

    def check_literal(self, host: str) -> None:
        """Raise AddressRefused if a host is an address that is not public."""
        try:
            address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
        except ValueError:
            return
        if not self.is_allowed(host) and not is_public(address):
            raise AddressRefused(host)

    def check_addresses(self, host: str, addresses: Collection[str]) -> None:
        """Raise AddressRefused if any address of a host is not public, and the host is not allowed by name."""
        found = [ipaddress.ip_address(address.partition("%")[0]) for address in addresses]
        if not self.is_allowed(host) and not all(map(is_public, found)):
            raise AddressRefused(host)

    async def check_host(self, host: str) -> None:
        """Raise AddressRefused if a host is not public now. One that cannot be resolved now passes."""
        self.check_literal(host)
        if self.proxy or self.is_allowed(host):
            return
        try:
            addresses = await resolved(host)
        except (OSError, TimeoutError):
            return
        self.check_addresses(host, addresses)


def is_public(address: _Address) -> bool:
    """Whether an address is of the public internet: not loopback, private, link-local, of a cloud, or translated."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return False
    is_special = address.is_multicast or address.is_reserved or address.is_unspecified or address in _CLOUD
    return address.is_global and not is_special and not any(address in network for network in _SPECIAL)


async def resolved(host: str) -> Collection[str]:
    """The addresses of a name. Raises OSError or TimeoutError."""
    async with asyncio.timeout(RESOLVE_SECONDS):
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return sorted({str(info[4][0]) for info in found})


async def checked_address(egress: Egress, host: str) -> str:
    """An address of a host to connect to, which was checked. Raises CrmUnavailable."""
    try:
        egress.check_literal(host)
        addresses = await resolved(host)
        egress.check_addresses(host, addresses)
    except AddressRefused as error:
        raise CrmUnavailable(str(error)) from error
    except (OSError, TimeoutError) as error:
        raise CrmUnavailable("The CRM's host name cannot be resolved.") from error
    return next(iter(addresses))


class CheckingResolver(AbstractResolver):
    """Resolves names for aiohttp, which connects to the very addresses that this returns."""

    def __init__(self, egress: Egress, inner: AbstractResolver | None = None) -> None:
        self._egress = egress
        self._inner = inner or aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a name. Raises AddressRefused."""
        found = await self._inner.resolve(host, port, family)
        self._egress.check_addresses(host, [result["host"] for result in found])
        return found

    async def close(self) -> None:
        """Close the inner one."""
        await self._inner.close()


Middleware = Callable[[aiohttp.ClientRequest, aiohttp.ClientHandlerType], Awaitable[aiohttp.ClientResponse]]


def literal_check(egress: Egress) -> Middleware:
    """A middleware of aiohttp: addresses in place of names are not resolved, so they are checked here."""

    async def check(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        egress.check_literal(request.url.host or "")
        return await handler(request)

    return check
