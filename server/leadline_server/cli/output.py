"""Output: tables and sheets for people, JSON for programs."""

import json
import sys
import textwrap
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:  # what these bring along would slow the start of every command
    from datetime import datetime

    from google.protobuf.message import Message
    from google.protobuf.timestamp_pb2 import Timestamp
    from rich.console import Console

    from leadline_server.cli.session import Session

_GAP: Final = 2  # columns between two cells
_LEAST: Final = 12  # columns that a cell is never cut below
_BIDI: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        title: what stands above it.
        is_number: whether it is aligned at the right.
        can_shrink: whether its cells may be cut where the terminal is narrow; ids never are.
        goes: whether, and when, it is left out where the terminal is too narrow still: the greatest first; 0 never.
        style: a cell's style, by what is in it.
    """

    title: str
    is_number: bool = False
    can_shrink: bool = False
    goes: int = 0
    style: Callable[[str], str] | None = None


def table(console: "Console", columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Print rows, as wide as the terminal. A column that is empty in all rows is left out."""
    from rich.cells import cell_len

    cells = [[printable(cell).replace("\n", " ") for cell in row] for row in rows]
    natural = {
        index: max(cell_len(text) for text in (column.title, *(row[index] for row in cells)))
        for index, column in enumerate(columns)
        if any(row[index] for row in cells)
    }
    widths = _fitting(columns, natural, console.width)
    _print_row(console, columns, widths, [column.title.upper() for column in columns], is_title=True)
    for row in cells:
        _print_row(console, columns, widths, row)


def _fitting(columns: Sequence[Column], natural: dict[int, int], width: int) -> dict[int, int]:
    """The widths of the columns that are shown."""
    shown = dict(natural)
    while True:
        widths = dict(shown)
        for index in sorted((i for i in shown if columns[i].can_shrink), key=lambda i: -shown[i]):
            excess = sum(widths.values()) + _GAP * (len(widths) - 1) - width
            widths[index] = max(min(_LEAST, widths[index]), widths[index] - max(excess, 0))
        leaving = max(shown, key=lambda index: columns[index].goes, default=None)
        is_too_wide = sum(widths.values()) + _GAP * (len(widths) - 1) > width
        if not is_too_wide or leaving is None or not columns[leaving].goes:
            return widths
        del shown[leaving]


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
    """Print what one thing has, a line for each label that has a value; long values go on below themselves."""
    from rich.text import Text

    shown = [(label, printable(value)) for label, value in rows if value]
    indent = max((len(label) for label, _ in shown), default=0) + _GAP
    for label, value in shown:
        lines = _wrapped(value, max(console.width - indent, 2 * _LEAST))
        line = Text(label.ljust(indent), "bold")
        line.append(f"\n{' ' * indent}".join(lines), style(value) if style else "not bold")
        console.print(line, soft_wrap=True)


def _wrapped(text: str, width: int) -> list[str]:
    lines: list[str] = []
    for line in text.splitlines():
        lines += textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False) or [""]
    return lines or [""]


def printable(text: str) -> str:
    """The text without what would command the terminal: a caller chooses their caller-ID name."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if _commands(character) and character != "\n" else character for character in text
    )


def _commands(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs"} or character in _BIDI


def short_time(moment: "Timestamp | None", now: "datetime | None" = None) -> str:
    """A time in the local zone: day and minute, with the year where it is not this one; empty for none."""
    from datetime import UTC, datetime

    if moment is None or not (moment.seconds or moment.nanos):
        return ""
    local = moment.ToDatetime(tzinfo=UTC).astimezone()
    this_year = (now or datetime.now(UTC)).astimezone().year
    return local.strftime("%m-%d %H:%M" if local.year == this_year else "%Y-%m-%d %H:%M")


def long_time(moment: "Timestamp | None") -> str:
    """A time in the local zone to the second, with the zone; empty for none."""
    from datetime import UTC

    if moment is None or not (moment.seconds or moment.nanos):
        return ""
    return moment.ToDatetime(tzinfo=UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def duration(start: "Timestamp", end: "Timestamp") -> str:
    """Minutes and seconds from one time to the other, such as `3:05`; empty where either is missing."""
    if not (start.seconds and end.seconds):
        return ""
    minutes, seconds = divmod(max(end.seconds - start.seconds, 0), 60)
    return f"{minutes}:{seconds:02}"


def document(message: "Message") -> dict[str, Any]:
    """A message in proto3's JSON form, by the contract's field names, empty fields included."""
    from google.protobuf.json_format import MessageToDict

    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def print_json(message: "Message") -> None:
    """One message as one JSON document."""
    _write(_dumped(message, indent=2))


def print_json_line(message: "Message") -> None:
    """One message in one line."""
    _write(_dumped(message))


def print_json_array(messages: "Iterable[Message]") -> None:
    """Messages as one JSON array, written as they come."""
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
    """How many of what."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def taken(session: "Session", found: "Iterable[Any]", limit: int) -> "Iterable[Any]":
    """The first `limit` of what is found (0: all), and a remark where there is more."""
    for index, item in enumerate(found):
        if limit and index == limit:
            session.note(f"There is more: these are the first {limit:,}; --limit 0 shows all.")
            return
        yield item
