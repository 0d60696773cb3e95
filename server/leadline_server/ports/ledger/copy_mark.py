"""Whether a ledger is a restored copy, and whether the copy is the live one by now."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class CopyState:
    """What a ledger is.

    Attributes:
        is_standby: it is a restored copy that is not the live one: it writes to no CRM and refreshes no tokens.
        live_since: when a restored copy became the live one; None: it was never restored, or is a standby.
    """

    is_standby: bool = False
    live_since: datetime | None = None

    def may_lack(self, call_start: datetime | None) -> bool:
        """Whether a call that is new here may be in the CRM already: the ledger it was copied from may have logged it.

        Example: a copy is live since 12:00. A call that began at 11:59, or at an unknown time, may have been logged
        before; one that began at 12:01 was not.
        """
        if self.live_since is None:
            return self.is_standby
        return call_start is None or call_start <= self.live_since


class CopyMark(Protocol):
    """The mark of a restored copy. The obligations of `ports.ledger` hold."""

    async def state(self) -> CopyState:
        """The present state."""
        ...

    async def make_live(self, now: datetime, *, forget: Collection[str] = ()) -> bool:
        """End the standby, and drop what needs the secrets keys `forget`; False if the ledger is no standby."""
        ...
