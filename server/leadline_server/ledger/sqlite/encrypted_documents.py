"""The encrypted documents of a SQLite ledger, and the keys that they need (see `encryption`)."""

import sqlite3
from collections.abc import Iterable
from typing import Final

from leadline_server.encryption import ID_LENGTH

_IDS: Final = f"""
    SELECT DISTINCT CAST(substr(document, 1, {ID_LENGTH}) AS TEXT) FROM
        (SELECT document FROM tokens UNION ALL SELECT document FROM quarantine) WHERE document IS NOT NULL
"""  # noqa: S608 - a constant
_FORGET: Final = (
    f"UPDATE tokens SET document = NULL WHERE CAST(substr(document, 1, {ID_LENGTH}) AS TEXT) = ?",  # noqa: S608
    f"DELETE FROM quarantine WHERE CAST(substr(document, 1, {ID_LENGTH}) AS TEXT) = ?",  # noqa: S608
)


def needed_keys(connection: sqlite3.Connection) -> frozenset[str]:
    """The ids of the keys that documents are encrypted with."""
    return frozenset(str(key_id) for (key_id,) in connection.execute(_IDS).fetchall())


def forget_encrypted(connection: sqlite3.Connection, key_ids: Iterable[str]) -> None:
    """Drop the documents of these keys."""
    for key_id in key_ids:
        for statement in _FORGET:
            connection.execute(statement, (key_id,))
