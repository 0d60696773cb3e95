"""Credentials that were accepted, as a process remembers them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from leadline_server.auth.call_head import Authenticated, CallHead
from leadline_server.auth.ledger_contact import LedgerContact

HEADER: Final = "authorization"
"""The name of the header with a credential."""

AtOnce: TypeAlias = Callable[[CallHead, float], Authenticated | None]


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


def at_once_by(
    recent: RecentHeaders,
    recall: Callable[[str], SeenCredential | None],
    version: Callable[[], int],
    contact: LedgerContact,
) -> AtOnce:
    """A function that accepts a credential without asking the ledger, if it was accepted a moment ago.

    Every call runs it, so it has all that it needs as variables of its own: they are read faster than attributes.

    Args:
        recent: the headers that are compared as they are.
        recall: finds the credential of another header that was accepted.
        version: the ledger's version of credentials: another one, and the ledger is to be asked.
        contact: whether the ledger can be reached.
    """
    find = recent.get

    def at_once(call: CallHead, now: float) -> Authenticated | None:
        text = None
        for name, value in call.invocation_metadata():  # a loop over some pairs costs less than a dictionary of them
            if name == HEADER:
                if text is not None:
                    return None  # there are two
                text = value
        if text is None or now > contact.lost_at:
            return None
        seen = find(text) or recall(text)
        return seen.who if seen is not None and seen.version == version() and now < seen.until else None

    return at_once
