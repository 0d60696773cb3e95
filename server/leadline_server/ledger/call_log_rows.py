"""Rows of call logs, and parts of queries, for every ledger."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from leadline_server.domain.call_log import CallLog
from leadline_server.domain.call_log_states import CallLogReason, CallLogState
from leadline_server.domain.unshown import unshown
from leadline_server.ledger.codec import CALL_LOG
from leadline_server.ports.ledger import CallLogFilter, CallLogGroup


@unshown
class StoredChange(NamedTuple):
    """Implements ports.ledger.Change."""

    sequence: int
    account_id: str
    user_id: str
    call_id: str
    body: bytes

    @property
    def size(self) -> int:
        """About how many bytes of memory it takes; most of them are the document."""
        return len(self.body)

    @property
    def call_log(self) -> CallLog:
        """The call log after the change."""
        return CALL_LOG.decode(self.body)


def within(rows: Iterable[tuple[Any, ...]], most_bytes: int) -> list[tuple[Any, ...]]:
    """The first rows, whose last columns have at most `most_bytes` together; at least one row if there are any.

    It reads no further, so that large rows take no more memory.
    """
    taken: list[tuple[Any, ...]] = []
    for row in rows:
        most_bytes -= len(row[-1])
        if taken and most_bytes < 0:
            break
        taken.append(row)
    return taken


def group_of(state: int | None, reason: int | None, user_id: str | None, calls: int) -> CallLogGroup:
    """A group of a count."""
    return CallLogGroup(
        None if state is None else CallLogState(state),
        None if reason is None else CallLogReason(reason),
        user_id,
        calls,
    )


def enum_columns(selection: CallLogFilter) -> Mapping[str, Sequence[int]]:
    """The columns of which a log has one of some values."""
    return {
        "shown_state": selection.states,
        "reason": selection.reasons,
        "update_state": selection.update_states,
        "direction": selection.directions,
    }
