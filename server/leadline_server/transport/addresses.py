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
    host, port = split_address(address)
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise AddressUnavailable(address, error.strerror or str(error)) from error
    failures = [failure for where in found if (failure := _bind_failure(where))]
    is_taken = any(failure.errno == errno.EADDRINUSE for failure in failures)
    if failures and (is_taken or len(failures) == len(found)):  # a host without IPv6 may still listen on IPv4
        raise AddressUnavailable(address, reason(failures[0])) from failures[0]


def reason(error: OSError) -> str:
    """Why a server cannot listen, such as "the port is taken"."""
    code = error.errno or 0
    return _REASONS.get(code, os.strerror(code) if code else str(error))


def listen(address: str) -> socket.socket:
    """A socket that listens on an address. Port 0 takes a free one. Raises AddressUnavailable."""
    host, port = split_address(address)
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, target = found[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(target)
        listener.listen(_BACKLOG)  # now, so that a program that is told the port can connect
    except OSError as error:
        raise AddressUnavailable(address, reason(error)) from error
    return listener


def _bind_failure(where: tuple[Any, ...]) -> OSError | None:
    family, kind, protocol, _, address = where
    try:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that ended do not count
            probe.bind(address)
    except OSError as error:
        return error
    return None
