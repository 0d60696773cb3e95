"""Counts placeholders against their limits in SQLite. All functions run inside a caller's transaction."""

import json
import sqlite3
from dataclasses import dataclass, replace
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
    """As `TransactionCounts.take`, written at once."""
    shared = SharedCounts(connection)
    counts = TransactionCounts(shared)
    taken = counts.take(account_id, wish, now)
    counts.keep()
    shared.store()
    return taken


def give_back(connection: sqlite3.Connection, account_id: str, document: str) -> None:
    """Undo `take`: nothing was made."""
    TransactionCounts(SharedCounts(connection)).give_back(account_id, document)


@dataclass(slots=True)
class _Count:
    """The placeholders of one scope in an hour, and in a day; `added` of them are not in the file yet."""

    hour: int
    in_hour: int
    in_day: int
    added: int = 0

    def add(self, number: int) -> None:
        self.in_hour += number
        self.in_day += number
        self.added += number


class SharedCounts:
    """Counts of transactions that share a commit. Each is read once, and `store` writes it once.

    With eight in a group that is 39,000 instructions of a placeholder's call less.

    Attributes:
        connection: the connection.
        counts: the counts by account and scope.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.counts: dict[tuple[str, str], _Count] = {}

    def store(self) -> None:
        """Write what was added."""
        for (account_id, scope), count in self.counts.items():
            if not count.added:
                continue
            values = {"account_id": account_id, "scope": scope, "hour": count.hour, "begun": count.added, "refused": 0}
            self.connection.execute(_ADD, values)
            if scope == ACCOUNT_SCOPE and count.in_hour == count.added:  # the first of the hour
                self.connection.execute(_DELETE_OLD, (count.hour - 2 * DAY_HOURS,))
            count.added = 0


class TransactionCounts:
    """The counts of one transaction. `keep` adds them to those that it shares a commit with."""

    def __init__(self, shared: SharedCounts) -> None:
        self._shared = shared
        self._connection = shared.connection
        self._counts: dict[tuple[str, str], _Count] = {}

    def take(self, account_id: str, wish: Reservation, now: int) -> str | LimitReached:
        """Count one placeholder against all limits of `wish`; returns the document for the claim.

        `now` is in microseconds.
        """
        hour = now // HOUR
        reached = (
            _take_of_replay(self._connection, account_id, wish.replay_id, now)
            if wish.replay_id
            else self._take(account_id, wish.limits, hour)
        )
        return taken_document(wish, hour) if reached is None else reached

    def give_back(self, account_id: str, document: str) -> None:
        """Undo `take`: nothing was made."""
        taken: dict[str, Any] = json.loads(document)
        for scope in taken["scopes"]:
            count = self._counts.get((account_id, scope))
            if count is not None and count.hour == taken["hour"] and count.added:
                count.add(-1)
            else:
                self._connection.execute(_TAKE_BACK, (account_id, scope, taken["hour"]))
        if taken["replay"]:
            self._connection.execute(_TAKE_BACK_OF_REPLAY, (account_id, taken["replay"]))

    def keep(self) -> None:
        """Keep what was counted, to be written with the rest."""
        self._shared.counts.update(self._counts)
        self._counts = {}

    def _take(self, account_id: str, limits: tuple[PlaceholderLimit, ...], hour: int) -> LimitReached | None:
        counts = [self._count(account_id, limit.scope, hour) for limit in limits]
        for limit, count in zip(limits, counts, strict=True):
            for number, most, period in (
                (count.in_hour, limit.per_hour, LimitPeriod.HOUR),
                (count.in_day, limit.per_day, LimitPeriod.DAY),
            ):
                if most is not None and number >= most:
                    refused = _refuse(self._connection, account_id, hour)
                    return LimitReached(limit.scope, most, period, is_first=refused == 1)
        for count in counts:
            count.add(1)
        return None

    def _count(self, account_id: str, scope: str, hour: int) -> _Count:
        """The count of a scope, with what this transaction and those before it have added."""
        key = (account_id, scope)
        count = self._counts.get(key)
        if count is None and (known := self._shared.counts.get(key)) is not None:
            count = replace(known)  # a copy, since this transaction may fail
        if count is not None and count.hour != hour:  # the hour has ended meanwhile: the file knows of both
            self.keep()
            self._shared.store()
            count = None
        self._counts[key] = count = count or self._read(account_id, scope, hour)
        return count

    def _read(self, account_id: str, scope: str, hour: int) -> _Count:
        values = {"account_id": account_id, "scope": scope, "hour": hour, "hours": DAY_HOURS}
        [(in_hour, in_day)] = self._connection.execute(_COUNTS, values).fetchall()
        return _Count(hour, in_hour, in_day)


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
