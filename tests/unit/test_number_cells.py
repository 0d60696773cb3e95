"""A cell of a contact file holds no number, one or several; what cannot be told is named, never guessed."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadline_server.domain.numbers.cells import MAX_CELL, NumberCell, is_plain, read_cell
from leadline_server.domain.numbers.phone_number import NumberKind, parse_number


def numbers(text: str, region: str = "US") -> list[str]:
    """The E.164 form of each number of a cell, or its key; all else has to be empty."""
    cell = read_cell(text, region)
    assert cell == NumberCell(cell.numbers)
    parsed = [parse_number(number, region) for number in cell.numbers]
    return [number.key or number.text for number in parsed]


@pytest.mark.parametrize(
    "text",
    [
        "2025550501, 2025550502",
        "2025550501,2025550502",
        "2025550501;2025550502",
        "(202) 555-0501, (202) 555-0502",
        "202-555-0501 / 202-555-0502",
        "2025550501/2025550502",
        "202-555-0501|202-555-0502",
        "2025550501 or 2025550502",
        "+1 202 555 0501 oder +1 202 555 0502",
        "202-555-0501 and 202-555-0502",
        "202-555-0501 & 202-555-0502",
        "202-555-0501 y 202-555-0502",
        "+1 202-555-0501 ::: 202-555-0502",
        "202-555-0501\n202-555-0502",
        "202-555-0501\r\n\r\n202-555-0502",
        "202-555-0501 202-555-0502",
        "home: 202-555-0501; work: 202-555-0502",
        "202-555-0501 (home), 202-555-0502 (work)",
        "Tel. 1: 202-555-0501; Tel. 2: 202-555-0502",
        "202-555-0501/02",
        "202-555-0501 home 202-555-0502",
        "Home 202-555-0501 Work 202-555-0502",
        "202-555-0501 + 202-555-0502",
        "202-555-0501 \\ 202-555-0502",
        "202-555-0501<br>202-555-0502",
        "+12025550501+12025550502",
        "202 555 0501 202 555 0502",
        "202-555-0501/0502",
        "202-555-0501 or 0502",
    ],
)
def test_several_numbers_in_a_cell_are_several_numbers(text: str) -> None:
    assert numbers(text) == ["+12025550501", "+12025550502"]


@pytest.mark.parametrize(
    ("text", "region", "wanted"),
    [
        ("030/901820", "DE", ["+4930901820"]),
        ("030 / 901820", "DE", ["+4930901820"]),
        ("+49 171/1234567", "DE", ["+491711234567"]),
        ("030 901820/41", "DE", ["+4930901820", "+4930901841"]),
        ("030/901820/41", "DE", ["+4930901820", "+4930901841"]),
        ("+49 30 901820/41/42", "US", ["+4930901820", "+4930901841", "+4930901842"]),
        ("0171/1234567/030/901820", "DE", ["+491711234567", "+4930901820"]),
        ("202-555-0101 x302/303", "US", ["+12025550101;ext=302", "+12025550101;ext=303"]),
        ("202-555-0101 / Jane Roe", "US", ["+12025550101"]),
        ("030 9018-0/41", "DE", ["+493090180", "+4930901841"]),
        ("0171/1234567 / 030/901820", "DE", ["+491711234567", "+4930901820"]),
        ("030 901820, 030 901830", "DE", ["+4930901820", "+4930901830"]),
        ("22 86 12 34, 22 86 12 35", "NO", ["+4722861234", "+4722861235"]),
        ("+12025550501,+442079460123", "US", ["+12025550501", "+442079460123"]),
        ("202/555/0101", "US", ["+12025550101"]),
        ("101, 102", "US", ["ext:101", "ext:102"]),
    ],
)
def test_a_slash_and_a_comma_are_read_as_the_region_writes_them(text: str, region: str, wanted: list[str]) -> None:
    assert numbers(text, region) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "'+12025550101",
        "\N{RIGHT SINGLE QUOTATION MARK}+12025550101",
        '="+12025550101"',
        "=+12025550101",
        '"+12025550101"',
        "'2025550101'",
        "2025550101,",
        "2025550101;",
        "2025550101.0",
        "2025550101,00",
        " 2025550101 ",
        "Tel.: 202-555-0101",
        "cell 202-555-0101",
        "mobile: 202-555-0101",
        "Mobil: +1 202 555 0101",
        "202-555-0101 (home)",
        "202-555-0101 mobile",
        "202-555-0101 w",
        "tel:+1-202-555-0101",
    ],
)
def test_marks_of_spreadsheets_and_labels_are_no_part_of_a_number(text: str) -> None:
    assert numbers(text) == ["+12025550101"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("202-555-0101 ext. 5", "+12025550101;ext=5"),
        ("202-555-0101 x5", "+12025550101;ext=5"),
        ("202-555-0101, ext. 5", "+12025550101;ext=5"),
        ("+1 202 555 0101 #5", "+12025550101;ext=5"),
        ("tel:+1-202-555-0101;ext=5", "+12025550101;ext=5"),
        ("514-555-0101 poste 5", "+15145550101;ext=5"),
        ("+55 11 2345 6789 ramal 12", "+551123456789;ext=12"),
        ("+56 2 2345 6789 anexo 12", "+56223456789;ext=12"),
        ("+43 1 58858 DW 41", "+43158858;ext=41"),
        ("+49 30 901820 App. 41", "+4930901820;ext=41"),
        ("+49 30 901820 (Durchwahl 41)", "+4930901820;ext=41"),
        ("+48 22 123 45 67 wew. 12", "+48221234567;ext=12"),
        ("+39 06 6982 1234 int. 3", "+390669821234;ext=3"),
        ("+31 20 123 4567 toestel 3", "+31201234567;ext=3"),
        ("x101", "ext:101"),
        ("DW 12", "ext:12"),
    ],
)
def test_words_for_an_extension_are_understood_in_many_languages(text: str, wanted: str) -> None:
    assert numbers(text) == [wanted]


@pytest.mark.parametrize(
    ("text", "number", "cut"),
    [
        ("+12025550510,,1234#", "+12025550510", ",,1234#"),
        ("2025550510,5", "+12025550510", ",5"),
        ("+1 202 555 0510 p 99", "+12025550510", "p 99"),
        ("+12025550510w99#", "+12025550510", "w99#"),
        ("+12025550510;1234#", "+12025550510", ",1234#"),
        ("+12025550510,123456789#", "+12025550510", ",123456789#"),
    ],
)
def test_what_is_dialled_after_a_pause_is_cut_off_and_named(text: str, number: str, cut: str) -> None:
    cell = read_cell(text, "US")
    assert [parse_number(each, "US").e164 for each in cell.numbers] == [number]
    assert cell == NumberCell(cell.numbers, cut=(cut,))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1.20256E+10", "damaged by a spreadsheet"),
        ("4,9151E+12", "damaged by a spreadsheet"),
        ("2E10", "damaged by a spreadsheet"),
        ("call me", "not a phone number"),
        ("2,025,550,101", "it is not clear"),
        ("202-555-0101 after 5", "not a phone number"),
        ("12 Main Street", "not a phone number"),
        ("0", "not known"),
        ("202-555-0101 / 101", "it is not clear"),
        ("1" * 24, "too many digits"),
        ("1" * (MAX_CELL + 1), "longer than"),
        ("202-555-0101|" * 80, "more than 64 numbers"),
    ],
)
def test_what_is_no_number_is_named_as_unusable(text: str, reason: str) -> None:
    cell = read_cell(text, "US")
    assert cell.numbers == ()
    [(_, told)] = cell.unusable
    assert reason in told


@pytest.mark.parametrize("text", ["030/901820/901830", "030 901820 / 901830"])
def test_a_cell_whose_numbers_cannot_be_told_apart_gives_no_number(text: str) -> None:
    cell = read_cell(text, "DE")
    assert (cell.numbers, [unusable for unusable, _ in cell.unusable]) == ((), [text])


def test_digits_that_may_be_dialled_after_a_number_make_no_number_of_their_own() -> None:
    cell = read_cell("+4930901820,1234567", "DE")
    assert cell.numbers == ("+4930901820",)
    assert [text for text, _ in cell.unusable] == ["1234567"]


def test_what_the_cell_calls_a_fax_is_no_caller() -> None:
    assert read_cell("202-555-0101, Fax: 202-555-0102", "US") == NumberCell(("202-555-0101",), fax=("202-555-0102",))
    assert read_cell("Telefax 030 901820", "DE") == NumberCell(fax=("030 901820",))


@pytest.mark.parametrize("text", ["", " ", "-", "--", "n/a", "none", "unknown", "\n"])
def test_a_cell_that_says_that_there_is_no_number_holds_none(text: str) -> None:
    assert read_cell(text, "US") == NumberCell()


@pytest.mark.parametrize("text", ["sip:100@example.com;user=phone", "1-800-FLOWERS", "1 800 FLOWERS", "101", "911"])
def test_a_number_of_another_kind_stays_as_it_is(text: str) -> None:
    assert read_cell(text, "US").numbers == (text,)


CELLS = st.text(alphabet="0123456789+-()/,;|. pwx#*'=\nEe", max_size=40)


@given(CELLS, st.sampled_from(["US", "DE", "NO"]))
def test_no_digit_of_a_cell_is_lost(text: str, region: str) -> None:
    cell = read_cell(text, region)
    told = (*cell.numbers, *(unusable for unusable, _ in cell.unusable), *cell.cut, *cell.fax)
    for digits in re.findall(r"\d{3,}", text):
        assert any(digits in re.sub(r"\D", "", part) for part in told) or re.fullmatch("0+", digits), cell


@given(CELLS, st.sampled_from(["US", "DE"]))
def test_a_plain_number_is_read_as_it_stands(text: str, region: str) -> None:
    if is_plain(text):
        assert read_cell(text, region) == NumberCell((text,))
        assert parse_number(text, region).kind is not NumberKind.SERVICE or len(text) < 9
