"""The ledger's audit trail.

The methods of other parts that change something take the actor as `by`, and write the entry in the same transaction.
An entry is first without a place. Chaining gives it the next sequence of its account's chain (`domain.audit_chain`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from leadline_server.domain.audit import AuditEvent
from leadline_server.domain.audit_chain import Anchor, ChainedEntry


class AuditFilter(NamedTuple):
    """Which entries are wanted.

    Attributes:
        start, end: those from a time on, and before a time; None: all.
        action: the value of an AuditAction; empty: every one.
    """

    start: datetime | None = None
    end: datetime | None = None
    action: str = ""


class AuditPage(NamedTuple):
    """Entries that fit a filter, and the sequence to go on after; None: there are no more."""

    entries: Sequence[ChainedEntry]
    next_after: int | None


class AuditTrail(Protocol):
    """Append-only: an entry that is chained never changes, and leaves only by retention."""

    async def append(self, events: Sequence[AuditEvent]) -> None:
        """Store entries of what changed nothing, such as failed authentications."""
        ...

    async def has_new(self, *, of_any_process: bool = True) -> bool:
        """Whether entries wait to be chained.

        Without `of_any_process` it may overlook those of others, and costs nothing while this process writes nothing.
        """
        ...

    async def chain(self, limit: int) -> Sequence[ChainedEntry]:
        """Chain up to `limit` entries, in the order of their commits, and return them.

        Several processes may chain at once.
        """
        ...

    async def list(self, account_id: str, after: int, limit: int) -> Sequence[ChainedEntry]:
        """Up to `limit` chained entries of an account whose sequences follow `after`, in order."""
        ...

    async def find(self, account_id: str, after: int, limit: int, among: AuditFilter) -> AuditPage:
        """Up to `limit` chained entries of an account that fit a filter, after a sequence, in order.

        It may look at a bounded number of entries only, and so find fewer, or none, before the last page.
        """
        ...

    async def ends(self, account_id: str) -> tuple[Anchor, Anchor]:
        """The start and the end of an account's chain: its last pruned entry, and its last entry."""
        ...

    async def anchors(self) -> Sequence[Anchor]:
        """The state of every chain."""
        ...
