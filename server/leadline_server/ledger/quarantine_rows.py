"""Rows of the quarantine, for every ledger."""

from collections.abc import Iterable, Sequence
from typing import Any

from leadline_server.ledger.codec import from_microseconds
from leadline_server.ports.ledger import QuarantinedEvent


def beyond(sizes: Iterable[Sequence[Any]], most_events: int, most_bytes: int) -> list[bytes]:
    """The keys of the events beyond the limits. `sizes` has keys and sizes, the newest first."""
    size, keys = 0, []
    for number, (key, length) in enumerate(sizes):
        size += length
        if number >= most_events or size > most_bytes:
            keys.append(key)
    return keys


def event_of(row: Sequence[Any]) -> QuarantinedEvent:
    """An event without its document: account, route, key, time and reason."""
    account_id, route, key, received_at, reason = row
    return QuarantinedEvent(
        account_id=account_id,
        route=route,
        key=bytes(key),
        received_at=from_microseconds(received_at),
        reason=reason,
        document=b"",
    )
