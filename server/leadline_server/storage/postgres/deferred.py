"""Parts of a statement: rows that are written with others, by one statement at the end of some work.

Example: a call log of the embedded CRM, which is written in the statement that writes the call's log in the ledger.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from leadline_server.domain.unshown import unshown


class RowsExpression(NamedTuple):
    """Common table expressions that write rows of an account.

    PostgreSQL expects ten rows of arrays that it does not know. Then a plan for unknown values seems so expensive, if
    the tables are large, that it makes another plan for each execution, which takes longer than the execution. Two
    conditions that always hold make it expect one row: it takes a third of the rows for each.

    Attributes:
        name: of the last expression, which returns a row for each row that was written. If it returns fewer, the whole
            statement is undone.
        sql: the expressions. `$1` is the account's id; `{rows}` stands for the given rows, as a set.
        types: the types of the values of a row, such as `("text", "bigint")`.
    """

    name: str
    sql: str
    types: tuple[str, ...]

    def at(self, place: int) -> str:
        """The expressions, with the arrays of the values from parameter `place` on."""
        return _placed(self, place)


@unshown
class DeferredRow(NamedTuple):
    """A row that an expression is to write."""

    expression: RowsExpression
    values: tuple[Any, ...]


@lru_cache(maxsize=64)
def _placed(expression: RowsExpression, place: int) -> str:
    arrays = ", ".join(f"${at}::{kind}[]" for at, kind in enumerate(expression.types, start=place))
    return expression.sql.replace("{rows}", f"unnest({arrays})")


def arrays_of(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    """The values of rows as arrays, one for each column."""
    return [list(column) for column in zip(*rows, strict=True)]
