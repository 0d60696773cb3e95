"""Credentials that were accepted, as a process remembers them."""

from dataclasses import dataclass

from leadline_server.auth.call_head import Authenticated


@dataclass(frozen=True, slots=True)
class SeenCredential:
    """A credential that was accepted: in force while the ledger has this version, and until a time of the contact."""

    who: Authenticated
    version: int
    until: float


class RecentHeader:
    """An accepted header as it is: it is compared in half of the time that hashing takes. Nothing shows its text."""

    __slots__ = ("header", "seen")

    def __init__(self, header: str, seen: SeenCredential) -> None:
        self.header = header
        self.seen = seen
