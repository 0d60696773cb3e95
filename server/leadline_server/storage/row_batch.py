"""Statements over many rows at once, for what costs more a statement than a row.

FTS5 writes its index out after every statement.
"""

import sqlite3
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

MAX_ROWS: Final = 512
"""Rows of one statement; with 32 columns that is half the parameters that SQLite takes."""


def values_table(name: str, columns: Sequence[str], rows: int) -> str:
    """A common table expression of `rows` rows of parameters."""
    row = f"({', '.join('?' * len(columns))})"
    return f"WITH {name} ({', '.join(columns)}) AS (VALUES {', '.join([row] * rows)})"


class RowBatch:
    """A statement over a table of parameters, prepared for every power of two of rows; the rows missing are NULL.

    Args:
        columns: of the table, which is called `given`; the first is never NULL in a row that counts.
        statement: what follows the table; it has to pass over rows whose first column is NULL.
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
