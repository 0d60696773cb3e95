"""Reads leadline's own call record form: CSV with a header, for phone systems without a reader of their own.

Every column is optional but `start_time`; docs/call-records.md describes them.
"""

import csv
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from leadline_server.domain.call import Call, CallDirection, CallResult, Party
from leadline_server.replay.records import (
    BadRow,
    Record,
    Row,
    Skipped,
    UnusableFile,
    attributes_of,
    with_one_leg,
)
from leadline_server.replay.rules import Rules, Target
from leadline_server.replay.times import Hints, Span, read_span

_TEXTS = (*("disposition", "subject", "note", "recording_url", "voicemail_url", "summary", "transcript"),)
COLUMNS = (
    *("id", "linked_id", "leg_id", "direction", "user_id"),
    *("caller_number", "caller_name", "caller_extension", "callee_number", "callee_name", "callee_extension"),
    *("start_time", "answer_time", "end_time", "duration", "result", "event_time"),
    *_TEXTS,
)
ATTRIBUTE_PREFIX = "attribute:"

# What identifies a row that has no id of its own.
_IDENTITY = ("id", "caller_number", "caller_extension", "callee_number", "callee_extension", "start_time", "end_time")


def read_generic(lines: Iterable[str], rules: Rules) -> Iterator[Row]:
    """The rows of a file, in order. A row that cannot be read is handed on as Skipped, and reading goes on.

    Raises:
        UnusableFile: at once, where the header lacks `start_time`, or has a column that nobody knows.
    """
    counted = _Counted(lines)
    reader = csv.reader(counted, strict=True)
    return _rows(_header(reader), reader, counted, rules)


def _rows(header: list[str], reader: Iterator[list[str]], counted: "_Counted", rules: Rules) -> Iterator[Row]:
    while True:
        line = counted.line + 1
        try:
            row = next(reader)
            if row:
                yield _record(_values(header, row), rules, line, counted.take())
        except StopIteration:
            return
        except csv.Error as error:
            yield Skipped(line=line, size=counted.take(), reason=f"not a CSV row: {error}")
        except BadRow as bad:
            yield Skipped(line=line, size=counted.take(), reason=str(bad))


class _Counted:
    """Lines as they are, counted, with the bytes that went by since they were last asked for."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._size = 0
        self.line = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._size += len(line.encode())
        self.line += 1
        return line

    def take(self) -> int:
        size, self._size = self._size, 0
        return size


def _header(reader: Iterator[list[str]]) -> list[str]:
    try:
        header = [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        raise UnusableFile(f"line 1 is no CSV header: {error}") from None
    header = [name if name.startswith(ATTRIBUTE_PREFIX) else name.lower() for name in header]
    unknown = [name for name in header if name not in COLUMNS and not name.startswith(ATTRIBUTE_PREFIX)]
    if "start_time" not in header:
        raise UnusableFile("line 1 has no column start_time; it must name the columns (see docs/call-records.md)")
    if unknown:
        raise UnusableFile(
            f"unknown columns: {', '.join(unknown)}. Known: {', '.join(COLUMNS)}; "
            f"to keep another one with the call, name it {ATTRIBUTE_PREFIX}NAME"
        )
    if len(set(header)) < len(header):
        raise UnusableFile("a column is named twice")
    return header


def _values(header: list[str], row: list[str]) -> Mapping[str, str]:
    if len(row) != len(header):
        raise BadRow(f"{len(row)} columns; the header has {len(header)}")
    return dict(zip(header, (cell.strip() for cell in row), strict=True))


def _record(values: Mapping[str, str], rules: Rules, line: int, size: int) -> Record:
    direction = _direction(values, rules)
    span = _span(values, rules)
    caller, callee = _party(values, "caller", rules), _party(values, "callee", rules)
    own = callee if direction is CallDirection.INBOUND else caller
    user_id = values.get("user_id") or own.user_id
    if direction is CallDirection.INTERNAL:
        user_id = user_id or callee.user_id
    texts: dict[str, Any] = {name: values[name] for name in _TEXTS if values.get(name)}
    digest = hashlib.sha256("\x1f".join(values.get(name, "") for name in _IDENTITY).encode()).hexdigest()[:20]
    prefixed = {name.removeprefix(ATTRIBUTE_PREFIX): name for name in values if name.startswith(ATTRIBUTE_PREFIX)}
    call = Call(
        id=values.get("id") or f"cdr-{digest}",
        linked_id=values.get("linked_id") or None,
        direction=direction,
        caller=caller,
        callee=callee,
        start_time=span.start,
        answer_time=span.answer,
        end_time=span.end,
        result=_result(values, span),
        event_time=_event_time(values, rules),
        attributes=attributes_of(**{name: values[column] for name, column in prefixed.items()}),
        **texts,
    )
    return Record(
        line=line,
        size=size,
        call=with_one_leg(call, values.get("leg_id") or f"leg-{digest}", user_id),
        user_id=user_id,
        extension=own.extension or "",
    )


def _party(values: Mapping[str, str], side: str, rules: Rules) -> Party:
    extension = values.get(f"{side}_extension") or ""
    return Party(
        phone_number=values.get(f"{side}_number") or None,
        name=values.get(f"{side}_name") or None,
        extension=extension or None,
        user_id=rules.user_of(extension),
    )


def _direction(values: Mapping[str, str], rules: Rules) -> CallDirection | None:
    """The column's word, else by which side has an extension, or a number that looks like one."""
    word = values.get("direction", "").upper()
    if word:
        try:
            return CallDirection[word]
        except KeyError:
            raise BadRow(f"unknown direction {word[:40]!r}; known: inbound, outbound, internal") from None
    ours = {
        side: bool(values.get(f"{side}_extension"))
        or rules.target(values.get(f"{side}_number", "")) in {Target.EXTENSION, Target.FEATURE_CODE}
        for side in ("caller", "callee")
    }
    return rules.direction("", caller_is_ours=ours["caller"], callee_is_ours=ours["callee"])


def _result(values: Mapping[str, str], span: Span) -> CallResult | None:
    """The column's word; without one, a call with an answer time was answered."""
    word = values.get("result", "").upper().replace(" ", "_").replace("-", "_")
    if not word:
        return CallResult.ANSWERED if span.answer else None
    try:
        return CallResult[word]
    except KeyError:
        raise BadRow(
            f"unknown result {word[:40]!r}; known: {', '.join(one.name.lower() for one in CallResult)}"
        ) from None


def _span(values: Mapping[str, str], rules: Rules) -> Span:
    duration = _duration(values.get("duration", ""))
    start, answer, end = (values.get(name, "") for name in ("start_time", "answer_time", "end_time"))
    span = read_span(start, answer, end, rules.time_zone, Hints(duration=duration))
    if span.end is None and duration is not None:
        return Span(span.start, span.answer, span.start + timedelta(seconds=duration))
    return span


def _duration(text: str) -> int | None:
    if not text:
        return None
    if not text.isdecimal() or len(text) > 9:  # noqa: PLR2004 some thirty years, in seconds
        raise BadRow(f"duration {text[:40]!r} is no whole number of seconds")
    return int(text)


def _event_time(values: Mapping[str, str], rules: Rules) -> datetime | None:
    text = values.get("event_time", "")
    return read_span(text, "", "", rules.time_zone, Hints()).start.astimezone(UTC) if text else None
