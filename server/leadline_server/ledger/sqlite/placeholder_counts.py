"""Counts placeholders against their limits in SQLite. All functions run inside a caller's transaction."""

import json
import sqlite3
from typing import Any, Final

from leadline_server.domain.placeholder_bounds import DAY_HOURS
from leadline_server.domain.placeholders import (
    LimitPeriod,
    LimitReached,
    PlaceholderLimit,
    Reservation,
)
from leadline_server.ledger.placeholder_rows import ACCOUNT_SCOPE, HOUR, REPLAY_MICROSECONDS, taken_document

_COUNTS: Final = """
    SELECT coalesce(sum(iif(hour = :hour, begun, 0)), 0), coalesce(sum(begun), 0) FROM placeholder_counts
    WHERE account_id = :account_id AND scope = :scope AND hour > :hour - :hours
"""
_ADD: Final = """
    INSERT INTO placeholder_counts (account_id, scope, hour, begun, refused)
    VALUES (:account_id, :scope, :hour, :begun, :refused)
    ON CONFLICT DO UPDATE SET begun = begun + :begun, refused = refused + :refused
"""
_REFUSED: Final = """
    SELECT refused FROM placeholder_counts WHERE account_id = :account_id AND scope = :scope AND hour = :hour
"""
_DELETE_OLD: Final = "DELETE FROM placeholder_counts WHERE hour <= ?"
_TAKE_BACK: Final = """
    UPDATE placeholder_counts SET begun = begun - 1 WHERE account_id = ? AND scope = ? AND hour = ? AND begun > 0
"""
_TAKE_OF_REPLAY: Final = """
    UPDATE replays SET begun = begun + 1
    WHERE account_id = ? AND replay_id = ? AND begun < placeholder_limit AND opened_at > ?
"""
_REFUSE_IN_REPLAY: Final = """
    UPDATE replays SET refused = refused + 1 WHERE account_id = ? AND replay_id = ?
    RETURNING placeholder_limit, refused
"""
_TAKE_BACK_OF_REPLAY: Final = """
    UPDATE replays SET begun = begun - 1 WHERE account_id = ? AND replay_id = ? AND begun > 0
"""


def take(connection: sqlite3.Connection, account_id: str, wish: Reservation, now: int) -> str | LimitReached:
    """Count one placeholder against all limits of `wish`; returns the document for the claim. `now` in microseconds."""
    hour = now // HOUR
    reached = (
        _take_of_replay(connection, account_id, wish.replay_id, now)
        if wish.replay_id
        else _take(connection, account_id, wish.limits, hour)
    )
    if reached is not None:
        return reached
    return taken_document(wish, hour)


def give_back(connection: sqlite3.Connection, account_id: str, document: str) -> None:
    """Undo `take`: nothing was made."""
    taken: dict[str, Any] = json.loads(document)
    for scope in taken["scopes"]:
        connection.execute(_TAKE_BACK, (account_id, scope, taken["hour"]))
    if taken["replay"]:
        connection.execute(_TAKE_BACK_OF_REPLAY, (account_id, taken["replay"]))


def _take(
    connection: sqlite3.Connection, account_id: str, limits: tuple[PlaceholderLimit, ...], hour: int
) -> LimitReached | None:
    is_first_of_hour = False
    for limit in limits:
        values = {"account_id": account_id, "scope": limit.scope, "hour": hour, "hours": DAY_HOURS}
        [(in_hour, in_day)] = connection.execute(_COUNTS, values).fetchall()
        for count, most, period in (
            (in_hour, limit.per_hour, LimitPeriod.HOUR),
            (in_day, limit.per_day, LimitPeriod.DAY),
        ):
            if most is not None and count >= most:
                refused = _refuse(connection, account_id, hour)
                return LimitReached(limit.scope, most, period, is_first=refused == 1)
        is_first_of_hour |= limit.scope == ACCOUNT_SCOPE and in_hour == 0
    for limit in limits:
        values = {"account_id": account_id, "scope": limit.scope, "hour": hour, "begun": 1, "refused": 0}
        connection.execute(_ADD, values)
    if is_first_of_hour:
        connection.execute(_DELETE_OLD, (hour - 2 * DAY_HOURS,))
    return None


def _refuse(connection: sqlite3.Connection, account_id: str, hour: int) -> int:
    """Count a call that a limit holds back. Returns how many there are in this hour."""
    values = {"account_id": account_id, "scope": ACCOUNT_SCOPE, "hour": hour, "begun": 0, "refused": 1}
    connection.execute(_ADD, values)
    [(refused,)] = connection.execute(_REFUSED, values).fetchall()
    return int(refused)


def _take_of_replay(connection: sqlite3.Connection, account_id: str, replay_id: str, now: int) -> LimitReached | None:
    if connection.execute(_TAKE_OF_REPLAY, (account_id, replay_id, now - REPLAY_MICROSECONDS)).rowcount:
        return None
    rows = connection.execute(_REFUSE_IN_REPLAY, (account_id, replay_id)).fetchall()
    limit, refused = rows[0] if rows else (0, 0)  # a replay that has ended and is deleted has no room
    return LimitReached("replay", limit, LimitPeriod.REPLAY, is_first=refused == 1)
