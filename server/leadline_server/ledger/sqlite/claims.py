"""The claims on numbers in SQLite: one row for each number, with its lease, its creation and its contact."""

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from leadline_server.domain.audit import Actor
from leadline_server.domain.placeholders import LimitReached, Reservation
from leadline_server.ledger.codec import from_microseconds, to_microseconds
from leadline_server.ledger.sqlite.placeholder_counts import give_back, take
from leadline_server.ledger.sqlite.placeholders import record_created
from leadline_server.ports.ledger import Claimed, HeldByAnother, Remembered
from leadline_server.ports.ledger.claims import RELEASE_SECONDS
from leadline_server.storage.sqlite import SqliteDatabase

# `given_up_at` becomes a time at which the earlier holder had stopped. A holder that died had stopped at `lease_until`.
# An earlier holder in this same process has stopped too, since one task of a process acquires a claim at a time. When
# it stopped is not recorded, so `:now` is used.
_ACQUIRE: Final = """
    INSERT INTO claims (account_id, number_key, lease_owner, lease_until, creation_key)
    VALUES (:account_id, :number_key, :lease_owner, :lease_until, :creation_key)
    ON CONFLICT DO UPDATE SET
        given_up_at = CASE
            WHEN creation_key IS NULL THEN NULL
            WHEN lease_owner IS NULL THEN given_up_at
            WHEN lease_owner = :lease_owner THEN :now
            ELSE lease_until
        END,
        creation_key = coalesce(creation_key, :creation_key),
        lease_owner = :lease_owner,
        lease_until = :lease_until
    WHERE lease_owner IS NULL OR lease_owner = :lease_owner OR lease_until <= :now
    RETURNING creation_key, given_up_at, contact_id, contact_key, reservation
"""
_LEASE_UNTIL: Final = "SELECT lease_until FROM claims WHERE account_id = ? AND number_key = ?"
_RENEW: Final = "UPDATE claims SET lease_until = ? WHERE account_id = ? AND number_key = ? AND lease_owner = ?"
_BEGIN: Final = """
    UPDATE claims SET creation_key = ?, given_up_at = NULL, reservation = iif(?, reservation, NULL)
    WHERE account_id = ? AND number_key = ? AND lease_owner = ?
"""
_RELEASE: Final = """
    UPDATE claims SET
        lease_owner = NULL,
        lease_until = NULL,
        creation_key = iif(coalesce(:given_up, given_up_at) IS NULL, NULL, creation_key),
        reservation = iif(coalesce(:given_up, given_up_at) IS NULL, NULL, reservation),
        given_up_at = coalesce(:given_up, given_up_at)
    WHERE account_id = :account_id AND number_key = :number_key AND lease_owner = :lease_owner
"""
_FINISH_OWN: Final = """
    UPDATE claims SET
        contact_id = :contact_id, contact_key = :creation_key, recorded_at = :now,
        lease_owner = NULL, lease_until = NULL, creation_key = NULL, given_up_at = NULL, reservation = NULL
    WHERE account_id = :account_id AND number_key = :number_key AND lease_owner = :lease_owner
"""
_FINISH: Final = """
    INSERT INTO claims (account_id, number_key, contact_id, contact_key, recorded_at)
    VALUES (:account_id, :number_key, :contact_id, :creation_key, :now)
    ON CONFLICT DO UPDATE
    SET contact_id = :contact_id, contact_key = :creation_key, recorded_at = :now
"""
_END: Final = """
    UPDATE claims
    SET lease_owner = NULL, lease_until = NULL, creation_key = NULL, given_up_at = NULL, reservation = NULL
    WHERE account_id = :account_id AND number_key = :number_key
    AND lease_owner IS NULL AND creation_key = :creation_key
"""
_FORGET: Final = """
    UPDATE claims SET contact_id = NULL, contact_key = NULL, recorded_at = NULL
    WHERE account_id = ? AND number_key = ? AND contact_id = ?
"""
_HELD: Final = """
    SELECT reservation, given_up_at FROM claims WHERE account_id = ? AND number_key = ? AND lease_owner = ?
"""
_RESERVE: Final = "UPDATE claims SET reservation = ? WHERE account_id = ? AND number_key = ?"
_TAKEN: Final = """
    SELECT reservation FROM claims
    WHERE account_id = :account_id AND number_key = :number_key AND reservation IS NOT NULL
    AND (lease_owner = :lease_owner OR (lease_owner IS NULL AND creation_key = :creation_key))
"""
_DELETE_EMPTY: Final = """
    DELETE FROM claims
    WHERE account_id = ? AND number_key = ? AND lease_owner IS NULL AND creation_key IS NULL AND contact_id IS NULL
"""
_REMEMBERED_ONE: Final = """
    SELECT number_key, contact_id, recorded_at FROM claims
    WHERE account_id = ? AND number_key = ? AND contact_id IS NOT NULL
"""
_REMEMBERED: Final = """
    SELECT number_key, contact_id, recorded_at FROM claims
    WHERE account_id = ? AND number_key IN (SELECT value FROM json_each(?)) AND contact_id IS NOT NULL
"""

_Values = dict[str, Any]
"""The named parameters of a statement."""


class SqliteClaims:
    """Implements ports.ledger.Claims; the contract of each method is there."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def acquire(
        self,
        account_id: str,
        number_key: str,
        lease_owner: str,
        creation_key: str,
        now: datetime,
        lease_until: datetime,
        reservation: Reservation | None = None,
    ) -> Claimed | HeldByAnother:
        """Acquire the claim of a number if it is free."""
        values = {
            "account_id": account_id,
            "number_key": number_key,
            "lease_owner": lease_owner,
            "creation_key": creation_key,
            "now": to_microseconds(now),
            "lease_until": to_microseconds(lease_until),
            "wish": reservation,
        }
        return await self._database.write_batched(_acquire, values)

    async def renew(self, account_id: str, number_key: str, lease_owner: str, lease_until: datetime) -> bool:
        """Hold the claim until `lease_until`; False if `lease_owner` has lost it."""
        row = (to_microseconds(lease_until), account_id, number_key, lease_owner)
        return await self._database.write(lambda connection: connection.execute(_RENEW, row).rowcount == 1)

    async def begin(
        self, account_id: str, number_key: str, lease_owner: str, creation_key: str, *, keeps_reservation: bool = False
    ) -> bool:
        """Record the holder's own creation instead of an earlier one; False if `lease_owner` has lost the claim."""
        held = (account_id, number_key, lease_owner)

        def begin(connection: sqlite3.Connection) -> bool:
            if not keeps_reservation:
                _give_back(connection, *held)
            return connection.execute(_BEGIN, (creation_key, keeps_reservation, *held)).rowcount == 1

        return await self._database.write(begin)

    async def release(
        self, account_id: str, number_key: str, lease_owner: str, given_up: datetime | None, *, may_wait: bool = False
    ) -> None:
        """Release the claim without a contact."""
        values = {
            "account_id": account_id,
            "number_key": number_key,
            "lease_owner": lease_owner,
            "given_up": None if given_up is None else to_microseconds(given_up),
        }
        await self._database.write_batched(_release, values, within=RELEASE_SECONDS if may_wait else 0.0)

    async def finish(
        self,
        account_id: str,
        number_key: str,
        contact_id: str,
        now: datetime,
        *,
        lease_owner: str = "",
        creation_key: str = "",
        placeholder_by: Actor | None = None,
        may_wait: bool = False,
    ) -> None:
        """Record the number's contact; the holder's claim and creation are over."""
        values = {
            "account_id": account_id,
            "number_key": number_key,
            "contact_id": contact_id,
            "creation_key": creation_key,
            "now": to_microseconds(now),
            "lease_owner": lease_owner,
            "by": placeholder_by,
        }
        await self._database.write_batched(_finish, values, within=RELEASE_SECONDS if may_wait else 0.0)

    async def remembered(self, account_id: str, number_keys: Sequence[str]) -> dict[str, Remembered]:
        """The contacts recorded for these numbers, by number key."""
        if not number_keys:
            return {}
        # Most calls have one number, which needs no list.
        is_one = len(number_keys) == 1
        statement, keys = (_REMEMBERED_ONE, number_keys[0]) if is_one else (_REMEMBERED, json.dumps(list(number_keys)))

        def select(connection: sqlite3.Connection) -> dict[str, Remembered]:
            rows = connection.execute(statement, (account_id, keys)).fetchall()
            return {key: Remembered(contact_id, from_microseconds(time)) for key, contact_id, time in rows}

        return await self._database.read_inline(select)

    async def remembered_now(self, account_id: str, number_keys: Sequence[str]) -> tuple[dict[str, Remembered], int]:
        """As `remembered`, without a version: to ask for it costs nothing."""
        return await self.remembered(account_id, number_keys), 0

    async def forget(self, account_id: str, number_key: str, contact_id: str) -> None:
        """Forget that `contact_id` is the number's contact, because the CRM no longer has it."""

        def forget(connection: sqlite3.Connection) -> None:
            connection.execute(_FORGET, (account_id, number_key, contact_id))
            connection.execute(_DELETE_EMPTY, (account_id, number_key))

        await self._database.write(forget)


def _acquire(connection: sqlite3.Connection, batch: Sequence[_Values]) -> Sequence[Claimed | HeldByAnother]:
    return [_acquire_one(connection, values) for values in batch]


def _acquire_one(connection: sqlite3.Connection, values: _Values) -> Claimed | HeldByAnother:
    wish = values["wish"]
    for key, given_up_at, contact_id, contact_key, taken in connection.execute(_ACQUIRE, values).fetchall():
        given_up = None if given_up_at is None else from_microseconds(given_up_at)
        reached = None if wish is None or taken is not None else _reserve(connection, values, wish)
        return Claimed(key, given_up, contact_id or "", contact_key or "", reached)
    [(lease_until,)] = connection.execute(_LEASE_UNTIL, (values["account_id"], values["number_key"])).fetchall()
    return HeldByAnother(from_microseconds(lease_until))


def _reserve(connection: sqlite3.Connection, values: _Values, wish: Reservation) -> LimitReached | None:
    """Take a placeholder from the limits for the creation of a claim."""
    taken = take(connection, values["account_id"], wish, values["now"])
    if isinstance(taken, LimitReached):
        return taken
    connection.execute(_RESERVE, (taken, values["account_id"], values["number_key"]))
    return None


def _release(connection: sqlite3.Connection, batch: Sequence[_Values]) -> Sequence[None]:
    for values in batch:
        held = (values["account_id"], values["number_key"], values["lease_owner"])
        if values["given_up"] is None:
            _give_back(connection, *held, unless_given_up=True)
        connection.execute(_RELEASE, values)
        connection.execute(_DELETE_EMPTY, held[:2])
    return [None] * len(batch)


def _finish(connection: sqlite3.Connection, batch: Sequence[_Values]) -> Sequence[None]:
    for values in batch:
        _record_placeholder(connection, values)
        if not (values["lease_owner"] and connection.execute(_FINISH_OWN, values).rowcount):
            connection.execute(_FINISH, values)
            connection.execute(_END, values)
    return [None] * len(batch)


def _record_placeholder(connection: sqlite3.Connection, values: _Values) -> None:
    """Record that the contact is a placeholder, if it is one."""
    rows = connection.execute(_TAKEN, values).fetchall()
    taken = rows[0][0] if rows else ""
    record_created(connection, values["account_id"], values["contact_id"], values["now"], taken, values["by"])


def _give_back(
    connection: sqlite3.Connection, account_id: str, number_key: str, lease_owner: str, *, unless_given_up: bool = False
) -> None:
    """Give back what the creation of this claim took. With `unless_given_up`, an earlier creation keeps it."""
    for reservation, given_up_at in connection.execute(_HELD, (account_id, number_key, lease_owner)).fetchall():
        if reservation is not None and not (unless_given_up and given_up_at is not None):
            give_back(connection, account_id, reservation)
