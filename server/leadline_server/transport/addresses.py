"""Addresses to listen on."""

import errno
import os
import socket
from typing import Any, Final

_REASONS: Final = {
    errno.EADDRINUSE: "the port is taken",
    errno.EADDRNOTAVAIL: "this machine does not have the address",
    errno.EACCES: "this user may not listen on the port",
}

_BACKLOG: Final = 2_048  # as uvicorn has it


class AddressUnavailable(Exception):
    """The server cannot listen on an address: it is taken, malformed, or not of this machine."""

    def __init__(self, address: str, why: str) -> None:
        super().__init__(f"Cannot listen on {address}: {why}.")
        self.address = address


def split_address(address: str) -> tuple[str, int]:
    """Host and port of `host:port`. An IPv6 host has brackets; an empty host means every interface.

    Raises:
        AddressUnavailable: the address has another form.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65_535:  # noqa: PLR2004 - TCP's last port
        raise AddressUnavailable(address, "an address is host:port, such as 127.0.0.1:50051")
    return host.strip("[]"), int(port)


def check_free(address: str) -> None:
    """Check that a server could listen on the address.

    gRPC reports no reason when it cannot listen, and prints a line to standard error.

    Raises:
        AddressUnavailable: the port is taken, or the address is malformed or not of this machine.
    """
    for bound in _bound(address):
        bound.close()


def reserve(address: str) -> str:
    """Take an address for the processes that this one starts, for as long as it runs, also after an `exec`.

    They listen with SO_REUSEPORT, and Linux spreads connections over them. The sockets here take no connections. Once
    the workers listen, programs without SO_REUSEPORT cannot take the port, and other users cannot either (socket(7)).

    Returns:
        The address, with a port that is free if it has port 0.

    Raises:
        AddressUnavailable: the port is taken, or the address is malformed or not of this machine.
    """
    sockets = _bound(address)
    for bound in sockets:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # only now: a taken port is an error
        bound.set_inheritable(True)
    port = sockets[0].getsockname()[1]
    for bound in sockets:
        bound.detach()
    return f"{address.rpartition(':')[0]}:{port}"


def _bound(address: str) -> list[socket.socket]:
    """Sockets that are bound to the address, one for each family; to free ports for port 0. See `check_free`."""
    host, port = split_address(address)
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise AddressUnavailable(address, error.strerror or str(error)) from error
    bound = [_bind(where, is_one_of_several=len(found) > 1) for where in found]
    sockets = [each for each in bound if isinstance(each, socket.socket)]
    failures = [each for each in bound if isinstance(each, OSError)]
    is_taken = any(failure.errno == errno.EADDRINUSE for failure in failures)
    if failures and (is_taken or not sockets):  # a host without IPv6 may still listen on IPv4
        for opened in sockets:
            opened.close()
        raise AddressUnavailable(address, reason(failures[0])) from failures[0]
    return sockets


def reason(error: OSError) -> str:
    """Why a server cannot listen, such as "the port is taken"."""
    code = error.errno or 0
    return _REASONS.get(code, os.strerror(code) if code else str(error))


def listen(address: str, *, shares_port: bool = False) -> socket.socket:
    """A socket that listens on an address. Port 0 takes a free one. Raises AddressUnavailable.

    Args:
        address: `host:port`.
        shares_port: whether other workers of the same server listen on the same port.
    """
    host, port = split_address(address)
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, target = found[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shares_port:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(target)
        listener.listen(_BACKLOG)  # now, so that a program that is told the port can connect
    except OSError as error:
        raise AddressUnavailable(address, reason(error)) from error
    return listener


def _bind(where: tuple[Any, ...], *, is_one_of_several: bool) -> socket.socket | OSError:
    """A bound socket, or why there is none."""
    family, kind, protocol, _, address = where
    try:
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        return error
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that ended do not count
        if is_one_of_several and family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # the IPv4 address has its own socket
        bound.bind(address)
    except OSError as error:
        bound.close()
        return error
    return bound
