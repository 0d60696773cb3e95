"""Damaged contact files: no traceback, every line in one row that is taken or named, and no two rows merged.

The files are the samples with some bytes inserted, deleted, repeated or cut off.
"""

import io
import re
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from leadline_server.crm.embedded.contact_files import ContactRecord, UnreadableFile
from leadline_server.crm.embedded.contact_files.lines import decode, read_lines
from support.contact_files import SAMPLES, ReadFile, read_file

TABLE = b"""Name,Phone,Mobile,E-mail,Notes
"Roe, Kim","202-555-0601","","k@example.org","first
second, with a comma"
Lee "Al" Doe,(202) 555-0602,202-555-0652,,
"Ann ""Nan"" Poe",+1 202 555 0603,,"a@example.org",""
"Bo","202-555-0604","202-555-0654","b@example.org","one line"
Cy,2025550605,,,"a quote "" within
and
three lines"
Di 6",202-555-0606,,d@example.org,
"","202-555-0607","","",""
"Ed","202-555-0608","","e@example.org",""
"""
QUOTED = b"".join(b'"Name %d","202-555-07%02d","n%d@example.org"\r\n' % (at, at, at) for at in range(10, 30))
CARDS = b"".join(
    b"BEGIN:VCARD\r\nVERSION:2.1\r\nN:Family %d;Given\r\nTEL;CELL:+1202555%d\r\nNOTE;ENCODING=QUOTED-PRINTABLE:a=\r\nb"
    b"\r\nPHOTO;ENCODING=BASE64:\r\n AAAA\r\n BBBB\r\n\r\nUID:u%d\r\nEND:VCARD\r\n" % (at, at, at)
    for at in range(5000, 5010)
)
FILES = {
    "table.csv": TABLE,
    "quoted.csv": b'"Name","Phone","E-mail"\r\n' + QUOTED,
    "cards.vcf": CARDS,
    **{path.name: path.read_bytes() for path in sorted(SAMPLES.iterdir())},
}
NUMBER = re.compile(r"\d(?:[ ().\-]{0,2}\d){9,}")
JOINED = re.compile(r"END:VCARD\W*BEGIN:VCARD", re.IGNORECASE)
INSERTED = [
    b'"',
    b'""',
    b"\n",
    b"\r",
    b"\r\n",
    b",",
    b";",
    b"\t",
    b"=",
    b"'",
    b" ",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"x",
]

Edit = tuple[str, float, bytes, int]
"""The kind of edit, its position (0 to 1), its bytes, and how many bytes it changes."""

edits = st.lists(
    st.tuples(
        st.sampled_from(
            ["insert", "delete", "replace", "repeat", "cut", "open", "open", "close", "close", "unquote", "join"]
        ),
        st.floats(0, 1, exclude_max=True),
        st.sampled_from(INSERTED),
        st.integers(1, 30),
    ),
    min_size=1,
    max_size=4,
)
# The first three have most rows, and so most to lose.
damaged = st.tuples(st.sampled_from(["table.csv", "quoted.csv", "cards.vcf"]) | st.sampled_from(sorted(FILES)), edits)


def apply(content: bytes, changes: Sequence[Edit]) -> bytes:
    for what, where, piece, count in changes:
        at = int(where * len(content))
        if what == "insert":
            content = content[:at] + piece + content[at:]
        elif what == "delete":
            content = content[:at] + content[at + min(count, 3) :]
        elif what == "replace":
            content = content[:at] + piece + content[at + 1 :]
        elif what == "repeat":
            content = content[: at + count] + content[at:]
        elif what == "cut":
            content = content[: max(at, count)]
        else:
            content = change_structure(content, what, where)
    return content


STRUCTURE = {
    "open": (rb"(?<=[,;\t\n])", b'"'),  # a quote where a cell begins
    "close": (rb"(?=[,;\t\r\n])", b'"'),  # a quote where a cell ends
    "unquote": (rb'"', b""),
    "join": (rb"\r?\n", b""),
}


def change_structure(content: bytes, what: str, where: float) -> bytes:
    """Change one of the places that the structure of the file hangs on."""
    pattern, piece = STRUCTURE[what]
    places = [(found.start(), found.end()) for found in re.finditer(pattern, content)]
    if not places:
        return content
    begin, end = places[int(where * len(places))]
    return content[:begin] + piece + content[end:]


def read(name: str, content: bytes) -> ReadFile | None:
    """The contents of a file; None if it is refused."""
    try:
        return read_file(name, content)
    except UnreadableFile:
        return None


def header_of(name: str) -> bytes:
    """The lines of a sample's header."""
    found = read(name, FILES[name])
    lines = list(read_lines(io.BytesIO(FILES[name])))
    return b"".join(lines[: found.spans[0][1]]) if found else b""


def check_lines(lines: Sequence[str], found: ReadFile) -> None:
    """Every line that says something is in one span, and no line is in two, but where two cards share one."""
    covered = [number for begin, end in found.spans for number in range(begin, end + 1)]
    shared = [number for number, count in Counter(covered).items() if count > 1]
    for number in shared:
        assert covered.count(number) == 2, found.spans
        assert JOINED.search(lines[number - 1].replace("\N{ZERO WIDTH NO-BREAK SPACE}", "")), found.spans
    assert set(covered) <= set(range(1, len(lines) + 1))
    for number, line in enumerate(lines, 1):
        assert number in covered or not any(map(str.isalnum, line)), (number, line)


def numbers_by_row(name: str) -> dict[str, int]:
    """The last ten digits of each number of a sample that stands in one row only, and that row."""
    found = read(name, FILES[name])
    rows: dict[str, set[int]] = {}
    lines = list(read_lines(io.BytesIO(FILES[name])))
    for row, (begin, end) in enumerate(found.spans if found else ()):
        for tail in tails("".join(map(decode, lines[begin - 1 : end]))):
            rows.setdefault(tail, set()).add(row)
    return {number: min(found_in) for number, found_in in rows.items() if len(found_in) == 1}


def tails(text: str) -> list[str]:
    """The last ten digits of each number in a text."""
    return ["".join(filter(str.isdecimal, number))[-10:] for number in NUMBER.findall(text)]


ROWS = {name: numbers_by_row(name) for name in FILES}


def check_not_merged(name: str, lines: Sequence[str], record: ContactRecord) -> None:
    """No contact has numbers of two rows, unless the damage put both on one line, which then is one row."""
    told = [record.name, record.company, record.title, record.email, *record.phone_numbers, *record.unusable_numbers]
    told += [remark.message for remark in record.remarks]
    taken = {tail for text in told for tail in tails(text) if tail in ROWS[name]}
    places = [{tail for tail in tails(line) if tail in taken} for line in lines[record.line - 1 : record.end]]
    rows = {ROWS[name][min(place)] for place in places if place}
    assert len(rows) <= 1, record


def check(file: tuple[str, Sequence[Edit]]) -> None:
    name, changes = file
    content = apply(FILES[name], changes)
    found = read(name, content)
    if found:
        lines = [decode(line) for line in read_lines(io.BytesIO(content))]
        check_lines(lines, found)
        # Where the header is damaged, nothing says how many cells a row has.
        if name.endswith(".vcf") or content.startswith(header_of(name)):
            for record in found.records:
                check_not_merged(name, lines, record)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(damaged)
@example(("22-two-bom.vcf", [("delete", 0.74609375, b'"', 2)]))
@example(("41-trailing-rows.csv", [("open", 0.125, b'"', 1), ("insert", 0.5, b'"', 1)]))
@example(("36-two-numbers.csv", [("insert", 0.734375, b'"', 1), ("insert", 0.375, b'"', 1)]))
def test_a_damaged_file_loses_no_line_and_merges_no_rows(file: tuple[str, Sequence[Edit]]) -> None:
    check(file)


@pytest.mark.soak
@settings(max_examples=10_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(damaged)
def test_ten_thousand_damaged_files_lose_no_line_and_merge_no_rows(file: tuple[str, Sequence[Edit]]) -> None:
    check(file)
