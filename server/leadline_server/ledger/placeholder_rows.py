"""Rows of placeholders, and what is kept of a reservation, for every ledger.

A reservation is kept in its claim as a document, which says what to give back and what the placeholder was to be:

    {"hour": 490104, "scopes": ["account", "user:alice"], "replay": "", "name": "Unknown Caller", ...}
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from leadline_server.domain.placeholder_bounds import REPLAY_AGE
from leadline_server.domain.placeholders import Placeholder, Reservation
from leadline_server.ledger.codec import from_microseconds

HOUR: Final = 3_600_000_000
REPLAY_MICROSECONDS: Final = round(REPLAY_AGE.total_seconds() * 1_000_000)
"""An hour and REPLAY_AGE in microseconds."""

MADE_BY_CALL: Final = "PLACEHOLDER_CREATED"
MADE_BY_REQUEST: Final = "REQUESTED"
"""The reasons of a placeholder in the audit trail."""

ACCOUNT_SCOPE: Final = "account"
"""The scope of an account's own limit."""


def taken_document(wish: Reservation, hour: int) -> str:
    """The document of a reservation that was taken in an hour since 1970."""
    scopes = [] if wish.replay_id else [limit.scope for limit in wish.limits]
    fields = {"name": wish.name, "number": wish.phone_number, "user": wish.user_id, "call": wish.call_id}
    return msgspec.json.encode({"hour": hour, "scopes": scopes, "replay": wish.replay_id, **fields}).decode()


def placeholder_of(row: Sequence[Any]) -> Placeholder:
    """A placeholder: the contact's id, its document, and when it was created."""
    contact_id, document, created_at = row
    reserved = msgspec.json.decode(document)
    return Placeholder(
        contact_id=contact_id,
        name=reserved["name"],
        phone_number=reserved["number"],
        create_time=from_microseconds(created_at),
    )
