"""Output: tables for people, JSON for programs."""

import json
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from leadline_server.domain.clean_text import marked

if TYPE_CHECKING:  # importing these would slow the start of every command
    from datetime import datetime

    from google.protobuf.message import Message
    from google.protobuf.timestamp_pb2 import Timestamp
    from rich.console import Console

_GAP: Final = 2  # characters between two cells
_SHORTEST: Final = 12  # characters: no cell is cut below this width


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        title: the heading.
        is_number: whether its cells are aligned at the right.
        can_shrink: whether its cells may be cut on a narrow terminal. Ids never are.
        drop_order: when a narrow terminal drops the column: the highest number first, 0 never.
        style: the style of a cell, from its text.
    """

    title: str
    is_number: bool = False
    can_shrink: bool = False
    drop_order: int = 0
    style: Callable[[str], str] | None = None


def table(console: "Console", columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Print rows as wide as the terminal. A column that is empty in all rows is left out."""
    from rich.cells import cell_len

    cells = [[printable(cell).replace("\n", " ") for cell in row] for row in rows]
    natural = {
        index: max(cell_len(text) for text in (column.title, *(row[index] for row in cells)))
        for index, column in enumerate(columns)
        if any(row[index] for row in cells)
    }
    widths = _widths(columns, natural, console.width)
    _print_row(console, columns, widths, [column.title.upper() for column in columns], is_title=True)
    for row in cells:
        _print_row(console, columns, widths, row)


def _widths(columns: Sequence[Column], natural: dict[int, int], width: int) -> dict[int, int]:
    """The widths of the columns that are shown: cut cells first, then drop columns."""
    shown = dict(natural)
    while True:
        widths = _cut(columns, shown, width)
        dropped = max(shown, key=lambda index: columns[index].drop_order, default=None)
        if _total(widths) <= width or dropped is None or not columns[dropped].drop_order:
            return widths
        del shown[dropped]


def _cut(columns: Sequence[Column], shown: dict[int, int], width: int) -> dict[int, int]:
    """The widths with long cells cut, the widest column first."""
    widths = dict(shown)
    for index in sorted((i for i in shown if columns[i].can_shrink), key=lambda i: -shown[i]):
        excess = max(_total(widths) - width, 0)
        widths[index] = max(min(_SHORTEST, widths[index]), widths[index] - excess)
    return widths


def _total(widths: dict[int, int]) -> int:
    return sum(widths.values()) + _GAP * (len(widths) - 1)


def _print_row(
    console: "Console",
    columns: Sequence[Column],
    widths: dict[int, int],
    cells: Sequence[str],
    *,
    is_title: bool = False,
) -> None:
    from rich.text import Text

    line = Text()
    for index, width in widths.items():
        column, cell = columns[index], Text(cells[index])
        cell.truncate(width, overflow="ellipsis")
        padding = " " * (width - cell.cell_len)
        style = "bold" if is_title else column.style(cells[index]) if column.style else ""
        line.append(padding if column.is_number else "")
        line.append(cell.plain, style)
        line.append("" if column.is_number else padding)
        line.append(" " * _GAP)
    line.rstrip()
    console.print(line, soft_wrap=True)


def sheet(console: "Console", rows: Iterable[tuple[str, str]], style: Callable[[str], str] | None = None) -> None:
    """Print a label and a value in each line. Empty values are left out, long ones wrapped."""
    from rich.text import Text

    shown = [(label, printable(value)) for label, value in rows if value]
    indent = max((len(label) for label, _ in shown), default=0) + _GAP
    for label, value in shown:
        lines = _wrapped(value, max(console.width - indent, 2 * _SHORTEST))
        line = Text(label.ljust(indent), "bold")
        line.append(f"\n{' ' * indent}".join(lines), style(value) if style else "not bold")
        console.print(line, soft_wrap=True)


def _wrapped(text: str, width: int) -> list[str]:
    lines: list[str] = []
    for line in text.splitlines():
        lines += textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False) or [""]
    return lines or [""]


def printable(text: str) -> str:
    """The text without characters that control the terminal; U+FFFD replaces each.

    Callers choose their caller-ID names, so one may have escape sequences in it.
    """
    return marked(text)


def short_time(moment: "Timestamp | None", now: "datetime | None" = None) -> str:
    """A time in the local zone, such as `03-01 14:30`; with its year if that is not this one; empty without a time."""
    from datetime import UTC, datetime

    if moment is None or not (moment.seconds or moment.nanos):
        return ""
    local = moment.ToDatetime(tzinfo=UTC).astimezone()
    this_year = (now or datetime.now(UTC)).astimezone().year
    return local.strftime("%m-%d %H:%M" if local.year == this_year else "%Y-%m-%d %H:%M")


def long_time(moment: "Timestamp | None") -> str:
    """A time in the local zone, such as `2026-03-01 14:30:05 CET`; empty without a time."""
    from datetime import UTC

    if moment is None or not (moment.seconds or moment.nanos):
        return ""
    return moment.ToDatetime(tzinfo=UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def duration(start: "Timestamp", end: "Timestamp") -> str:
    """Minutes and seconds between two times, such as `3:05`; empty if one is missing."""
    if not (start.seconds and end.seconds):
        return ""
    minutes, seconds = divmod(max(end.seconds - start.seconds, 0), 60)
    return f"{minutes}:{seconds:02}"


def document(message: "Message") -> dict[str, Any]:
    """A message in proto3's JSON form, with the contract's field names and with empty fields."""
    from google.protobuf.json_format import MessageToDict

    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def print_json(message: "Message") -> None:
    """Print a message as a JSON document."""
    _write(_dumped(message, indent=2))


def print_json_line(message: "Message") -> None:
    """Print a message as one line of JSON."""
    _write(_dumped(message))


def print_json_array(messages: "Iterable[Message]") -> None:
    """Print messages as one JSON array, each when it arrives."""
    opening = "["
    for message in messages:
        _write(f"{opening}\n{textwrap.indent(_dumped(message, indent=2), '  ')}", "")
        opening = ","
    _write("[]" if opening == "[" else "\n]")


def _dumped(message: "Message", indent: int | None = None) -> str:
    is_unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    return json.dumps(document(message), indent=indent, ensure_ascii=not is_unicode)


def _write(text: str, end: str = "\n") -> None:
    sys.stdout.write(text + end)
    sys.stdout.flush()


def count(number: int, noun: str) -> str:
    """A number with its noun, such as `1 call` or `2,000 calls`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
