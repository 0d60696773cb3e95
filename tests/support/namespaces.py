"""Network namespaces that tests make: a server in one reaches this machine by one link, which can be cut.

They need root. The links are between this machine's namespaces, so nothing leaves it.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Final

_numbers = count(1)
_NETWORK: Final = "10.231"


@dataclass(frozen=True)
class Namespace:
    """A namespace, and the link to it.

    Attributes:
        name: its name for `ip netns`.
        outside: the address of this machine on the link.
        link: the link's end on this machine.
    """

    name: str
    outside: str
    link: str

    @property
    def command(self) -> tuple[str, ...]:
        """The command that runs a program in it."""
        return ("ip", "netns", "exec", self.name)

    def cut(self) -> None:
        """Cut the link: packets are lost, and no connection is closed."""
        _ip("link", "set", self.link, "down")

    def join(self) -> None:
        """Join the link."""
        _ip("link", "set", self.link, "up")


def can_make_namespaces() -> bool:
    """Whether this process may make network namespaces."""
    if os.geteuid() != 0:
        return False
    name = _name(0)
    done = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False)
    if done.returncode == 0:
        _ip("netns", "del", name)
    return done.returncode == 0


@contextmanager
def network_namespace() -> Iterator[Namespace]:
    """A new namespace while the body runs."""
    number = next(_numbers)
    name, network = _name(number), f"{_NETWORK}.{os.getpid() % 200 + 1}.{4 * number}"
    prefix, first = network.rpartition(".")[0], 4 * number
    outside, inside, link, end = f"{prefix}.{first + 1}", f"{prefix}.{first + 2}", f"{name}o", f"{name}i"
    _ip("netns", "add", name)
    try:
        _ip("link", "add", link, "type", "veth", "peer", "name", end, "netns", name)
        _ip("addr", "add", f"{outside}/30", "dev", link)
        _ip("link", "set", link, "up")
        _ip("-n", name, "addr", "add", f"{inside}/30", "dev", end)
        _ip("-n", name, "link", "set", end, "up")
        _ip("-n", name, "link", "set", "lo", "up")
        yield Namespace(name, outside, link)
    finally:
        _ip("netns", "del", name)


def _name(number: int) -> str:
    return f"ll{os.getpid() % 1_000_000}-{number}"  # a link's name has at most 15 characters


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
