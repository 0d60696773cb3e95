"""The ledger's retention: deleting old records, in steps so short that other writers hardly wait."""

from datetime import datetime
from typing import NamedTuple, Protocol


class Pruned(NamedTuple):
    """The result of one step: how many rows it deleted, and the position where the next step starts.

    The position is opaque; None: there is nothing left. Example: `Pruned(deleted=12, position="48210")`.
    """

    deleted: int
    position: str | None


class Retention(Protocol):
    """Deletes records for their age. The obligations of `ports.ledger` hold."""

    async def acquire(self, lease_owner: str, now: datetime, lease_until: datetime) -> bool:
        """Acquire or renew the lease on pruning; False, changing nothing, if another process holds it at `now`.

        The lease only saves work: if two processes prune at once, nothing is lost.
        """
        ...

    async def release(self, lease_owner: str) -> None:
        """Release the lease; nothing changes if `lease_owner` does not hold it."""
        ...

    async def prune_calls(self, unchanged_since: datetime, position: str, limit: int) -> Pruned:
        """Look at the next `limit` calls, the longest unchanged first, and delete those that may be deleted.

        `domain.retention.may_be_deleted` decides, at the moment of deleting. The position is None when all calls of the
        step changed at `unchanged_since` or later.

        Args:
            unchanged_since: only calls whose last change was before this time are deleted.
            position: the end of the step before; empty for the first step.
            limit: the most calls to look at.
        """
        ...

    async def prune_claims(self, recorded_before: datetime, position: str, limit: int) -> Pruned:
        """Look at the next `limit` claims; delete those whose contact was recorded before `recorded_before`.

        A claim that a process holds, or with a creation whose end is not recorded, is never deleted.
        """
        ...

    async def prune_requests(self, answered_before: datetime, limit: int) -> Pruned:
        """Delete up to `limit` answers that were given before `answered_before`."""
        ...

    async def prune_audit(self, before: datetime, limit: int) -> Pruned:
        """Delete chained entries of the audit trail from before `before`, about `limit`.

        They leave from the start of each chain. The chain keeps the last one's hash, so that the rest can be verified.
        """
        ...

    async def prune_quarantine(self, received_before: datetime, limit: int) -> Pruned:
        """Delete up to `limit` events of the quarantine that came before `received_before`."""
        ...
