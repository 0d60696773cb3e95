"""Several numbers in one field: each of them, or none; never a wrong one."""

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.domain.numbers.phone_number import NumberKind, parse_number
from leadline_server.domain.numbers.several import MAX_NUMBERS, numbers_in
from phonenumbers import PhoneNumberFormat

ONE, TWO = "+12025550101", "+12025550102"


@pytest.mark.parametrize(
    "text",
    [
        "202-555-0101; 202-555-0102",
        "202-555-0101 / 202-555-0102",
        "202-555-0101, 202-555-0102",
        "2025550101,2025550102",
        "2025550101;2025550102",
        "2025550101|2025550102",
        "2025550101:::2025550102",
        "2025550101 ::: 2025550102",
        "+12025550101\n+12025550102",
        "+12025550101\r\n+12025550102",
        "202-555-0101\t202-555-0102",
        "202-555-0101 or 202-555-0102",
        "202-555-0101 OR 202-555-0102",
        "202-555-0101 and 202-555-0102",
        "202-555-0101 & 202-555-0102",
        "202-555-0101 + 202-555-0102",
        "202-555-0101 - 202-555-0102",
        "202-555-0101 \\ 202-555-0102",
        "202-555-0101<br>202-555-0102",
        "+12025550101+12025550102",
        "+1 202 555 0101 +1 202 555 0102",
        "202-555-0101 202-555-0102",
        "202 555 0101 202 555 0102",
        "202-555-0101/0102",
        "202-555-0101 / 0102",
        "202-555-0101/02",
        "202-555-0101 or 0102",
        "Home: 202-555-0101; Work: 202-555-0102",
        "Home 202-555-0101 Work 202-555-0102",
        "202-555-0101 (cell) 202-555-0102 (home)",
        "h202-555-0101/w202-555-0102",
        "202-555-0101 / 202-555-0102 / Jane Roe",
    ],
)
def test_two_numbers_are_told_apart(text: str) -> None:
    assert parse_number(text, "US").kind is NumberKind.UNUSABLE
    assert [number.e164 for number in numbers_in(text, "US")] == [ONE, TWO]


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("202-555-0101", [ONE]),
        ("202-555-0101 x12", [f"{ONE};ext=12"]),
        ("(202) 555-0101 x302/x303", [f"{ONE};ext=302", f"{ONE};ext=303"]),
        ("(202) 555-0101 x302/303", [f"{ONE};ext=302", f"{ONE};ext=303"]),
        ("(202) 555-0101 ext 5 or 6", [f"{ONE};ext=5", f"{ONE};ext=6"]),
        ("202-555-0101 x5 or 202-555-0102 x6", [f"{ONE};ext=5", f"{TWO};ext=6"]),
        ("Jane Roe 202-555-0101", [ONE]),
        ("202-555-0101 / Jane Roe", [ONE]),
        ("101", ["ext:101"]),
        ("anonymous", [""]),
    ],
)
def test_extensions_and_names_beside_a_number_are_understood(text: str, keys: list[str]) -> None:
    assert [number.key for number in numbers_in(text, "US")] == keys


@pytest.mark.parametrize(
    ("text", "e164s"),
    [
        ("030/901820", ["+4930901820"]),
        ("030/901820-0", ["+49309018200"]),
        ("030/901820/41", ["+4930901820", "+4930901841"]),
        ("030/901820/41/42", ["+4930901820", "+4930901841", "+4930901842"]),
        ("030 9018-0/41", ["+493090180", "+4930901841"]),
        ("030 901820/41", ["+4930901820", "+4930901841"]),
        ("030 901820 oder 030 901821", ["+4930901820", "+4930901821"]),
        ("0301234567/0307654321", ["+49301234567", "+49307654321"]),
        ("0176/12345678", ["+4917612345678"]),
    ],
)
def test_a_slash_stands_within_a_number_or_between_two(text: str, e164s: list[str]) -> None:
    assert [number.e164 for number in numbers_in(text, "DE")] == e164s


@pytest.mark.parametrize(
    ("text", "region"),
    [
        pytest.param("202-555-0101; 5551234", "US", id="a part that is no number"),
        pytest.param("202-555-0101 or 911", "US", id="a service code"),
        pytest.param("202-555-0101 / 101", "US", id="a part that may be anything"),
        pytest.param("202-555-0101 after 5", "US", id="a time"),
        pytest.param("202-555-0101; 12 Main Street", "US", id="an address"),
        pytest.param("030 901820/1", "DE", id="a last digit that may be an extension"),
        pytest.param("Fax 202-555-0101", "US", id="a fax"),
        pytest.param("Fax: 202-555-0101", "US", id="a fax with a colon"),
        pytest.param("202-555-0101 fax", "US", id="a fax after the number"),
        pytest.param("1.2025550101E+10", "US", id="scientific notation"),
        pytest.param("4.93090182E+10", "DE", id="scientific notation that lost digits"),
        pytest.param(";".join(["2025550101"] * (MAX_NUMBERS + 1)), "US", id="too many numbers"),
        pytest.param("2025550101;" * 30, "US", id="too long a text"),
        pytest.param("Jane Roe", "US", id="a name"),
        pytest.param(";;;", "US", id="separators alone"),
    ],
)
def test_where_it_cannot_be_told_there_is_no_number(text: str, region: str) -> None:
    assert [number.e164 for number in numbers_in(text, region) if number.e164] == []


def test_parts_are_read_by_the_accounts_rules() -> None:
    rules = NumberingRules("DK", "8400xxxx")
    assert numbers_in("32123456; 84001234", rules) == ()
    assert [number.e164 for number in numbers_in("32123456; 84101234", rules)] == ["+4532123456", "+4584101234"]


SEPARATORS = ["; ", ", ", " / ", " | ", " or ", " und ", " ::: ", "\n", " & ", ";", "|", "/", ","]
REGIONS = ["US", "GB", "DE", "FR", "IT", "BR", "IN", "AU", "MX", "CI"]


@st.composite
def written(draw: st.DrawFn, region: str) -> tuple[str, str]:
    """An assigned number as it is written at home or abroad, and its E.164 form."""
    example = phonenumbers.example_number(region)
    assert example is not None
    e164 = phonenumbers.format_number(example, PhoneNumberFormat.E164)
    number = phonenumbers.parse(f"{e164[:-2]}{draw(st.integers(0, 99)):02}")
    form = draw(
        st.sampled_from([phonenumbers.PhoneNumberFormat.NATIONAL, phonenumbers.PhoneNumberFormat.INTERNATIONAL])
    )
    return phonenumbers.format_number(number, form), phonenumbers.format_number(
        number, phonenumbers.PhoneNumberFormat.E164
    )


@settings(max_examples=300, deadline=None)
@given(data=st.data(), region=st.sampled_from(REGIONS), separator=st.sampled_from(SEPARATORS))
def test_two_numbers_are_read_as_these_two_or_as_none(data: st.DataObject, region: str, separator: str) -> None:
    (one, first), (two, second) = data.draw(written(region)), data.draw(written(region))
    assert [number.e164 for number in numbers_in(one + separator + two, region)] in ([first, second], [])


@settings(max_examples=500, deadline=None)
@given(text=st.text("0123456789+-() ./;,|xp&ortelno:\n", max_size=60) | st.text(max_size=300))
def test_any_text_has_one_number_of_some_kind_or_only_dialable_ones(text: str) -> None:
    found = numbers_in(text, "DE")
    assert len(found) <= 1 or all(number.kind is NumberKind.DIALABLE for number in found)
    assert len(found) <= MAX_NUMBERS
