"""Contact files of many makers are read, and what cannot be read is reported with its line."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

import pytest
from leadline_server.crm.embedded.contact_files import (
    ContactRecord,
    CsvOptions,
    FileItem,
    FileOutcome,
    Remark,
    RowProblem,
    UnreadableFile,
    read_csv,
    read_vcards,
)

US = CsvOptions("US")


def csv(text: str | bytes) -> list[FileItem]:
    return list(read_csv(io.BytesIO(text if isinstance(text, bytes) else text.encode()), US))


def record(text: str | bytes) -> ContactRecord:
    (only,) = csv(text)
    assert isinstance(only, ContactRecord)
    return only


def cards(text: str) -> list[ContactRecord | RowProblem]:
    return list(read_vcards(io.BytesIO(text.encode()), "US"))


def card(*lines: str, version: str = "4.0") -> ContactRecord:
    (only,) = cards("\r\n".join(["BEGIN:VCARD", f"VERSION:{version}", *lines, "END:VCARD", ""]))
    assert isinstance(only, ContactRecord), only
    return only


def test_every_column_is_read() -> None:
    read = record(
        "name,phone,phone2,mobile,email,company,title,type,id,created,last_activity\n"
        "Ada,+1 415 555 0123,,(415) 555-0124,ada@example.com,Acme,Countess,lead,7,2024-01-31,"
        "2024-02-01T10:00:00+01:00\n"
    )
    assert read == ContactRecord(
        line=2,
        end=2,
        name="Ada",
        phone_numbers=("+1 415 555 0123", "(415) 555-0124"),
        type="lead",
        email="ada@example.com",
        company="Acme",
        title="Countess",
        uid="7",
        create_time=datetime(2024, 1, 31, tzinfo=UTC),
        last_activity_time=datetime(2024, 2, 1, 9, tzinfo=UTC),
    )


def test_an_export_of_google_contacts_is_read() -> None:
    read = record(
        "First Name,Middle Name,Last Name,Organization Name,Organization Title,E-mail 1 - Label,E-mail 1 - Value,"
        "Phone 1 - Label,Phone 1 - Value,Phone 2 - Label,Phone 2 - Value\n"
        "Ada,King,Lovelace,Acme,Countess,* Work,ada@example.com,"
        "Mobile,+14155550123 ::: +14155550124,Home,+14155550125\n"
    )
    assert read.name == "Ada King Lovelace"
    assert read.phone_numbers == ("+14155550123", "+14155550124", "+14155550125")
    assert (read.email, read.company, read.title) == ("ada@example.com", "Acme", "Countess")


def test_an_export_of_outlook_is_read() -> None:
    read = record(
        "Title,First Name,Last Name,Company,Job Title,Assistant's Phone,Business Fax,Business Phone,Mobile Phone,"
        "E-mail Address\n"
        "Dr.,Ada,Lovelace,Acme,Countess,+14155550199,+14155550198,+14155550123,+14155550124,ada@example.com\n"
    )
    assert (read.name, read.title, read.email) == ("Ada Lovelace", "Countess", "ada@example.com")
    assert read.phone_numbers == ("+14155550123", "+14155550124")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_found_out(delimiter: str) -> None:
    read = record(f"name{delimiter}phone\nAda{delimiter}+14155550123\n")
    assert (read.name, read.phone_numbers) == ("Ada", ("+14155550123",))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_byte_order_mark_and_any_end_of_line_are_fine(end: str) -> None:
    assert record(b"\xef\xbb\xbf" + f"name,phone{end}Zoë,+14155550123{end}".encode()).name == "Zoë"


def test_a_line_of_windows_1252_is_read_as_such() -> None:
    assert record("name,phone\nZoë,+14155550123\n".encode("cp1252")).name == "Zoë"


def test_quoted_cells_may_have_delimiters_and_lines() -> None:
    read = csv('name,phone\n"Lovelace, Ada\nCountess",+14155550123\nGrace,+14155550124\n')
    assert [(each.line, each.name) for each in read if isinstance(each, ContactRecord)] == [
        (2, "Lovelace, Ada\nCountess"),
        (4, "Grace"),
    ]


def test_a_number_that_is_there_twice_is_read_once() -> None:
    assert record("name,phone,mobile\nAda,+14155550123,+14155550123\n").phone_numbers == ("+14155550123",)


@pytest.mark.parametrize(
    ("row", "name"), [(",Acme,+14155550123", "Acme"), (",,+14155550123", "+14155550123"), ("Ada,,", "Ada")]
)
def test_a_contact_without_a_name_is_named_by_what_there_is(row: str, name: str) -> None:
    assert record(f"name,company,phone\n{row}\n").name == name


def test_blank_rows_are_no_rows() -> None:
    assert len(csv("name,phone\n\nAda,+14155550123\n,\n \n")) == 1


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('"",,a@example.com,', "neither a name nor a number"),
        ("Ada,+14155550123,,,surplus", "5 cells, but the header has 4"),
    ],
)
def test_a_bad_row_is_reported_with_its_line_and_the_others_are_read(row: str, message: str) -> None:
    read = csv(f"name,phone,email,created\nGrace,+14155550124,,\n{row}\nEdsger,+14155550125,,\n")
    assert read[1] == RowProblem(3, message, 3)
    assert [each.name for each in read if isinstance(each, ContactRecord)] == ["Grace", "Edsger"]


def test_a_quote_that_is_never_closed_does_not_take_the_whole_file() -> None:
    filler = "".join(f"Name {number},+14155550123\n" for number in range(20_000))
    problem, *others = csv('name,phone\n"Ada,+14155550123\n' + filler)
    assert problem == RowProblem(2, "a quote is opened and never closed", 2)
    assert [each.name for each in others if isinstance(each, ContactRecord)] == [
        f"Name {number}" for number in range(20_000)
    ]


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (b"", "empty"),
        (b"email,phone\nx,+14155550123\n", "No column is called name.*'email', 'phone'"),
        (b"name,fax,phone type\nAda,1,2\n", "No column is called phone.*'fax'"),
    ],
)
def test_a_file_without_the_columns_is_refused_with_what_it_has(file: bytes, message: str) -> None:
    with pytest.raises(UnreadableFile, match=message):
        csv(file)


class _Endless(io.RawIOBase):
    """A file without end, that counts what was read of it."""

    def __init__(self, begin: bytes, again: bytes) -> None:
        self._rest, self._again, self.given = begin, again, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type] # the base class says no more than that it is a buffer
        self._rest += self._again * (len(view) // len(self._again) + 1)
        view[:] = self._rest[: len(view)]
        self._rest = self._rest[len(view) :]
        self.given += len(view)
        return len(view)


@pytest.mark.parametrize("kind", ["csv", "vcard"])
def test_no_more_is_read_than_was_asked_for(kind: str) -> None:
    read: Iterator[FileItem]
    if kind == "csv":
        file = _Endless(b"name,phone\n", b"Ada,+14155550123\n")
        read = iter(read_csv(io.BufferedReader(file), US))
    else:
        file = _Endless(b"", b"BEGIN:VCARD\nVERSION:4.0\nFN:Ada\nTEL:+14155550123\nEND:VCARD\n")
        read = read_vcards(io.BufferedReader(file), "US")
    assert [each.name for each in islice(read, 50) if isinstance(each, ContactRecord)] == ["Ada"] * 50
    assert file.given < 100_000


def test_a_card_of_version_3_is_read() -> None:
    read = card(
        "N:Lovelace;Ada;King;;",
        "FN:Ada Lovelace",
        "ORG:Acme;Engines",
        "TITLE:Countess",
        "item1.TEL;type=CELL;type=VOICE;type=pref:+1 (415) 555-0123",
        "TEL;TYPE=WORK,FAX:+1 415 555 0199",
        "EMAIL;TYPE=INTERNET:ada@example.com",
        "UID:abc-1",
        version="3.0",
    )
    assert read == ContactRecord(
        line=1,
        end=11,
        name="Ada Lovelace",
        phone_numbers=("+1 (415) 555-0123",),
        email="ada@example.com",
        company="Acme",
        title="Countess",
        uid="abc-1",
        remarks=(Remark(FileOutcome.FAX, 8, "'+1 415 555 0199'"),),
    )


def test_a_card_of_version_4_is_read() -> None:
    read = card(
        "FN:Zoë 李",
        'TEL;VALUE=uri;PREF=1;TYPE="voice,home":tel:+1-415-555-0123',
        "TEL;VALUE=uri;TYPE=work:tel:+1-415-555-0124;ext=12",
        "UID:urn:uuid:4fbe8971-0bc3-424c-9c26-36c3e1eff6b1",
    )
    assert read.name == "Zoë 李"
    assert read.phone_numbers == ("+1-415-555-0123", "tel:+1-415-555-0124;ext=12")


def test_a_folded_line_is_one_line() -> None:
    assert card("FN:Ada Love", " lace").name == "Ada Lovelace"


def test_a_card_without_a_full_name_is_named_by_its_parts() -> None:
    assert card("N:Lovelace;Ada;;;", "TEL:+14155550123", version="3.0").name == "Ada Lovelace"


def test_pictures_are_passed_over() -> None:
    picture = ["PHOTO;ENCODING=b;TYPE=JPEG:" + "A" * 70, *[" " + "A" * 75] * 5_000]
    assert card("FN:Ada", *picture, "TEL:+14155550123", version="3.0").phone_numbers == ("+14155550123",)


def test_a_bad_card_is_reported_with_its_line_and_the_others_are_read() -> None:
    good = "BEGIN:VCARD\nVERSION:4.0\nFN:Ada\nTEL:+14155550123\nEND:VCARD\n"
    bad = "BEGIN:VCARD\nVERSION:4.0\nVERSION:4.0\nEND:VCARD\n"
    cut = "BEGIN:VCARD\nVERSION:4.0\nFN:Cut\n"
    group = "BEGIN:VCARD\nVERSION:4.0\nKIND:group\nFN:All\nEND:VCARD\n"
    read = cards(good + bad + cut + good + group)
    assert [(type(each), each.line) for each in read] == [
        (ContactRecord, 1),
        (RowProblem, 6),
        (RowProblem, 10),
        (ContactRecord, 13),
        (RowProblem, 18),
    ]


def test_a_card_that_names_nobody_is_reported() -> None:
    [read] = cards("BEGIN:VCARD\nVERSION:3.0\nFN: \nN:;;;;\nTITLE:Countess\nEND:VCARD\n")
    assert read == RowProblem(1, "neither a name nor a number", 6)


def test_the_first_value_that_says_something_counts() -> None:
    read = card("FN:", "FN:Ada", "EMAIL: ", "EMAIL:ada@example.com", "TEL:+14155550123")
    assert (read.name, read.email) == ("Ada", "ada@example.com")


def test_a_last_card_that_has_no_end_is_reported() -> None:
    good = "BEGIN:VCARD\nVERSION:4.0\nFN:Ada\nTEL:+14155550123\nEND:VCARD\n"
    read = cards(good + "BEGIN:VCARD\nVERSION:4.0\nFN:Cut")
    assert read[1:] == [RowProblem(6, "the card has no END:VCARD", 8)]


def test_a_card_that_is_too_large_is_reported_and_the_next_is_read() -> None:
    large = "BEGIN:VCARD\nVERSION:4.0\nFN:Ada\n" + "NOTE:x\n" * 50_000 + "END:VCARD\n"
    good = "BEGIN:VCARD\nVERSION:4.0\nFN:Ben\nTEL:+14155550123\nEND:VCARD\n"
    first, second = cards(large + good)
    assert isinstance(first, RowProblem)
    assert first.line == 1
    assert "a card of more than 262,144 bytes" in first.message
    assert isinstance(second, ContactRecord)
    assert second.name == "Ben"


def test_a_file_without_a_card_is_refused() -> None:
    with pytest.raises(UnreadableFile, match="BEGIN:VCARD"):
        cards("name,phone\n")
