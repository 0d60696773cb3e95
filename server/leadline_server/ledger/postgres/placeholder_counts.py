"""Counts placeholders against their limits in PostgreSQL. All functions run under the account's lock."""

import json
from typing import Any, Final

from leadline_server.domain.placeholder_bounds import DAY_HOURS
from leadline_server.domain.placeholders import LimitPeriod, LimitReached, PlaceholderLimit, Reservation
from leadline_server.ledger.placeholder_rows import ACCOUNT_SCOPE, HOUR, REPLAY_MICROSECONDS, taken_document
from leadline_server.ledger.postgres.audit import count_of
from leadline_server.storage.postgres.database import Connection

_COUNTS: Final = """
    SELECT coalesce(sum(begun) FILTER (WHERE hour = $3), 0)::bigint, coalesce(sum(begun), 0)::bigint
    FROM placeholder_counts WHERE account_id = $1 AND scope = $2 AND hour > $3::bigint - $4
"""
_ADD: Final = """
    INSERT INTO placeholder_counts AS c (account_id, scope, hour, begun, refused) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (account_id, scope, hour) DO UPDATE SET begun = c.begun + $4, refused = c.refused + $5
    RETURNING begun, refused
"""
_DELETE_OLD: Final = "DELETE FROM placeholder_counts WHERE account_id = $1 AND hour <= $2"
_TAKE_BACK: Final = """
    UPDATE placeholder_counts SET begun = begun - 1 WHERE account_id = $1 AND scope = $2 AND hour = $3 AND begun > 0
"""
_TAKE_OF_REPLAY: Final = """
    UPDATE replays SET begun = begun + 1
    WHERE account_id = $1 AND replay_id = $2 AND begun < placeholder_limit AND opened_at > $3
"""
_REFUSE_IN_REPLAY: Final = """
    UPDATE replays SET refused = refused + 1 WHERE account_id = $1 AND replay_id = $2
    RETURNING placeholder_limit, refused
"""
_TAKE_BACK_OF_REPLAY: Final = """
    UPDATE replays SET begun = begun - 1 WHERE account_id = $1 AND replay_id = $2 AND begun > 0
"""


async def take(connection: Connection, account_id: str, wish: Reservation, now: int) -> str | LimitReached:
    """Count one placeholder against all limits of `wish`; returns the document for the claim. `now` in microseconds."""
    hour = now // HOUR
    if wish.replay_id:
        reached = await _take_of_replay(connection, account_id, wish.replay_id, now)
    else:
        reached = await _take(connection, account_id, wish.limits, hour)
    return taken_document(wish, hour) if reached is None else reached


async def give_back(connection: Connection, account_id: str, document: str) -> None:
    """Undo `take`: nothing was made."""
    taken: dict[str, Any] = json.loads(document)
    for scope in taken["scopes"]:
        await connection.execute(_TAKE_BACK, account_id, scope, taken["hour"])
    if taken["replay"]:
        await connection.execute(_TAKE_BACK_OF_REPLAY, account_id, taken["replay"])


async def _take(
    connection: Connection, account_id: str, limits: tuple[PlaceholderLimit, ...], hour: int
) -> LimitReached | None:
    for limit in limits:
        in_hour, in_day = await connection.fetchrow(_COUNTS, account_id, limit.scope, hour, DAY_HOURS)
        for count, most, period in (
            (in_hour, limit.per_hour, LimitPeriod.HOUR),
            (in_day, limit.per_day, LimitPeriod.DAY),
        ):
            if most is not None and count >= most:
                _, refused = await connection.fetchrow(_ADD, account_id, ACCOUNT_SCOPE, hour, 0, 1)
                return LimitReached(limit.scope, most, period, is_first=refused == 1)
    for limit in limits:
        begun, _ = await connection.fetchrow(_ADD, account_id, limit.scope, hour, 1, 0)
        if begun == 1 and limit.scope == ACCOUNT_SCOPE:  # the first of the hour
            await connection.execute(_DELETE_OLD, account_id, hour - 2 * DAY_HOURS)
    return None


async def _take_of_replay(connection: Connection, account_id: str, replay_id: str, now: int) -> LimitReached | None:
    oldest = now - REPLAY_MICROSECONDS
    if count_of(await connection.execute(_TAKE_OF_REPLAY, account_id, replay_id, oldest)):
        return None
    row = await connection.fetchrow(_REFUSE_IN_REPLAY, account_id, replay_id)
    limit, refused = row or (0, 0)  # a replay that has ended and is deleted has no room
    return LimitReached("replay", limit, LimitPeriod.REPLAY, is_first=refused == 1)
