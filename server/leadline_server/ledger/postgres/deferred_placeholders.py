"""Placeholders of work whose writes are deferred: they are counted and recorded by the statement at its end."""

# ruff: noqa: S608 - all SQL here is built from constants

import time
from datetime import datetime
from typing import Final, Protocol

from leadline_server.domain.audit import Actor
from leadline_server.domain.placeholder_bounds import DAY_HOURS
from leadline_server.domain.placeholders import Reservation
from leadline_server.ledger.codec import to_microseconds
from leadline_server.ledger.placeholder_rows import HOUR, taken_document
from leadline_server.ledger.postgres.placeholders import creation_by_call
from leadline_server.storage.postgres.deferred import DeferredRow, RowsExpression
from leadline_server.storage.postgres.sql_transaction import NotDeferrable

_TAKEN: Final = RowsExpression(
    "placeholders_taken",
    f"""placeholders_taken AS (
        SELECT generate_series(1, take_placeholders(
            $1, array_agg(given.scope), array_agg(given.hour), array_agg(given.per_hour), array_agg(given.per_day),
            {DAY_HOURS}, (SELECT sequence FROM counters)
        )) FROM {{rows}} AS given (scope, hour, per_hour, per_day)
    )""",
    ("text", "bigint", "bigint", "bigint"),
)
"""Placeholders count against their limits. A limit without room for all of them refuses the statement."""

_CREATED: Final = RowsExpression(
    "placeholders_created",
    """placeholders_given AS (
        SELECT * FROM {rows} AS given (contact_id, created_at, document, noted_at, note)
        WHERE contact_id > '' AND document > ''
    ), placeholders_noted AS (
        INSERT INTO audit (account_id, time, document)
        SELECT $1, noted_at, note FROM placeholders_given CROSS JOIN counters
    ), placeholders_created AS (
        INSERT INTO placeholders (account_id, contact_id, created_at, document)
        SELECT $1, contact_id, created_at, document FROM placeholders_given CROSS JOIN counters
        ON CONFLICT DO NOTHING RETURNING 1
    )""",
    ("text", "bigint", "text", "bigint", "bytea"),
)
"""Created placeholders, also in the audit trail."""

_MOST_SCOPES: Final = 10_000


class Defer(Protocol):
    """Has a row written at the end of the work."""

    def __call__(self, account_id: str, row: DeferredRow) -> bool:
        """Write a row of the account."""
        ...


class ReachedLimits:
    """The limits that had no room for a placeholder in an hour. Calls beyond them are not deferred in that hour.

    Such a call would be tried by a statement that is refused, and would then need a transaction with locks.
    """

    def __init__(self) -> None:
        self._hours: dict[tuple[str, str], int] = {}

    def note(self, account_id: str, scope: str, now: datetime) -> None:
        """Note that a limit has no room."""
        if len(self._hours) >= _MOST_SCOPES:
            self._hours.clear()
        self._hours[account_id, scope] = _hour(now)

    def has(self, account_id: str, wish: Reservation, now: datetime) -> bool:
        """Whether one of the limits that a placeholder counts against had no room in this hour."""
        hour = _hour(now)
        return any(self._hours.get((account_id, limit.scope)) == hour for limit in wish.limits)


class DeferredPlaceholders:
    """Implements ports.ledger.PlaceholderCounts for work whose writes are deferred."""

    def __init__(self, defer: Defer, reached: ReachedLimits) -> None:
        self._defer = defer
        self._reached = reached

    async def take(self, account_id: str, reservation: Reservation, now: datetime) -> str:
        """Take one placeholder from all limits at the end. Raises NotDeferrable if they may have no room."""
        if reservation.replay_id or self._reached.has(account_id, reservation, now):
            raise NotDeferrable(account_id)
        hour = _hour(now)
        for limit in reservation.limits:
            self._defer(account_id, DeferredRow(_TAKEN, (limit.scope, hour, limit.per_hour, limit.per_day)))
        return taken_document(reservation, hour)

    async def give_back(self, account_id: str, taken: str) -> None:
        """The creation failed, which the run with locks finds out."""
        raise NotDeferrable(account_id, taken)

    async def created(self, account_id: str, contact_id: str, now: datetime, *, taken: str, by: Actor | None) -> None:
        """Record a placeholder of a call at the end."""
        if not taken:
            raise NotDeferrable(account_id, by)
        note = creation_by_call(account_id, contact_id, taken).document
        values = (contact_id, to_microseconds(now), taken, time.time_ns() // 1000, note)
        self._defer(account_id, DeferredRow(_CREATED, values))


def _hour(now: datetime) -> int:
    return to_microseconds(now) // HOUR
