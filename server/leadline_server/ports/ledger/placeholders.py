"""The ledger's record of placeholders that calls created, and of replays of past calls.

`Claims.reserve` counts placeholders, and `Claims.finish` records them.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from leadline_server.domain.audit import LEADLINE, Actor
from leadline_server.domain.placeholders import Placeholder


class Placeholders(Protocol):
    """The placeholders that calls created and that were not removed, and the replays."""

    async def list(self, account_id: str, after: tuple[datetime, str], limit: int) -> Sequence[Placeholder]:
        """Up to `limit` placeholders that follow a creation time and a contact id, in this order.

        Example: `(12:00, "")` lists those created at or after 12:00, `(12:00, "c_17")` those that follow c_17.
        """
        ...

    async def get(self, account_id: str, contact_id: str) -> Placeholder | None:
        """The placeholder; None if no call created a contact with this id, or it was removed."""
        ...

    async def forget(self, account_id: str, contact_id: str, by: Actor = LEADLINE) -> None:
        """Forget a placeholder that was removed, and record that in the audit trail."""
        ...

    async def open_replay(
        self, account_id: str, replay_id: str, placeholder_limit: int, now: datetime, by: Actor = LEADLINE
    ) -> None:
        """Open a replay with its own limit of placeholders, and record that in the audit trail.

        The account's oldest beyond MAX_REPLAYS end.
        """
        ...

    async def has_replay(self, account_id: str, replay_id: str, now: datetime) -> bool:
        """Whether the replay exists and is not older than REPLAY_AGE."""
        ...
