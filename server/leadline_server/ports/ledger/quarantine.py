"""The ledger's quarantine: events of phone systems that are authentic and can never be stored as they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from leadline_server.domain.unshown import unshown


@unshown
@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedEvent:
    """One event.

    Attributes:
        account_id: the account.
        route: the name of the route that it came on.
        key: identifies it within the account; the same event has the same key.
        received_at: when it came last.
        reason: why it cannot be stored. It has nothing of the event.
        document: the request. It is encrypted at rest.
    """

    account_id: str
    route: str
    key: bytes
    received_at: datetime
    reason: str
    document: bytes


class Quarantine(Protocol):
    """Keeps events. The obligations of `ports.ledger` hold."""

    async def put(self, event: QuarantinedEvent, most_events: int, most_bytes: int) -> int:
        """Keep an event; one with the same key is replaced. Returns how many old events were dropped for it.

        The account then has at most `most_events` events with at most `most_bytes` of documents: the oldest go first.
        """
        ...

    async def list(self, account_id: str, limit: int) -> Sequence[QuarantinedEvent]:
        """The newest events of an account, without their documents; of all accounts if `account_id` is empty."""
        ...

    async def document(self, account_id: str, key: bytes) -> bytes | None:
        """The document of an event; None if there is no such event. Raises KeyMissing, SecretDamaged."""
        ...
