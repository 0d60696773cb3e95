"""Lines of files come apart at any line end, and their text is read whatever wrote it."""

import io

import pytest
from leadline_server.crm.embedded.contact_files.lines import MAX_LINE, decode, is_cut, read_lines
from support.contact_files import read_file

BOM = b"\xef\xbb\xbf"


def lines(content: bytes) -> list[bytes]:
    return list(read_lines(io.BytesIO(content)))


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_lines_end_as_the_file_ends_them(end: bytes) -> None:
    assert lines(end.join([b"one", b"", b"two"])) == [b"one" + end, end, b"two"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("length", [65_534, 65_535, 65_536])
def test_a_line_end_where_a_chunk_ends_is_one_line_end(end: bytes, length: int) -> None:
    long = b"x" * length
    assert lines(long + end + b"two") == [long + end, b"two"]


def test_other_separators_of_unicode_end_no_line() -> None:
    text = "one\N{LINE SEPARATOR}\x0b\x0c\x85two".encode()
    assert lines(text) == [text]


def test_byte_order_marks_go_from_every_line_that_begins_with_one() -> None:
    assert lines(BOM + b"one\n" + BOM + b"two\n") == [b"one\n", b"two\n"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_read_with_and_without_its_mark(encoding: str) -> None:
    assert b"".join(lines("Name\nJörg\n".encode(encoding))) == "Name\nJörg\n".encode()


def test_a_line_that_is_too_long_is_cut_and_known_as_such() -> None:
    first, second = lines(b"x" * (MAX_LINE * 3) + b"\nshort\n")
    assert is_cut(first)
    assert len(first) <= MAX_LINE + 2
    assert second == b"short\n"
    assert not is_cut(second)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("Jörg\n".encode(), "Jörg\n"),
        ("Jörg\n".encode("cp1252"), "Jörg\n"),
        ("Jörg Müller\r".encode("mac_roman"), "Jörg Müller\r"),
        ("Jörg Müller\r".encode("cp1252"), "Jörg Müller\r"),
        (b"\x81\x8d\n", "\N{REPLACEMENT CHARACTER}" * 2 + "\n"),
    ],
)
def test_a_line_that_is_no_utf_8_is_read_as_what_it_most_likely_is(line: bytes, text: str) -> None:
    assert decode(line) == text


def test_an_export_of_excel_in_utf_16_with_tabs_is_read() -> None:
    [record] = read_file("contacts.csv", "Name\tPhone\r\nJörg\t202-555-0101\r\n".encode("utf-16")).records
    assert (record.name, record.phone_numbers) == ("Jörg", ("202-555-0101",))
