"""The changes that a watcher is sent, one at a time or in batches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from leadline_server.ports.ledger import Change


@dataclass(frozen=True, slots=True)
class WatchItem:
    """One changed call, and the token to resume after it. Without a change, it only tells the position."""

    change: Change | None
    resume_token: str


@dataclass(frozen=True, slots=True, eq=False)
class WatchBatch:
    """Changed calls, each with its last change, and the position after them. It may have no changes, only the position.

    Watchers that are sent the same changes share one batch object. Example: call A with sequence 5 and call B with 7;
    position 9, since the changes 8 and 9 belong to other users.
    """

    changes: Sequence[Change]
    position: int
    token: Callable[[int], str]
    """Makes the token to resume after a position."""
