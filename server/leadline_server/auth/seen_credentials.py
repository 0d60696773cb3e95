"""Credentials that were accepted, as a process remembers them."""

from dataclasses import dataclass

from leadline_server.auth.call_head import Authenticated


@dataclass(frozen=True, slots=True)
class SeenCredential:
    """A credential that was accepted: in force while the ledger has this version, and until a time of the contact."""

    who: Authenticated
    version: int
    until: float


class RecentHeaders(dict[str, SeenCredential]):
    """Accepted headers as they are, and their credentials. Nothing shows their texts."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__} of {len(self)}"
