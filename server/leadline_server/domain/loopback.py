"""Whether a host is this machine itself."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether a host, such as `localhost`, `127.0.0.1` or `::1`, is this machine's loopback interface."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
