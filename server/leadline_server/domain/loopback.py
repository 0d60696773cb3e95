"""Whether a host is this machine itself."""

import ipaddress
from typing import Final


def is_loopback(host: str) -> bool:
    """Whether a host, such as `localhost`, `127.0.0.1` or `::1`, is this machine's loopback interface."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "[::]": "[::1]", "": "127.0.0.1"}  # noqa: S104 - addresses to compare with


def own_host(host: str) -> str:
    """The host at which this machine reaches a server of its own: `127.0.0.1` for one that listens on `0.0.0.0`."""
    return _EVERYWHERE.get(host, host)
