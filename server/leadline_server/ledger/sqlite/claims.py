"""Claims on numbers in SQLite: one row a number, for the creation under way and for the contact that is known."""

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from leadline_server.ledger.codec import from_microseconds, to_microseconds
from leadline_server.ports.ledger import Remembered
from leadline_server.storage.sqlite import SqliteDatabase

_BEGIN: Final = """
    INSERT INTO claims (account_id, number_key, creation_key, begun_at) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE
    SET creation_key = coalesce(creation_key, excluded.creation_key), begun_at = coalesce(begun_at, excluded.begun_at)
    RETURNING creation_key
"""
_FINISH: Final = """
    INSERT INTO claims (account_id, number_key, contact_id, recorded_at) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE
    SET creation_key = NULL, begun_at = NULL, contact_id = excluded.contact_id, recorded_at = excluded.recorded_at
"""
_ABANDON: Final = "UPDATE claims SET creation_key = NULL, begun_at = NULL WHERE account_id = ? AND number_key = ?"
_FORGET: Final = """
    UPDATE claims SET contact_id = NULL, recorded_at = NULL
    WHERE account_id = ? AND number_key = ? AND contact_id = ?
"""
_DROP_EMPTY: Final = """
    DELETE FROM claims WHERE account_id = ? AND number_key = ? AND creation_key IS NULL AND contact_id IS NULL
"""
_REMEMBERED: Final = """
    SELECT number_key, contact_id, recorded_at FROM claims
    WHERE account_id = ? AND number_key IN (SELECT value FROM json_each(?)) AND contact_id IS NOT NULL
"""


class SqliteClaims:
    """A ledger.Claims."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def begin(self, account_id: str, number_key: str, creation_key: str, now: datetime) -> str:
        """Record that a contact is about to be created; the creation key to use, which may be an earlier one's."""
        row = (account_id, number_key, creation_key, to_microseconds(now))

        def begin(connection: sqlite3.Connection) -> str:
            [(key,)] = connection.execute(_BEGIN, row).fetchall()
            return str(key)

        return await self._database.write(begin)

    async def finish(self, account_id: str, number_key: str, contact_id: str, now: datetime) -> None:
        """Record that the number's contact is `contact_id`; the creation that was begun is over."""
        row = (account_id, number_key, contact_id, to_microseconds(now))
        await self._database.write(lambda connection: connection.execute(_FINISH, row))

    async def abandon(self, account_id: str, number_key: str) -> None:
        """Record that the creation begun for the number certainly made nothing."""

        def abandon(connection: sqlite3.Connection) -> None:
            connection.execute(_ABANDON, (account_id, number_key))
            connection.execute(_DROP_EMPTY, (account_id, number_key))

        await self._database.write(abandon)

    async def remembered(self, account_id: str, number_keys: Sequence[str]) -> dict[str, Remembered]:
        """The contacts recorded for these numbers, by number key."""
        if not number_keys:
            return {}
        keys = json.dumps(list(number_keys))

        def select(connection: sqlite3.Connection) -> dict[str, Remembered]:
            rows = connection.execute(_REMEMBERED, (account_id, keys)).fetchall()
            return {key: Remembered(contact_id, from_microseconds(time)) for key, contact_id, time in rows}

        return await self._database.read(select)

    async def forget(self, account_id: str, number_key: str, contact_id: str) -> None:
        """Forget that `contact_id` is the number's contact: the CRM no longer has it."""

        def forget(connection: sqlite3.Connection) -> None:
            connection.execute(_FORGET, (account_id, number_key, contact_id))
            connection.execute(_DROP_EMPTY, (account_id, number_key))

        await self._database.write(forget)
