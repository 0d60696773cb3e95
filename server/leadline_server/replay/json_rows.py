"""Documents of JSON in a file: one a line, one after the other, or an array of them.

A document that is cut off or broken spoils itself only: the next line that begins with a brace begins another one.
"""

import json
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from leadline_server.replay.csv_rows import BLANK_LINE
from leadline_server.replay.lines import Line, readable, size_of
from leadline_server.replay.records import NoRecord, Skipped

_MAX_DOCUMENT: Final = 4 << 20  # characters; a document of mod_json_cdr has some ten thousand
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|"|[{}]')
_BETWEEN: Final = re.compile(r"[\s,\[\]]*")


@dataclass(frozen=True, slots=True)
class Document:
    """One document: where it begins, its bytes, its fields."""

    line: int
    size: int
    fields: dict[str, Any]


@dataclass(slots=True)
class _Open:
    """A document that is being read."""

    line: int
    size: int = 0
    depth: int = 0
    length: int = 0
    pieces: list[str] = field(default_factory=list)

    def add(self, text: str, size: int) -> None:
        """Takes a piece of text."""
        self.size += size
        self.length += len(text)
        if self.length <= _MAX_DOCUMENT:
            self.pieces.append(text)

    def close(self) -> Document | Skipped:
        """The document, or the reason why it is none."""
        if self.length > _MAX_DOCUMENT:
            return self.skipped(f"longer than {_MAX_DOCUMENT} characters")
        try:
            fields = json.loads(readable("".join(self.pieces)))
        except (ValueError, RecursionError) as error:
            return self.skipped(f"no JSON: {error}")
        return Document(self.line, self.size, fields) if isinstance(fields, dict) else self.skipped("no JSON object")

    def skipped(self, reason: str) -> Skipped:
        """Its bytes, with the reason why they are no document."""
        return Skipped(line=self.line, size=self.size, reason=reason)


def read_documents(lines: Iterator[Line]) -> Iterator[Document | Skipped | NoRecord]:
    """The documents, in order. Every byte belongs to exactly one of what is yielded."""
    found: _Open | None = None
    for line in lines:
        if found is not None and (line.text.startswith("{") or line.is_too_long):
            yield found.skipped("a document that is cut off")
            found = None
        if line.is_too_long:
            yield Skipped(line=line.number, size=line.size, reason="a line that is too long")
            continue
        found = yield from _read_line(line, found)
    if found is not None:
        yield found.skipped("a document that is cut off")


def _read_line(line: Line, found: _Open | None) -> Generator[Document | Skipped | NoRecord, None, _Open | None]:
    """The documents that end in this line; returns the one that goes on behind it."""
    place, left = 0, line.size
    while place < len(line.text):
        if found is None:
            begin = _begin(line.text, place)
            if begin is None:
                break
            found = _Open(line.number)
        else:
            begin = place
        end, is_whole = _end(line.text, begin, found)
        is_last = end >= len(line.text)
        size = left if is_last else size_of(line.text[place:end])
        found.add(line.text[begin:end], size)
        place, left = end, left - size
        if not is_whole:
            return found
        yield found.close()
        found = None
    if found is not None:  # a blank line within a document
        found.add("\n", left)
        return found
    if left:
        rest = line.text[place:]
        if _BETWEEN.fullmatch(rest):
            yield NoRecord(line=line.number, size=left, what=BLANK_LINE)
        else:
            yield Skipped(line=line.number, size=left, reason="no JSON object")
    return None


def _begin(text: str, place: int) -> int | None:
    begin = text.find("{", place)
    return begin if begin >= 0 and _BETWEEN.fullmatch(text, place, begin) else None


def _end(text: str, place: int, found: _Open) -> tuple[int, bool]:
    """Where the document ends in this text, or the text's end; and whether it is whole then."""
    for token in _TOKEN.finditer(text, place):
        if token[0] == "{":
            found.depth += 1
        elif token[0] == "}":
            found.depth -= 1
            if found.depth == 0:
                return token.end(), True
    return len(text), False
