"""Claims on numbers in SQLite: one row a number, for who holds it, the creation under way and the contact known."""

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from leadline_server.ledger.codec import from_microseconds, to_microseconds
from leadline_server.ports.ledger import Claimed, HeldByAnother, Remembered
from leadline_server.storage.sqlite import SqliteDatabase

# An earlier holder that died had stopped when its time ran out. One of this very process cannot be at work any more,
# or it would not ask again, but when it stopped was not recorded.
_ACQUIRE: Final = """
    INSERT INTO claims (account_id, number_key, owner, held_until, creation_key)
    VALUES (:account_id, :number_key, :owner, :until, :creation_key)
    ON CONFLICT DO UPDATE SET
        given_up_at = CASE
            WHEN creation_key IS NULL THEN NULL
            WHEN owner IS NULL THEN given_up_at
            WHEN owner = :owner THEN :now
            ELSE held_until
        END,
        creation_key = coalesce(creation_key, :creation_key),
        owner = :owner,
        held_until = :until
    WHERE owner IS NULL OR owner = :owner OR held_until <= :now
    RETURNING creation_key, given_up_at, contact_id, contact_key
"""
_HELD_UNTIL: Final = "SELECT held_until FROM claims WHERE account_id = ? AND number_key = ?"
_RENEW: Final = "UPDATE claims SET held_until = ? WHERE account_id = ? AND number_key = ? AND owner = ?"
_BEGIN: Final = """
    UPDATE claims SET creation_key = ?, given_up_at = NULL WHERE account_id = ? AND number_key = ? AND owner = ?
"""
_RELEASE: Final = """
    UPDATE claims SET
        owner = NULL,
        held_until = NULL,
        creation_key = iif(coalesce(:given_up, given_up_at) IS NULL, NULL, creation_key),
        given_up_at = coalesce(:given_up, given_up_at)
    WHERE account_id = :account_id AND number_key = :number_key AND owner = :owner
"""
_FINISH_OWN: Final = """
    UPDATE claims SET
        contact_id = :contact_id, contact_key = :creation_key, recorded_at = :now,
        owner = NULL, held_until = NULL, creation_key = NULL, given_up_at = NULL
    WHERE account_id = :account_id AND number_key = :number_key AND owner = :owner
"""
_FINISH: Final = """
    INSERT INTO claims (account_id, number_key, contact_id, contact_key, recorded_at)
    VALUES (:account_id, :number_key, :contact_id, :creation_key, :now)
    ON CONFLICT DO UPDATE
    SET contact_id = :contact_id, contact_key = :creation_key, recorded_at = :now
"""
_END: Final = """
    UPDATE claims SET owner = NULL, held_until = NULL, creation_key = NULL, given_up_at = NULL
    WHERE account_id = :account_id AND number_key = :number_key
    AND owner IS NULL AND creation_key = :creation_key
"""
_FORGET: Final = """
    UPDATE claims SET contact_id = NULL, contact_key = NULL, recorded_at = NULL
    WHERE account_id = ? AND number_key = ? AND contact_id = ?
"""
_DROP_EMPTY: Final = """
    DELETE FROM claims
    WHERE account_id = ? AND number_key = ? AND owner IS NULL AND creation_key IS NULL AND contact_id IS NULL
"""
_REMEMBERED: Final = """
    SELECT number_key, contact_id, recorded_at FROM claims
    WHERE account_id = ? AND number_key IN (SELECT value FROM json_each(?)) AND contact_id IS NOT NULL
"""

_Values = dict[str, Any]
"""The named parameters of a statement."""


class SqliteClaims:
    """A ledger.Claims; see there what each method promises."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def acquire(
        self, account_id: str, number_key: str, owner: str, creation_key: str, now: datetime, until: datetime
    ) -> Claimed | HeldByAnother:
        """Take the claim of a number if it is free."""
        wanted = {
            "account_id": account_id,
            "number_key": number_key,
            "owner": owner,
            "creation_key": creation_key,
            "now": to_microseconds(now),
            "until": to_microseconds(until),
        }
        return await self._database.write_one(_acquire, wanted)

    async def renew(self, account_id: str, number_key: str, owner: str, until: datetime) -> bool:
        """Hold the claim up to `until`; False if it is not `owner`'s any more."""
        row = (to_microseconds(until), account_id, number_key, owner)
        return await self._database.write(lambda connection: connection.execute(_RENEW, row).rowcount == 1)

    async def begin(self, account_id: str, number_key: str, owner: str, creation_key: str) -> bool:
        """Put the holder's own creation in the place of an earlier one; False if the claim is not `owner`'s."""
        row = (creation_key, account_id, number_key, owner)
        return await self._database.write(lambda connection: connection.execute(_BEGIN, row).rowcount == 1)

    async def release(self, account_id: str, number_key: str, owner: str, given_up: datetime | None) -> None:
        """Give the claim up without a contact."""
        ended = {
            "account_id": account_id,
            "number_key": number_key,
            "owner": owner,
            "given_up": None if given_up is None else to_microseconds(given_up),
        }

        def release(connection: sqlite3.Connection) -> None:
            connection.execute(_RELEASE, ended)
            connection.execute(_DROP_EMPTY, (account_id, number_key))

        await self._database.write(release)

    async def finish(
        self,
        account_id: str,
        number_key: str,
        contact_id: str,
        now: datetime,
        *,
        owner: str = "",
        creation_key: str = "",
    ) -> None:
        """Record the number's contact; the owner's claim, and its creation, are over."""
        made = {
            "account_id": account_id,
            "number_key": number_key,
            "contact_id": contact_id,
            "creation_key": creation_key,
            "now": to_microseconds(now),
            "owner": owner,
        }
        await self._database.write_one(_finish, made)

    async def remembered(self, account_id: str, number_keys: Sequence[str]) -> dict[str, Remembered]:
        """The contacts recorded for these numbers, by number key."""
        if not number_keys:
            return {}
        keys = json.dumps(list(number_keys))

        def select(connection: sqlite3.Connection) -> dict[str, Remembered]:
            rows = connection.execute(_REMEMBERED, (account_id, keys)).fetchall()
            return {key: Remembered(contact_id, from_microseconds(time)) for key, contact_id, time in rows}

        return await self._database.probe(select)

    async def forget(self, account_id: str, number_key: str, contact_id: str) -> None:
        """Forget that `contact_id` is the number's contact: the CRM no longer has it."""

        def forget(connection: sqlite3.Connection) -> None:
            connection.execute(_FORGET, (account_id, number_key, contact_id))
            connection.execute(_DROP_EMPTY, (account_id, number_key))

        await self._database.write(forget)


def _acquire(connection: sqlite3.Connection, wanted: Sequence[_Values]) -> Sequence[Claimed | HeldByAnother]:
    return [_acquire_one(connection, values) for values in wanted]


def _acquire_one(connection: sqlite3.Connection, values: _Values) -> Claimed | HeldByAnother:
    for key, given_up_at, contact_id, contact_key in connection.execute(_ACQUIRE, values).fetchall():
        given_up = None if given_up_at is None else from_microseconds(given_up_at)
        return Claimed(key, given_up, contact_id or "", contact_key or "")
    [(held_until,)] = connection.execute(_HELD_UNTIL, (values["account_id"], values["number_key"])).fetchall()
    return HeldByAnother(from_microseconds(held_until))


def _finish(connection: sqlite3.Connection, made: Sequence[_Values]) -> Sequence[None]:
    for values in made:
        if not (values["owner"] and connection.execute(_FINISH_OWN, values).rowcount):
            connection.execute(_FINISH, values)
            connection.execute(_END, values)
    return [None] * len(made)
