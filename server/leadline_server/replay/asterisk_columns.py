"""The columns of Asterisk's call records: of Master.csv by position, of database exports by their headers.

Master.csv, as module cdr_csv writes it, has accountcode, src, dst, dcontext, clid, channel, dstchannel, lastapp,
lastdata, start, answer, end, duration, billsec, disposition, amaflags; then uniqueid (`loguniqueid`), userfield
(`loguserfield`), and peeraccount, linkedid, sequence (`newcdrcolumns`), each where cdr.conf asks for it. Source: the
Asterisk documentation, "CDR Specification", and the comments of cdr.conf.sample. Module cdr_custom writes what its
configuration says; understood is the mapping of cdr_custom.conf.sample.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from leadline_server.replay.clock_texts import DateOrder, order_told_by, read_clock
from leadline_server.replay.columns import IGNORE, ColumnMap
from leadline_server.replay.lines import readable
from leadline_server.replay.records import BadRow
from leadline_server.replay.words import key
from leadline_server.replay.zones import epoch_of

_BASE: Final = (
    *("accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp", "lastdata"),
    *("start", "answer", "end", "duration", "billsec", "disposition", "amaflags"),
)
_NEW_COLUMNS: Final = 3
_MOST_COLUMNS: Final = len(_BASE) + 2 + _NEW_COLUMNS
_CUSTOM: Final = (
    *("clid", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "lastdata", "start", "answer", "end"),
    *("duration", "billsec", "disposition", "amaflags", "accountcode", "uniqueid", "userfield", "sequence"),
)
_START: Final = _BASE.index("start")
_CUSTOM_START: Final = _CUSTOM.index("start")

# Headers of the tables of MySQL (cdr_mysql, cdr_adaptive_odbc), of FreePBX, and of the reports of Elastix and Issabel.
_OTHER_NAMES: Final = {
    "start": "calldate|call_date|start_time|date|fecha",
    "answer": "answerdate|answer_time",
    "end": "hangupdate|enddate|end_time",
    "src": "source|origen|fuente",
    "dst": "destination|destino",
    "channel": "src_channel|source_channel|canal_origen|canal_de_origen",
    "dstchannel": "dst_channel|destination_channel|canal_destino|canal_de_destino",
    "accountcode": "account_code|código_de_cuenta|codigo_de_cuenta",
    "disposition": "status|estado",
    "duration": "duración|duracion",
    "dcontext": "context",
    "clid": "callerid|caller_id",
    "uniqueid": "unique_id",
    "linkedid": "linked_id",
    "userfield": "user_field",
    "recordingfile": "recording_file|recording",
    # These columns say nothing of the call to a reader of its log.
    IGNORE: "id|cel|outbound_cnum|outbound_cnam|peeraccount",
}
_MORE: Final = (
    "uniqueid",
    "userfield",
    "linkedid",
    "sequence",
    "did",
    "recordingfile",
    "cnum",
    "cnam",
    "dst_cnam",
    "ring_group",
)
_BY_HEADER: Final[Mapping[str, str]] = {
    **{name: name for name in (*_BASE, *_MORE)},
    **{other: name for name, others in _OTHER_NAMES.items() for other in others.split("|")},
}
# No other phone system's export has these.
_TELLTALE: Final = frozenset({"dcontext", "dstchannel", "channel", "clid", "lastapp"})


def is_asterisk_header(header: Sequence[str]) -> bool:
    """Whether a line is the header of an export of Asterisk's records."""
    fields = set(_fields(header))
    return {"start", "src", "dst"} <= fields and bool(fields & _TELLTALE)


def header_columns(header: Sequence[str]) -> ColumnMap:
    """The columns of an export with a header."""
    return ColumnMap(fields=tuple(_fields(header)), headers=tuple(readable(cell).strip() for cell in header))


def positional_values(cells: Sequence[str]) -> Mapping[str, str]:
    """The values of a row of Master.csv, in whichever of its column sets.

    Raises:
        BadRow: it has too few columns, or too many that are not empty.
    """
    row = _without_empty_end([cell.strip() for cell in cells])
    if is_custom_row(row):
        return dict(zip(_CUSTOM, row, strict=False))
    extra = row[len(_BASE) :]
    if len(row) < len(_BASE) or len(row) > _MOST_COLUMNS:
        raise BadRow(f"{len(row)} columns; expected {len(_BASE)} to {_MOST_COLUMNS}")
    values = dict(zip(_BASE, row, strict=False))
    if len(extra) >= _NEW_COLUMNS:
        values["linkedid"], values["sequence"] = extra[-2], extra[-1]
        extra = extra[:-_NEW_COLUMNS]
    # One extra column can be either; only unique ids look like "1764060000.12".
    if len(extra) == 1 and epoch_of(extra[0]) is None:
        extra = ["", *extra]
    return values | dict(zip(("uniqueid", "userfield"), extra, strict=False))


def is_positional_row(cells: Sequence[str]) -> bool:
    """Whether cells are a row of Master.csv: as many as it has, with a time where the start belongs."""
    row = _without_empty_end(cells)
    return len(_BASE) <= len(row) <= _MOST_COLUMNS and (is_time(row[_START]) or is_custom_row(row))


def is_custom_row(cells: Sequence[str]) -> bool:
    """Whether cells are in the order of cdr_custom.conf.sample: the start is a column earlier there."""
    sizes = range(len(_CUSTOM) - 3, len(_CUSTOM) + 1)
    return len(cells) in sizes and is_time(cells[_CUSTOM_START]) and not is_time(cells[_START + 2])


def _without_empty_end(cells: Sequence[str]) -> Sequence[str]:
    """The cells without empty ones that a spreadsheet added behind the last column."""
    end = len(cells)
    while end > _MOST_COLUMNS and not cells[end - 1].strip():
        end -= 1
    return cells[:end]


def is_time(text: str) -> bool:
    """Whether a text is a date and a time of day; ten digits are rather a number that was called."""
    try:
        return ":" in text and read_clock(text, DateOrder.DAY_FIRST) is not None
    except (ValueError, OverflowError):
        return ":" in text and order_told_by(text) is not None


def _fields(header: Sequence[str]) -> list[str | None]:
    fields: list[str | None] = []
    for cell in header:
        name = _BY_HEADER.get(key(readable(cell)).replace(" ", "_"))
        fields.append(name if name == IGNORE or name not in fields else None)
    return fields
