"""Addresses to listen on."""


class AddressUnavailable(Exception):
    """Nothing can listen on this address: it is taken, malformed, or not of this machine."""

    def __init__(self, address: str, why: str) -> None:
        super().__init__(f"Cannot listen on {address}: {why}.")
        self.address = address


def split_address(address: str) -> tuple[str, int]:
    """Host and port of `host:port`; an IPv6 host stands in brackets, an empty host means every interface.

    Raises:
        AddressUnavailable: it is no such address.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65_535:  # noqa: PLR2004 - TCP's last port
        raise AddressUnavailable(address, "an address is host:port, such as 127.0.0.1:50051")
    return host.strip("[]"), int(port)
