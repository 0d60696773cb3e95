"""The cells of a CSV record (RFC 4180), one physical line after the other, and what is wrong with its quotes."""

import csv
import re
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import lru_cache
from typing import Final, NamedTuple

# Inside quotes: any character but a quote, or two quotes, which mean one. Possessive, so that no text is read
# twice however long it is.
_CONTENT: Final = r'((?:[^"]++|"")*+)'


class QuoteState(Enum):
    """How far a record was read."""

    COMPLETE = auto()
    OPEN = auto()
    """A quote is open at the end of the line."""
    BROKEN = auto()
    """A quote stands where none may."""


@dataclass(slots=True)
class QuotedRow:
    """A record as far as it was read.

    Attributes:
        cells: those that are complete.
        state: whether all of them are.
        is_guess: it has quotes inside of quotes, so that its cells may be others than were meant.
        pieces: the lines of the cell whose quote is open.
    """

    cells: list[str] = field(default_factory=list)
    state: QuoteState = QuoteState.COMPLETE
    is_guess: bool = False
    pieces: list[str] = field(default_factory=list)

    def add_line(self, text: str, delimiter: str) -> bool:
        """Read an open record on: `text` is its next line, without the line's end. True if all of it is in one cell."""
        patterns = _patterns(delimiter)
        if patterns.still_open.match(text):
            self.pieces.append(text)
            return True
        matched = patterns.closing.match(text)
        if matched is None:
            self.state = QuoteState.BROKEN
            return False
        self.cells.append(_unescaped("\n".join([*self.pieces, matched[1]])))
        self.pieces = []
        self.state = QuoteState.COMPLETE
        if matched[2]:
            _scan(self, text, matched.end(), patterns)
        return False


def read_record(text: str, delimiter: str) -> QuotedRow:
    """Read the first line of a record, without the line's end; most records have no other."""
    try:
        # The C reader takes most lines; it only cannot tell an open quote from a broken one.
        reader = csv.reader([text], delimiter=delimiter, strict=True, skipinitialspace=True)
        return QuotedRow(next(reader, []))
    except csv.Error:
        patterns = _patterns(delimiter)
        record = QuotedRow()
        _scan(record, text, 0, patterns)
        if record.state is QuoteState.BROKEN:
            record = QuotedRow(is_guess=True)
            _scan(record, text, 0, patterns._replace(quoted=patterns.loose, opened=patterns.nothing))
        return record


class _Patterns(NamedTuple):
    """Group 1 is a cell, group 2 the delimiter behind it, if one is there."""

    quoted: re.Pattern[str]
    opened: re.Pattern[str]
    quote: re.Pattern[str]
    bare: re.Pattern[str]
    closing: re.Pattern[str]
    still_open: re.Pattern[str]
    loose: re.Pattern[str]
    nothing: re.Pattern[str]


@lru_cache(maxsize=16)
def _patterns(delimiter: str) -> _Patterns:
    at = re.escape(delimiter)
    end = rf'" *(?:({at})|\Z)'
    return _Patterns(
        quoted=re.compile(rf' *"{_CONTENT}{end}'),
        opened=re.compile(rf' *"{_CONTENT}\Z'),
        quote=re.compile(r' *"'),
        bare=re.compile(rf"([^{at}]*)(?:({at})|\Z)"),
        closing=re.compile(_CONTENT + end),
        still_open=re.compile(rf"{_CONTENT}\Z"),
        # A quote closes the cell if the cell ends behind it: "Beth "6 feet" Roe",1
        loose=re.compile(rf' *"((?:[^"]++|"(?! *(?:{at}|\Z)))*+){end}'),
        nothing=re.compile(r"(?!)"),
    )


def _scan(record: QuotedRow, text: str, position: int, patterns: _Patterns) -> None:
    """Read cells from `position` on, where one begins."""
    while True:
        if matched := patterns.quoted.match(text, position):
            record.cells.append(_unescaped(matched[1]))
        elif matched := patterns.opened.match(text, position):
            record.pieces = [matched[1]]
            record.state = QuoteState.OPEN
            return
        elif patterns.quote.match(text, position):
            record.state = QuoteState.BROKEN
            return
        elif matched := patterns.bare.match(text, position):
            record.cells.append(matched[1])
        if matched is None or not matched[2]:
            return
        position = matched.end()


def _unescaped(cell: str) -> str:
    return cell.replace('""', '"')
