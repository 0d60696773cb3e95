"""The texts of one row, read as what they are; a text that cannot be read costs its value, not the row."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from leadline_server.replay.clock_texts import DateOrder, has_no_time, read_clock
from leadline_server.replay.durations import read_duration
from leadline_server.replay.records import BadRow
from leadline_server.replay.rules import Rules
from leadline_server.replay.times import Hints, Span, read_instants, read_span
from leadline_server.replay.words import is_empty

# Spreadsheets turn long digits into 1.79121E+09: the last ones are gone.
_is_scientific = re.compile(r"\d[.,]?\d*E\+?\d{1,2}", re.IGNORECASE).fullmatch

_START, _ANSWER, _END = "start_time", "answer_time", "end_time"
_WORDS: Final = {"duration": "duration", "talk_time": "talk time", "ring_time": "ring time"}


def is_damaged(text: str) -> bool:
    """Whether a spreadsheet has cut a long number, such as 1.79121E+09."""
    return _is_scientific(text) is not None


class Values:
    """The texts of one row by field, and what of them could not be taken.

    Args:
        texts: by field.
        names: what the file calls a field where that differs, for the notes.
    """

    def __init__(self, texts: Mapping[str, str], names: Mapping[str, str] | None = None) -> None:
        self._texts = texts
        self._names = {**_WORDS, **(names or {})}
        self._seconds: dict[str, int | None] = {}
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """Notes a value that could not be taken, once."""
        if text not in self.notes:
            self.notes.append(text)

    def text(self, name: str) -> str:
        """The field's text; empty where it has none, or a database's NULL."""
        text = self._texts.get(name, "")
        return "" if is_empty(text) else text

    def seconds(self, name: str) -> int | None:
        """The field's duration in seconds; None where it has none, or one that cannot be read."""
        if name not in self._seconds:
            try:
                self._seconds[name] = read_duration(self.text(name))
            except ValueError:
                self._seconds[name] = None
                self.note(f"{self._names.get(name, name)} {self.text(name)[:40]!r} is not a number of seconds")
        return self._seconds[name]

    def clock(self, name: str, order: DateOrder | None) -> datetime | None:
        """The field's time, as the text says it; None where it has none, or one that cannot be read."""
        text = self.text(name)
        if has_no_time(text):
            return None
        try:
            return read_clock(text, order)
        except (ValueError, OverflowError):
            self.note(f"{self._names.get(name, name)} {text[:40]!r} is no time")
            return None

    def span(self, rules: Rules, hints: Hints) -> tuple[Span, bool]:
        """The times of the row, and whether they are the same in every zone.

        Raises:
            BadRow: the start is missing or cannot be read, or the times run backwards.
        """
        start, answer, end = self.text(_START), self._readable(_ANSWER, rules), self._readable(_END, rules)
        span = read_span(start, answer, end, rules.time_zone, hints, rules.date_order)
        clocks = [read_clock(text, rules.date_order) for text in (start, answer, end) if not has_no_time(text)]
        is_absolute = all(clock.tzinfo is not None for clock in clocks)
        return span, is_absolute

    def _readable(self, name: str, rules: Rules) -> str:
        """The text of a time that can be done without: empty where it cannot be read."""
        text = self.text(name)
        try:
            if not has_no_time(text):
                read_instants(text, rules.time_zone, rules.date_order)
        except BadRow as bad:
            self.note(f"{self._names.get(name, name)}: {bad}")
            return ""
        return text
