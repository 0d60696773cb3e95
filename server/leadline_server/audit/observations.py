"""The entries of the audit trail that change nothing: failed authentications and bulk reads.

They are counted in memory and stored in the background, so a flood of them costs little time and space. A process that
is killed loses those of its last seconds. Entries of changes are in the change's transaction instead.
"""

from collections import Counter
from typing import Final

from leadline_server.domain.audit import SERVER, AuditAction, AuditEvent
from leadline_server.ports.ledger import AuditTrail

MOST_KINDS: Final = 1_000
"""Different entries of one time. Beyond them only their number is kept."""

_OTHERS: Final = AuditEvent(account_id=SERVER, action=AuditAction.AUTHENTICATION_FAILED, actor="", subject="others")


class Observations:
    """Counts equal entries until they are stored. Use it on the event loop's thread."""

    def __init__(self, trail: AuditTrail) -> None:
        self._trail = trail
        self._counts: Counter[AuditEvent] = Counter()

    def note(self, event: AuditEvent, count: int = 1) -> None:
        """Count an entry, whose own count is 1. It returns at once."""
        is_known = event in self._counts or len(self._counts) < MOST_KINDS
        self._counts[event if is_known else _OTHERS] += count

    async def store(self) -> None:
        """Store what was counted. Raises LedgerUnavailable; then it is kept for the next time."""
        counted, self._counts = self._counts, Counter()
        if not counted:
            return
        try:
            await self._trail.append([event.times(count) for event, count in counted.items()])
        except BaseException:
            self._counts = counted + self._counts
            raise
