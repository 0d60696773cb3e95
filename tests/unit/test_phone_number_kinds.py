"""Numbers that are not dialled as they are: hidden callers, services, extensions, and what is unusable."""

import pytest
from leadline_server.domain.numbers.phone_number import NumberKind, parse_number

US = "+14155550123"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "anonymous",
        "Anonymous",
        " RESTRICTED ",
        "private",
        "Private Number",
        "withheld",
        "unknown",
        "Unknown Number",
        "<unknown>",
        "unavailable",
        "ID unavailable",
        "not available",
        "blocked",
        "No Caller ID",
        "out-of-area",
        "out of area",
        "Unbekannt",
        "-",
        "0",
        "+0000000000",
        "+266696687",
        "266696687",
        "+86 282 452 253",
        "sip:anonymous@anonymous.invalid",
        "sip:thisIsIgnored@anonymous.invalid",
        '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=9',
        "sip:restricted@pbx.example.com",
        "sip:unknown@10.0.0.1",
        "tel:anonymous",
        "sip:anonymous.invalid",
        "anonymous@anonymous.invalid",
        "+14155550123@anonymous.invalid",
        "Restricted@10.0.0.1",
        "unavailable@unknown.invalid",
        "anonymous;phone-context=+1",
        "+266696687@pbx.example.com",
    ],
)
def test_a_hiding_caller_is_recognised(text: str) -> None:
    number = parse_number(text, "US")
    assert (number.kind, number.key) == (NumberKind.WITHHELD, "")


@pytest.mark.parametrize(
    ("text", "region"),
    [
        pytest.param("911", "US", id="911 at home"),
        pytest.param("9-1-1", "US", id="911 with dashes"),
        pytest.param("911", "GB", id="911 abroad"),
        pytest.param("112", "US", id="112 abroad"),
        pytest.param("999", "DE", id="999 abroad"),
        pytest.param("110", "DE", id="Germany's police"),
        pytest.param("000", "AU", id="Australia's zeros"),
        pytest.param("411", "US", id="directory assistance in the United States"),
        pytest.param("211", "CA", id="211 in Canada"),
        pytest.param("tel:911;phone-context=+1", "US", id="911 in a tel address"),
        pytest.param("sip:911@pbx.example.com", "US", id="911 in a sip address"),
        pytest.param("911", "", id="911 without a region"),
        pytest.param("*69", "US", id="a star code"),
        pytest.param("*98*101#", "US", id="a star code with arguments"),
        pytest.param("#31#", "DE", id="a hash code"),
        pytest.param("sip:*97@pbx.example.com", "US", id="a star code in a sip address"),
        pytest.param("sip:%2397@pbx.example.com", "US", id="an escaped hash in a sip address"),
    ],
)
def test_emergency_numbers_and_feature_codes_are_services(text: str, region: str) -> None:
    number = parse_number(text, region)
    assert (number.kind, number.key) == (NumberKind.SERVICE, "")


def test_three_zeros_are_no_emergency_where_the_region_has_none_by_that_number() -> None:
    assert parse_number("000", "US").kind is NumberKind.WITHHELD


@pytest.mark.parametrize(
    ("text", "extension"),
    [
        ("101", "101"),
        ("10", "10"),
        ("123456", "123456"),
        ("0101", "0101"),
        ("x101", "101"),
        ("Ext. 101", "101"),
        ("ext:101", "101"),
        ("tel:101;phone-context=pbx.example.com", "101"),
        ("sip:101@pbx.example.com", "101"),
        ('"Jane" <101>', "101"),
        ("412", "412"),
    ],
)
def test_a_few_bare_digits_are_an_internal_extension(text: str, extension: str) -> None:
    number = parse_number(text, "US")
    assert (number.kind, number.extension, number.key) == (NumberKind.EXTENSION, extension, f"ext:{extension}")


def test_a_few_digits_stay_an_extension_where_numbers_vary_in_length() -> None:
    assert parse_number("30123", "DE").kind is NumberKind.EXTENSION


def test_six_digits_are_a_number_where_all_numbers_are_that_short() -> None:
    assert parse_number("22 12 34", "GL").e164 == "+299221234"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("555-0123", id="a local number"),
        pytest.param("5", id="one digit"),
        pytest.param("x5", id="one digit of an extension"),
        pytest.param("x1234567", id="an extension of seven digits"),
        pytest.param("101 x5", id="an extension of an extension"),
        pytest.param("+1415555012", id="too short"),
        pytest.param("+141555501234", id="too long"),
        pytest.param("1" * 200, id="far too long"),
        pytest.param("alice", id="a word"),
        pytest.param("alice123", id="a word with digits"),
        pytest.param("Office 21", id="a label and few digits"),
        pytest.param("M 12", id="a letter and few digits"),
        pytest.param("sip:alice@pbx.example.com", id="a sip user that is no number"),
        pytest.param("sip:10.0.0.1", id="a sip address without a user"),
        pytest.param("415-555-0123 or 415-555-0124", id="two numbers"),
        pytest.param("415-555-0123; 415-555-0124", id="two numbers with a semicolon"),
        pytest.param("415-555-0123, 415-555-0124", id="two numbers with a comma"),
        pytest.param("415-555-0123/0124", id="two numbers, the second in short"),
        pytest.param("4.155550123E+9", id="scientific notation"),
        pytest.param("jane@example.com", id="an e-mail address"),
        pytest.param("Fax: 415-555-0123", id="a fax"),
        pytest.param("fax 415-555-0123", id="a fax without a colon"),
        pytest.param("415-555-0123 / 415-555-0124", id="two numbers with a slash"),
        pytest.param("4155550123 call me", id="a sentence"),
        pytest.param("415-KLL-0123xx1", id="letters for digits and a broken extension"),
        pytest.param("415-KLL-0123 x5 x6", id="letters for digits and two extensions"),
        pytest.param("555-0123 cell", id="a label without brackets"),
        pytest.param("415+5550123", id="a plus in the middle"),
        pytest.param("415555\x000123", id="a control character"),
        pytest.param("415555\n0123", id="a line break"),
        pytest.param("sip:415555%000123@pbx.example.com", id="an escaped control character"),
        pytest.param("*", id="a star alone"),
        pytest.param("???", id="question marks"),
        pytest.param("asterisk", id="the name of a PBX"),
        pytest.param("+999 123 456 789", id="a country that is none"),
        pytest.param(" " * 300 + US, id="more than 256 characters"),
    ],
)
def test_anything_else_is_unusable(text: str) -> None:
    number = parse_number(text, "US")
    assert (number.kind, number.key) == (NumberKind.UNUSABLE, "")


def test_a_national_number_is_unusable_in_an_unknown_region() -> None:
    assert parse_number("(415) 555-0123", "XX").kind is NumberKind.UNUSABLE
