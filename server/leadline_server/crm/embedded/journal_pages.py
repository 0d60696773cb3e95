"""The call journal read page by page, in the order of its keys, which an index has."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from leadline_server.crm.embedded.journal import OWNED_COLUMNS, PLAIN_COLUMNS
from leadline_server.crm.embedded.rows import at_micros, from_micros
from leadline_server.domain.call import Attestation, Call, CallDirection, CallResult, Party
from leadline_server.ports.embedded_contents import EmbeddedCallLog, EmbeddedCallLogPage

_COLUMNS: Final = ("unique_key", "id", "follow_up", "rating", *OWNED_COLUMNS)
COLUMNS: Final = ", ".join(["coalesce(c.id, '')", *(f"l.{name}" for name in _COLUMNS)])
"""What `page_from` reads, of logs called `l` with their contacts called `c`."""

_PAGE: Final = (
    f"SELECT {COLUMNS} FROM crm_call_logs AS l LEFT JOIN crm_contacts AS c ON c.pk = l.contact"  # noqa: S608 - our names
    " WHERE l.book = (SELECT book FROM crm_books WHERE account_id = ?) AND l.unique_key > ?"
    " ORDER BY l.unique_key LIMIT ?"
)


def list_logs(connection: sqlite3.Connection, account_id: str, limit: int, cursor: str) -> EmbeddedCallLogPage:
    """A page of an account's logs, after the one whose key is `cursor`."""
    return page_from(connection.execute(_PAGE, (account_id, cursor, limit + 1)).fetchall(), limit)


def page_from(rows: Sequence[Sequence[Any]], limit: int) -> EmbeddedCallLogPage:
    """The page of `limit` rows and, if there are more, one further."""
    found = [{"contact_id": contact_id, **dict(zip(_COLUMNS, row, strict=True))} for contact_id, *row in rows]
    next_cursor = found[limit - 1]["unique_key"] if len(found) > limit else ""
    return EmbeddedCallLogPage([_log(row) for row in found[:limit]], next_cursor)


def _log(row: Mapping[str, Any]) -> EmbeddedCallLog:
    call = Call(
        id=row["call_id"],
        direction=CallDirection[row["direction"]] if row["direction"] else None,
        result=CallResult[row["result"]] if row["result"] else None,
        attestation=Attestation[row["attestation"]] if row["attestation"] else None,
        caller=Party(phone_number=row["caller_number"], name=row["caller_name"]),
        callee=Party(phone_number=row["callee_number"], name=row["callee_name"]),
        attributes=msgspec.json.decode(row["attributes"], type=dict[str, str]),
        start_time=from_micros(row["start_time"]),
        answer_time=from_micros(row["answer_time"]),
        end_time=from_micros(row["end_time"]),
        **{name: row[name] for name in PLAIN_COLUMNS},
    )
    return EmbeddedCallLog(
        crm_log_id=row["id"],
        contact_id=row["contact_id"],
        owner=row["owner"],
        call=call,
        follow_up=row["follow_up"] or "",
        rating=row["rating"],
        update_time=at_micros(row["update_time"]),
    )
