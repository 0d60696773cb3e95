"""The ledger's part that keeps it small. The obligations that ports/ledger.py begins with hold here, too."""

from datetime import datetime
from typing import NamedTuple, Protocol


class Pruned(NamedTuple):
    """What one step of pruning did: how many it deleted, and where the next step goes on; None at the end."""

    deleted: int
    position: str | None


class Retention(Protocol):
    """Deleting what is no longer needed: in steps that are short enough to stand between writers."""

    async def take_turn(self, owner: str, now: datetime, until: datetime) -> bool:
        """Take the turn at pruning, or keep it, until `until`; False, changing nothing, while another owner has it.

        The turn spares work. Nothing is lost where two prune at once.
        """
        ...

    async def end_turn(self, owner: str) -> None:
        """Give the turn back; nothing happens if `owner` does not have it."""
        ...

    async def prune_calls(self, unchanged_since: datetime, position: str, limit: int) -> Pruned:
        """Look at the next `limit` calls, the longest unchanged first, and delete those that may be.

        Deleted is what `domain.retention.may_be_deleted`, judged in the instant of deleting. The step ends the pruning
        (position None) once all of its calls changed at `unchanged_since` or later.

        Args:
            unchanged_since: before when a call's last change must have been.
            position: where the step before ended; empty for the first.
            limit: the most calls to look at.
        """
        ...

    async def prune_claims(self, recorded_before: datetime, position: str, limit: int) -> Pruned:
        """Look at the next `limit` claims; delete those whose contact was recorded before `recorded_before`.

        Never one that somebody holds, or with a creation whose end is not recorded.
        """
        ...

    async def prune_requests(self, answered_before: datetime, limit: int) -> Pruned:
        """Delete up to `limit` answers that were given before `answered_before`."""
        ...
