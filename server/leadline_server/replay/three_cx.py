"""The columns of 3CX's call log: the report of version 20, and of the versions before it.

Version 20 has Call Time, Call ID, From, To, Direction, Status, Ringing, Talking, Cost, Call Activity Details; earlier
ones Call Time, Caller ID, Destination, Status, Ringing, Talking, Totals, Cost, Reason. A side is written as
`Roe Jane (2025550601)`. Source: 3CX, "Call Logs" and "Call Reports".
"""

from collections.abc import Mapping, Sequence
from typing import Final

from leadline_server.replay.columns import IGNORE, ColumnMap, named_columns
from leadline_server.replay.words import key

_FIELDS: Final = {
    "call time": "start_time",
    "call id": "id",
    "from": "caller_number",
    "caller id": "caller_number",
    "to": "callee_number",
    "destination": "callee_number",
    "direction": "direction",
    "status": "result",
    "ringing": "ring_time",
    "talking": "talk_time",
    "totals": "duration",
    "total": "duration",
    "cost": "attribute:cost",
    "reason": "attribute:reason",
    "call activity details": "attribute:activity",
    "play": IGNORE,
}
_TELLTALE: Final = ({"call time", "ringing", "talking", "status"},)


def is_three_cx_header(header: Sequence[str]) -> bool:
    """Whether a line is the header of a 3CX call log."""
    keys = {key(cell) for cell in header}
    return any(needed <= keys for needed in _TELLTALE)


def three_cx_columns(header: Sequence[str], given: Mapping[str, Sequence[str]]) -> ColumnMap:
    """The columns of a 3CX call log."""
    return named_columns(header, given, _FIELDS)
