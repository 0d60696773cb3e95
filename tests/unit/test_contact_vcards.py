"""vCards as phones, Outlook and Thunderbird write them: every card and number comes in, or is named."""

import io
from collections.abc import Sequence

import pytest
from leadline_server.crm.embedded.contact_files import ContactRecord, FileItem, FileOutcome, RowProblem, read_vcards
from leadline_server.crm.embedded.contact_files.vcard_lines import split_escaped, unescaped

BOM = b"\xef\xbb\xbf"


def cards(content: bytes) -> list[FileItem]:
    return list(read_vcards(io.BytesIO(content), "US"))


def card(*lines: str | bytes, end: bytes = b"\r\n") -> ContactRecord:
    content = [line if isinstance(line, bytes) else line.encode() for line in lines]
    [only] = cards(end.join([b"BEGIN:VCARD", b"VERSION:2.1", *content, b"END:VCARD", b""]))
    assert isinstance(only, ContactRecord), only
    return only


def remarks(read: ContactRecord) -> list[tuple[FileOutcome, int, str]]:
    return [(remark.outcome, remark.line, remark.message) for remark in read.remarks]


def names(items: Sequence[FileItem]) -> list[str]:
    return [item.name for item in items if isinstance(item, ContactRecord)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_any_line_end_will_do(end: bytes) -> None:
    assert card("FN:Kim", "TEL:202-555-0101", end=end).phone_numbers == ("202-555-0101",)


@pytest.mark.parametrize(
    "name",
    [
        "FN:Jörg Müller",
        "FN:Jörg Müller".encode("cp1252"),
        b"FN;CHARSET=windows-1252:" + "Jörg Müller".encode("cp1252"),
        b"FN;CHARSET=ISO-8859-15:" + "Jörg Müller".encode("iso8859-15"),
        b'FN;CHARSET="utf-8":' + "Jörg Müller".encode(),
        b"FN;CHARSET=nonsense:" + "Jörg Müller".encode(),
        b"FN;CHARSET=unicode_escape:" + "Jörg Müller".encode(),
        "fn;quoted-printable:J=C3=B6rg M=C3=BCller",
        "FN;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:J=C3=B6rg M=C3=BCller",
        "FN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:J=F6rg=20M=FCller",
        "FN;QUOTED-PRINTABLE:J=C3=B6rg =\r\nM=C3=BCller",
        "FN;ENCODING=B;CHARSET=UTF-8:SsO2cmcgTcO8bGxlcg==",
        "FN;BASE64:SsO2cmcgTcO8bGxlcg==",
        "FN:Jörg Mü\r\n ller",
    ],
)
def test_a_name_is_read_in_the_characters_that_it_was_written_in(name: str | bytes) -> None:
    assert card(name, "TEL:202-555-0101").name == "Jörg Müller"


def test_a_name_in_chinese_characters_of_a_declared_character_set_is_read() -> None:
    assert card(b"FN;CHARSET=GBK:" + "李小龍".encode("gbk")).name == "李小龍"


def test_a_character_that_a_fold_cuts_in_two_is_whole_again() -> None:
    encoded = "Jörg".encode()
    assert card(b"FN:" + encoded[:2] + b"\r\n " + encoded[2:]).name == "Jörg"


def test_utf_16_is_read() -> None:
    content = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Jörg\r\nTEL:202-555-0101\r\nEND:VCARD\r\n".encode("utf-16")
    assert names(cards(content)) == ["Jörg"]


@pytest.mark.parametrize("between", [b"", b"\r\n", BOM, b"\r\n" + BOM, b"\r\n\r\n\r\n"])
def test_files_that_were_joined_are_read_whole(between: bytes) -> None:
    one, two = (
        b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:%b\r\nTEL:2025550101\r\nEND:VCARD" % name for name in (b"One", b"Two")
    )
    assert names(cards(BOM + one + between + two)) == ["One", "Two"]


@pytest.mark.parametrize(
    "bad", ["second line not folded", "no colon here; really", "=C3=BC", ": nothing before the colon"]
)
def test_a_line_that_is_no_property_costs_itself_alone_and_is_named(bad: str) -> None:
    read = card("FN:Kim", "NOTE:first", bad, "TEL:202-555-0101")
    assert read.phone_numbers == ("202-555-0101",)
    assert remarks(read) == [(FileOutcome.LINE, 5, f"{bad!r} is not a property")]


@pytest.mark.parametrize(
    "kind", ["PHOTO;JPEG;ENCODING=BASE64:", "PHOTO;ENCODING=b;TYPE=JPEG:AAAA", "item1.LOGO;BASE64:"]
)
def test_a_picture_that_is_not_folded_costs_no_number_and_is_named_once(kind: str) -> None:
    read = card("FN:Kim", kind, "/9j/4AAQSkZJRg", "Hh0aHBwgJC4nICI=", "", "TEL:202-555-0101")
    assert read.phone_numbers == ("202-555-0101",)
    assert remarks(read) == [(FileOutcome.LINE, 5, "lines of a picture that are not folded")]


def test_a_picture_of_any_length_on_one_line_is_passed_over() -> None:
    read = card("FN:Kim", "PHOTO;ENCODING=b:" + "A" * 3_000_000, "TEL:202-555-0101")
    assert (read.phone_numbers, read.remarks) == (("202-555-0101",), ())


def test_a_note_in_quoted_printable_may_have_lines_that_look_like_others() -> None:
    read = card("FN:Kim", "NOTE;ENCODING=QUOTED-PRINTABLE:see=\r\nTEL:202-555-0199", "TEL:202-555-0101")
    assert (read.phone_numbers, read.remarks) == (("202-555-0101",), ())


def test_a_soft_line_break_too_many_takes_no_end_of_a_card() -> None:
    assert card("FN:Kim", "TEL:202-555-0101", "NOTE;QUOTED-PRINTABLE:see=0D=0A=").phone_numbers == ("202-555-0101",)


@pytest.mark.parametrize(
    ("lines", "numbers"),
    [
        (["TEL;WORK;VOICE:202-555-0101"], ["202-555-0101"]),
        (["tel;work:202-555-0101"], ["202-555-0101"]),
        (["TEL;TYPE=WORK,FAX:202-555-0101"], []),
        (["TEL;HOME;FAX:202-555-0101"], []),
        (['TEL;TYPE="fax,voice":202-555-0101'], ["202-555-0101"]),
        (["TEL;PAGER:202-555-0101"], []),
        (["item1.TEL:202-555-0101", "item1.X-ABLabel:_$!<HomeFAX>!$_"], []),
        (["item1.TEL:202-555-0101", "item1.X-ABLabel:iPhone"], ["202-555-0101"]),
        (["TEL:202-555-0101, 202-555-0102"], ["202-555-0101", "202-555-0102"]),
        (["TEL;VALUE=uri:tel:+1-202-555-0101;ext=5"], ["tel:+1-202-555-0101;ext=5"]),
        (["TEL:", "TEL:202-555-0101"], ["202-555-0101"]),
    ],
)
def test_the_numbers_of_a_card_are_those_of_callers(lines: list[str], numbers: list[str]) -> None:
    assert list(card("FN:Kim", *lines).phone_numbers) == numbers


def test_what_is_dialled_after_a_number_is_cut_off_and_named_with_its_line() -> None:
    read = card("FN:Kim", r"TEL:2025550512\,5", "TEL:+12025550510,,1234#")
    assert read.phone_numbers == ("2025550512", "+12025550510")
    assert [(outcome, line) for outcome, line, _ in remarks(read)] == [(FileOutcome.CUT, 4), (FileOutcome.CUT, 5)]


def test_the_card_of_a_secretary_within_a_card_is_passed_over() -> None:
    read = card(
        "FN:Kim", "AGENT:", "BEGIN:VCARD", "VERSION:2.1", "FN:Sec", "TEL:202-555-0199", "END:VCARD", "TEL:202-555-0101"
    )
    assert (read.name, read.phone_numbers) == ("Kim", ("202-555-0101",))


def test_lines_outside_of_cards_are_named() -> None:
    good = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Kim\r\nEND:VCARD\r\n"
    stray, kim, later = cards(b"hello\r\n\r\nTEL:202-555-0101\r\n" + good + b"bye\r\n")
    assert stray == RowProblem(1, "lines 1 to 3 stand outside of any card", 3)
    assert isinstance(kim, ContactRecord)
    assert later == RowProblem(8, "the line stands outside of any card", 8)


@pytest.mark.parametrize("mark", ["EN:VCARD", "END:VCRD", 'EN"D:VCARD', "BEGN:VCARD", '"END:VCARD"BEGIN:VCARD'])
def test_a_damaged_end_of_a_card_merges_no_cards(mark: str) -> None:
    text = (
        f"BEGIN:VCARD\r\nFN:One\r\nTEL:2025550101\r\n{mark}\r\nBEGIN-VCARD\r\nFN:Two\r\nTEL:2025550102\r\nEND:VCARD\r\n"
    )
    [problem] = cards(text.encode())
    assert isinstance(problem, RowProblem)
    assert (problem.line, problem.end) == (1, 8)
    assert "looks like a damaged BEGIN:VCARD or END:VCARD" in problem.message


@pytest.mark.parametrize("twice", ["VERSION:3.0", "UID:2", "N:Doe;Lee"])
def test_two_cards_that_became_one_are_no_contact(twice: str) -> None:
    first = {"VERSION:3.0": "VERSION:3.0", "UID:2": "UID:1", "N:Doe;Lee": "N:Roe;Kim"}[twice]
    [problem] = cards(f"BEGIN:VCARD\nFN:One\n{first}\nTEL:2025550101\n{twice}\nTEL:2025550102\nEND:VCARD\n".encode())
    assert isinstance(problem, RowProblem)
    assert problem.message.startswith("two cards in one")


def test_escapes_of_structured_values_are_undone_after_they_are_split() -> None:
    assert split_escaped(r"M\;ller;J\, K;\\;x") == ["M;ller", "J, K", "\\", "x"]
    assert unescaped(r"one\nTwo\, three\\n") == "one\nTwo, three\\n"
