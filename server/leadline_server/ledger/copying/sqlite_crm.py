"""The embedded CRM's tables in a SQLite ledger, as copying sees them.

Rows of an account have the number of its book there, and its id in PostgreSQL. A copy has the id.
"""

import sqlite3
from typing import Final

from leadline_server.storage.migrations import apply_missing, load_migrations

_MIGRATIONS: Final = "leadline_server.crm.embedded.migrations"
_VERSIONS: Final = "crm_schema_migrations"
_WITH_BOOK: Final = frozenset({"crm_contacts", "crm_contact_numbers", "crm_call_logs"})


def make_tables(connection: sqlite3.Connection) -> None:
    """Create the tables if they are missing, within a transaction of the caller's."""
    apply_missing(connection, load_migrations(_MIGRATIONS), _VERSIONS)


def shown(table: str, column: str) -> str:
    """The name of a column in a copy."""
    return "account_id" if table in _WITH_BOOK and column == "book" else column


def stored(table: str, name: str) -> str:
    """The inverse of `shown`."""
    return "book" if table in _WITH_BOOK and name == "account_id" else name


def read(table: str, name: str) -> str:
    """The expression of a column's value in a copy."""
    if stored(table, name) == name:
        return name
    return f"(SELECT b.account_id FROM crm_books AS b WHERE b.book = {table}.book)"  # noqa: S608 - our names


def written(table: str, name: str) -> str:
    """The expression that stores a value of a copy."""
    return "?" if stored(table, name) == name else "(SELECT book FROM crm_books WHERE account_id = ?)"


def index_names(connection: sqlite3.Connection) -> None:
    """Make the index of names anew, which is not copied."""
    connection.execute("INSERT INTO crm_contact_names (crm_contact_names) VALUES ('rebuild')")
