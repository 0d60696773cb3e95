"""Call records that were damaged anyhow: nothing fails, every byte is told of, no two rows become one."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from leadline_server.replay.clock_texts import DateOrder
from leadline_server.replay.csv_rows import Dialect
from leadline_server.replay.files import RecordFile
from leadline_server.replay.grouping import ReplayCall, group
from leadline_server.replay.lines import read_lines
from leadline_server.replay.readers import CsvReader, Reader
from leadline_server.replay.records import Record, Row, UnusableFile
from leadline_server.replay.rules import Rules

FEW: Final = 300
MANY: Final = 10_000
SAMPLES: Final = sorted((Path(__file__).parents[1] / "data" / "call_records").iterdir())
RULES: Final = Rules(
    time_zone=ZoneInfo("America/New_York"),
    users={"101": "alice", "102": "bob", "103": "carol"},
    date_order=DateOrder.DAY_FIRST,
)

PIECES: Final = (
    *(
        b'"',
        b'""',
        b",",
        b";",
        b"\n",
        b"\r",
        b"\r\n",
        b"\x00",
        b"\xff",
        b"\xc3",
        b"\xf6",
        b"\xef\xbb\xbf",
        b"\\",
        b"\t",
    ),
    *(b"'", b"{", b"}", b"[", b"]", b":", b" ", b"0000-00-00 00:00:00", b"NULL", b"\\N", b"1.79E+09", b"9" * 40, b"-1"),
    *(b"9999-12-31 23:59:59", b"0001-01-01 00:00:00", b"99999999999.1", b"999999999", b"253402300799"),
    *(b"Local/101@x-0;1", b"Local/101@x-0;2", b"2026-13-45 99:99:99", b"10/5/2026 10:00", b"sep=;\n", b"x" * 200),
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A sample, or two joined, with some of its bytes removed, replaced, repeated or moved."""
    data = draw(st.sampled_from(SAMPLES)).read_bytes()
    if draw(st.integers(0, 9)) == 0:
        data += draw(st.sampled_from(SAMPLES)).read_bytes()
    for _ in range(draw(st.integers(0, 6))):
        begin = draw(st.integers(0, len(data)))
        end = min(len(data), begin + draw(st.sampled_from((0, 1, 1, 2, 7, 40, 400))))
        piece = draw(st.sampled_from(PIECES) | st.binary(max_size=4))
        kind = draw(st.integers(0, 4))
        replacement = {0: piece, 1: b"", 2: data[begin:end] * 2, 3: piece * 2, 4: data[begin:end][::-1]}[kind]
        data = data[:begin] + replacement + data[begin if kind == 0 else end :]
    if draw(st.integers(0, 19)) == 0:
        data = data.decode("utf-8", "replace").encode("utf-16")
    return data


@pytest.mark.parametrize("examples", [FEW, pytest.param(MANY, marks=pytest.mark.soak)])
def test_damaged_records_are_taken_or_named_byte_by_byte_and_never_merged(examples: int) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=examples == FEW,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(damaged())
    def check(data: bytes) -> None:
        check_file(data)

    check()


def check_file(data: bytes) -> None:
    """Reads the file as an import does. A file that is refused as a whole is named as a whole."""
    stream = io.BytesIO(data)
    try:
        file = RecordFile(stream)
        file.survey().order(DateOrder.DAY_FIRST)
    except UnusableFile:
        return
    rows = list(file.rows(RULES))
    assert sum(row.size for row in rows) == len(data)
    check_lines(rows, data, file.reader)
    check_calls(rows)


def check_lines(rows: Sequence[Row], data: bytes, reader: Reader) -> None:
    """Rows follow each other without gaps or overlaps, and a line that is a row by itself begins one."""
    lines = {line.number: line for line in read_lines(io.BytesIO(data))}
    starts = [row.line for row in rows]
    assert starts == sorted(starts)
    if isinstance(reader, CsvReader):
        assert len(set(starts)) == len(starts)
        for row, following in zip(rows, [*starts, len(lines) + 1][1:], strict=True):
            assert row.size == sum(lines[number].size for number in range(row.line, following))
        whole = {number for number, line in lines.items() if is_row(line.text, reader.dialect)}
        assert whole <= set(starts)


def is_row(text: str, dialect: Dialect) -> bool:
    try:
        [cells] = csv.reader([text], delimiter=dialect.delimiter, strict=True)
    except (csv.Error, ValueError):
        return False
    return dialect.is_row(cells)


def check_calls(rows: Sequence[Row]) -> None:
    """Every row is in exactly one call, or is named; rows that differ are different legs, or are named."""
    told = list(group(rows, "someone"))
    lines = [line for item in told for line in (item.lines if isinstance(item, ReplayCall) else (item.line,))]
    assert sorted(lines) == sorted(row.line for row in rows)
    records = {row.line: row for row in rows if isinstance(row, Record)}
    for item in told:
        if isinstance(item, ReplayCall):
            named = {line for line, _ in item.notes}
            legs: dict[str, Record] = {}
            for line in item.lines:
                other = legs.setdefault(records[line].leg.id, records[line])
                assert other.call == records[line].call or line in named
