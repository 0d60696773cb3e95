"""Takes over the contacts and call logs of a `crm.db`: the embedded CRM once had a file of its own.

The tables of that file have the same columns, and no prefix in their names.
"""

import asyncio
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from leadline_server.crm.embedded.database import CrmDatabase
from leadline_server.domain.crm_errors import CrmUnavailable
from leadline_server.storage.connection import connect, immediate_transaction, retry_busy

FILE: Final = "crm.db"

_TABLES: Final = ("books", "contacts", "contact_numbers", "call_logs")
_NAMES: Final = "INSERT INTO crm_contact_names (rowid, folded_name) SELECT pk, folded_name FROM crm_contacts"


async def take_over_old_file(database: CrmDatabase, folder: Path) -> None:
    """Copy all of the old file in `folder`, if there is one, and rename it to `crm.db.imported`.

    It is copied in one transaction, which also notes it. So a crash before the renaming copies nothing twice.

    Raises:
        CrmUnavailable: the file cannot be copied, or the tables have contacts already; nothing was changed.
    """
    old = folder / FILE
    if not old.is_file() or old == database.path:
        return
    try:
        await asyncio.to_thread(_take_over, database.path, old)
    except sqlite3.Error as error:
        raise CrmUnavailable(f"{old} cannot be taken over into {database.path}: {error}.") from error


def _take_over(path: Path, old: Path) -> None:
    with closing(connect(path, timeout=0)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")  # see storage.checkpoints
        connection.execute("ATTACH ? AS old", (str(old),))
        with immediate_transaction(connection):
            if not connection.execute("SELECT 1 FROM crm_taken_over").fetchall():
                _copy(connection, old)
        retry_busy(lambda: connection.execute("PRAGMA old.wal_checkpoint(TRUNCATE)").fetchall())
        connection.execute("DETACH old")
    with suppress(FileNotFoundError):  # another process was faster
        old.rename(old.with_name(f"{FILE}.imported"))


def _copy(connection: sqlite3.Connection, old: Path) -> None:
    if connection.execute("SELECT 1 FROM crm_contacts LIMIT 1").fetchall():
        raise CrmUnavailable(f"The ledger has contacts of its own. Move {old} away, and start again.")
    connection.execute("DELETE FROM crm_books")  # empty ones; the file has its own numbers for them
    for table in _TABLES:
        names = ", ".join(row[1] for row in connection.execute(f"PRAGMA old.table_info({table})").fetchall())
        connection.execute(f"INSERT INTO crm_{table} ({names}) SELECT {names} FROM old.{table}")  # noqa: S608 - our names
    connection.execute(_NAMES)
    connection.execute("INSERT INTO crm_taken_over (id) VALUES (1)")
