"""One statement for many rows, where a statement costs more than a row: FTS5 rewrites its index after each statement.

Example: `INSERT INTO search SELECT name FROM given WHERE name IS NOT NULL`, where `given` is a table of 500 parameters.
"""

import sqlite3
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

MAX_ROWS: Final = 512
"""Rows of one statement. With 32 columns they use half of the parameters that SQLite allows."""


def values_table(name: str, columns: Sequence[str], rows: int) -> str:
    """A common table expression of `rows` rows of parameters."""
    row = f"({', '.join('?' * len(columns))})"
    return f"WITH {name} ({', '.join(columns)}) AS (VALUES {', '.join([row] * rows)})"


class RowBatch:
    """A statement over a table of parameters, which is called `given`.

    The statement is prepared once for every power of two of rows; the rows that are missing are NULL.

    Args:
        columns: of the table; the first must not be NULL in any row.
        statement: follows the table. It must ignore rows whose first column is NULL.
    """

    def __init__(self, columns: Sequence[str], statement: str) -> None:
        self._columns = tuple(columns)
        self._statement = statement
        self._sized: Callable[[int], str] = lru_cache(self._of_size)

    def run(self, connection: sqlite3.Connection, rows: Sequence[Sequence[Any]]) -> None:
        """Execute the statement for any number of rows."""
        for start in range(0, len(rows), MAX_ROWS):
            connection.execute(*self(rows[start : start + MAX_ROWS])).fetchall()

    def _of_size(self, rows: int) -> str:
        return f"{values_table('given', self._columns, rows)} {self._statement}"

    def __call__(self, rows: Sequence[Sequence[Any]]) -> tuple[str, list[Any]]:
        """The statement for these rows, and its parameters. At least one row, at most MAX_ROWS."""
        size = 1 << (len(rows) - 1).bit_length()
        parameters = [value for row in rows for value in row]
        parameters += [None] * (len(self._columns) * (size - len(rows)))
        return self._sized(size), parameters
