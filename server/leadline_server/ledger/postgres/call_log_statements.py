"""The statement that writes call logs of one account, on the condition that no other process changed them."""

# ruff: noqa: S608 - all SQL here is built from constants

import random
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from leadline_server.domain.call_log import CallLog
from leadline_server.domain.unshown import unshown
from leadline_server.ledger.codec import CALL_LOG, changing_columns, stable_columns
from leadline_server.storage.postgres.deferred import RowsExpression

_VERSION_BITS: Final = 62

_COLUMNS: Final = {
    "user_id": "text",
    "direction": "smallint",
    "number_key": "text",
    "start_time": "bigint",
    "shown_state": "smallint",
    "reason": "smallint",
    "update_state": "smallint",
    "contact_id": "text",
    "next_attempt_time": "bigint",
    "body": "bytea",
}
_NAMES: Final = ", ".join(_COLUMNS)
_GIVEN: Final = ", ".join(f"given.{name}" for name in _COLUMNS)
_ARRAYS: Final = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(_COLUMNS.values(), start=8))

# $1 the account, $2 the number of visible changes, $3 the change of stored blocks, $4 the call ids, $5 the versions
# that were read (0: a new call), $6 the versions to write, $7 the place of each visible change (0: not visible).
# The counters come first: rows are written only once their row is locked. Then a row that another transaction has
# changed is found by its version, and one that it has inserted by its key, and refuse_conflict() undoes all of it. A
# session of a pooler has the settings of others, so the commit's own is set here. `RowsExpression` says why `given` has
# conditions that hold for all rows.
_EXPRESSIONS: Final = f"""
    WITH given AS (
        SELECT * FROM unnest($4::text[], $5::bigint[], $6::bigint[], $7::bigint[], {_ARRAYS})
        AS given (call_id, version, next_version, place, {_NAMES}) WHERE version >= 0 AND next_version > 0
    ), counters AS (
        INSERT INTO account_counters AS c (account_id, sequence, pruned_through, blocks)
        SELECT $1, sequence_base + $2, sequence_base, $3 FROM ledger
        ON CONFLICT (account_id) DO UPDATE SET sequence = c.sequence + $2, blocks = c.blocks + $3
        RETURNING sequence - $2 AS before, sequence
    ), updated AS (
        UPDATE call_logs AS c SET version = given.next_version,
            sequence = CASE WHEN given.place > 0 THEN counters.before + given.place ELSE c.sequence END,
            {", ".join(f"{name} = given.{name}" for name in _COLUMNS)}
        FROM given, counters
        WHERE given.version > 0 AND c.account_id = $1 AND c.call_id = given.call_id AND c.version = given.version
        RETURNING 1
    ), inserted AS (
        INSERT INTO call_logs (account_id, call_id, version, sequence, {_NAMES})
        SELECT $1, given.call_id, given.next_version, counters.before + given.place, {_GIVEN}
        FROM given, counters
        WHERE given.version = 0 AND NOT EXISTS (
            SELECT FROM call_links AS l WHERE l.account_id = $1 AND l.reported_id = given.call_id
        )
        ON CONFLICT DO NOTHING RETURNING 1
    )
"""
_WRITTEN: Final = "(SELECT count(*) FROM updated) + (SELECT count(*) FROM inserted)"
# A session of a pooler has the settings of others, so the commit's own is set in the statement.
_SYNCED: Final = "set_config('synchronous_commit', 'on', true)"
WRITE: Final = f"""
    {_EXPRESSIONS}
    SELECT refuse_conflict({_WRITTEN}, cardinality($4::text[])), (SELECT sequence FROM counters), {_SYNCED}
"""
WRITE_CONFIRMED: Final = f"""
    {WRITE}, refuse_other_settings($1, ${8 + len(_COLUMNS)}::bigint, (SELECT sequence FROM counters))
"""
"""As WRITE, with one more value: the settings version that the account must have."""

WRITE_LOCKED: Final = WRITE.replace(
    """AND NOT EXISTS (
            SELECT FROM call_links AS l WHERE l.account_id = $1 AND l.reported_id = given.call_id
        )""",
    "",
)
"""As WRITE, under the account's lock, for what was read under it."""


@unshown
class Written(NamedTuple):
    """One row to write: its call, the versions read and to write, whether clients can see the change, and its values.

    The version to write is random, so that a writer knows its own row again.
    """

    call_id: str
    version: int
    next_version: int
    is_visible: bool
    columns: tuple[Any, ...]
    document: bytes

    @classmethod
    def of(cls, call_id: str, version: int, log: CallLog | None, is_visible: object) -> "Written":
        """The row of a log."""
        if log is None:
            raise ValueError("there is nothing to write")
        columns = (*stable_columns(log), *changing_columns(log))
        next_version = 1 + random.getrandbits(_VERSION_BITS)
        return cls(call_id, version, next_version, bool(is_visible), columns, CALL_LOG.encode(log))


def write_values(account_id: str, rows: Sequence[Written], blocks: int) -> tuple[object, ...]:
    """The values of WRITE for rows in the order of their call ids."""
    places, visible = [], 0
    for row in rows:
        visible += row.is_visible
        places.append(visible if row.is_visible else 0)
    columns = zip(*(row.columns for row in rows), strict=True)
    return (
        account_id,
        visible,
        blocks,
        [row.call_id for row in rows],
        [row.version for row in rows],
        [row.next_version for row in rows],
        places,
        *(list(column) for column in columns),
        [row.document for row in rows],
    )


_SETTINGS_PLACE: Final = 8 + len(_COLUMNS)


_HELD_PLACE: Final = _SETTINGS_PLACE + 1
_HOLDING: Final = _EXPRESSIONS.replace(
    "counters AS (", f"held AS (SELECT hold_numbers($1, ${_HELD_PLACE}::text[]) AS numbers), counters AS ("
).replace("FROM ledger\n", "FROM ledger, held WHERE held.numbers > 0\n")
"""As _EXPRESSIONS, but first of all numbers are held."""

_STILL_SET: Final = f"""
    , (SELECT count(refuse_other_settings($1, known.version, (SELECT sequence FROM counters)))
        FROM unnest(${_SETTINGS_PLACE}::bigint[]) AS known (version))
"""


@lru_cache(maxsize=64)
def write_with(expressions: tuple[RowsExpression, ...], *, holds_numbers: bool = False) -> str:
    """WRITE that also writes the rows of `expressions`, and only if the account has the settings versions given.

    Its values are those of WRITE, the versions, the numbers if it `holds_numbers`, and the arrays of each expression.
    With numbers, for which contacts are created, the account must have the settings also once they are held.
    """
    first, still_set = (_HOLDING, _STILL_SET) if holds_numbers else (_EXPRESSIONS, "")
    parts, written = [], [_WRITTEN, "(SELECT count(*) FROM settings)"]
    place = _HELD_PLACE + holds_numbers
    wanted = ["cardinality($4::text[])", f"cardinality(${_SETTINGS_PLACE}::bigint[])"]
    for expression in expressions:
        parts.append(f", {expression.at(place)}")
        written.append(f"(SELECT count(*) FROM {expression.name})")
        wanted.append(f"cardinality(${place}::{expression.types[0]}[])")
        place += len(expression.types)
    return f"""
        {first}, settings AS (
            SELECT FROM unnest(${_SETTINGS_PLACE}::bigint[]) AS known (version)
            JOIN accounts AS a ON a.account_id = $1 AND a.version = known.version AND a.state <> 'deleting'
        ) {"".join(parts)}
        SELECT refuse_conflict({" + ".join(written)}, {" + ".join(wanted)}), (SELECT sequence FROM counters), {_SYNCED}
        {still_set}
    """
