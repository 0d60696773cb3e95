"""The columns of the table of call logs in SQLite, and how new rows are inserted."""

# ruff: noqa: S608 - all SQL here is built from constants

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from leadline_server.domain.call_log import CallLog
from leadline_server.ledger.codec import CALL_LOG, changing_columns, stable_columns
from leadline_server.ports.ledger import CallKey
from leadline_server.storage.row_batch import RowBatch

STABLE: Final = ("user_id", "direction", "number_key", "start_time")
"""Columns that hardly ever change. An update leaves them out if they did not, so SQLite skips their indexes."""

CHANGING: Final = ("shown_state", "reason", "update_state", "contact_id", "next_attempt_time", "sequence", "body")
"""The other columns that a change may set."""

_NOT_IN_BODY: Final = ("sequence", "body")
_COLUMNS: Final = ("account_id", "call_id", *STABLE, *CHANGING)
_INTO: Final = f"INSERT INTO call_logs ({', '.join(_COLUMNS)})"
_INSERT: Final = f"{_INTO} VALUES ({', '.join('?' * len(_COLUMNS))})"

# The table has a trigger, so SQLite copies each page that the statement changes, to be able to undo it. The rows of a
# group change the same pages: with eight of them, one statement takes 29,000 instructions a call less than eight do.
_INSERT_ALL: Final = RowBatch(_COLUMNS, f"{_INTO} SELECT * FROM given WHERE account_id IS NOT NULL")
_MOST_BYTES: Final = 1024 * 1024
"""Of the documents of one statement: SQLite has each of them in memory three times until its end."""


def insert_rows(connection: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows of `row_of`. None of the calls may have a row."""
    if len(rows) > 1 and sum(len(row[-1]) for row in rows) <= _MOST_BYTES:
        _INSERT_ALL.run(connection, rows)
    elif rows:
        connection.executemany(_INSERT, rows)


def row_of(key: CallKey, log: CallLog, sequence: int) -> tuple[Any, ...]:
    """The values of a new row."""
    return (*key, *stable_columns(log), *changing_values(log, sequence))


def changing_values(log: CallLog, sequence: int) -> tuple[Any, ...]:
    """The values of `CHANGING`."""
    return (*changing_columns(log), sequence, CALL_LOG.encode(log))


def stored_columns(log: CallLog) -> dict[str, Any]:
    """The values of the columns beside a call log's body, except its sequence."""
    values = row_of(CallKey(log.account_id, log.call_id), log, 0)
    return {name: value for name, value in zip(_COLUMNS, values, strict=True) if name not in _NOT_IN_BODY}
