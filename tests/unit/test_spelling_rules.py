"""The published table of spellings, rule by rule: what it makes one number, and what it must not."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadline_server.domain.contact import MatchKind
from leadline_server.domain.numbers.matching import Match, key_asked_by, match_kind, match_number
from leadline_server.domain.numbers.phone_number import PhoneNumber, is_valid, parse_number
from leadline_server.domain.numbers.spelling_rules import RULES, canonical_digits, other_digits
from leadline_server.domain.numbers.spellings import spellings


@pytest.mark.parametrize(
    ("code", "written", "today"),
    [
        pytest.param("52", "15512345678", "5512345678", id="Mexico's 1"),
        pytest.param("52", "0445512345678", "5512345678", id="Mexico's 044"),
        pytest.param("52", "0455512345678", "5512345678", id="Mexico's 045"),
        pytest.param("52", "015512345678", "5512345678", id="Mexico's 01"),
        pytest.param("229", "97123456", "0197123456", id="Benin, mobile"),
        pytest.param("229", "21301234", "0121301234", id="Benin, fixed"),
        pytest.param("55", "1187654321", "11987654321", id="Brazil, mobile with 8"),
        pytest.param("55", "2191234567", "21991234567", id="Brazil, mobile with 9"),
        pytest.param("55", "4867654321", "48967654321", id="Brazil, mobile with 6"),
        pytest.param("225", "07123456", "0707123456", id="Ivory Coast, Orange"),
        pytest.param("225", "58123456", "0758123456", id="Ivory Coast, Orange with 58"),
        pytest.param("225", "98123456", "0798123456", id="Ivory Coast, Orange with 98"),
        pytest.param("225", "04123456", "0504123456", id="Ivory Coast, MTN"),
        pytest.param("225", "76123456", "0576123456", id="Ivory Coast, MTN with 76"),
        pytest.param("225", "01123456", "0101123456", id="Ivory Coast, Moov"),
        pytest.param("225", "43123456", "0143123456", id="Ivory Coast, Moov with 43"),
        pytest.param("225", "20212345", "2720212345", id="Ivory Coast, a fixed line of Orange"),
        pytest.param("225", "20012345", "2520012345", id="Ivory Coast, a fixed line of MTN"),
        pytest.param("225", "20812345", "2120812345", id="Ivory Coast, a fixed line of Moov"),
        pytest.param("39", "612345678", "0612345678", id="Italy, a line without its zero"),
        pytest.param("39", "301234567", "0301234567", id="Italy, Brescia without its zero"),
        pytest.param("39", "03471234567", "3471234567", id="Italy, a mobile number with a zero"),
    ],
)
def test_an_old_or_wrong_form_means_the_number_of_today(code: str, written: str, today: str) -> None:
    assert canonical_digits(code, written) == today
    assert written in other_digits(code, today)
    read, plain = parse_number(f"+{code}{written}", "US"), parse_number(f"+{code}{today}", "US")
    assert (read.key, read.spelled, plain.spelled) == (plain.key, f"+{code}{written}", "")
    assert match_number(plain, f"+{code}{written}", "US") == Match(MatchKind.EXACT, is_respelled=True)


@pytest.mark.parametrize(
    ("code", "digits"),
    [
        pytest.param("52", "5512345678", id="Mexico, as it is today"),
        pytest.param("52", "25512345678", id="Mexico, another first digit"),
        pytest.param("52", "1551234567", id="Mexico, a digit too few"),
        pytest.param("229", "77123456", id="Benin, a series that nobody had"),
        pytest.param("229", "9712345", id="Benin, a digit too few"),
        pytest.param("55", "1127654321", id="Brazil, a fixed line"),
        pytest.param("55", "1177654321", id="Brazil, a number that begins with 7"),
        pytest.param("55", "0187654321", id="Brazil, no area code"),
        pytest.param("225", "99123456", id="Ivory Coast, a series that nobody had"),
        pytest.param("225", "60123456", id="Ivory Coast, an operator that is gone"),
        pytest.param("225", "20112345", id="Ivory Coast, a fixed line of nobody"),
        pytest.param("225", "0507123456", id="Ivory Coast, as it is today"),
        pytest.param("39", "0345123456", id="Italy, a line in San Pellegrino"),
        pytest.param("39", "345123456", id="Italy, a short mobile number"),
        pytest.param("39", "3471234567", id="Italy, a mobile number"),
        pytest.param("39", "800123456", id="Italy, a free number"),
        pytest.param("54", "1123456789", id="Argentina without the 9"),
        pytest.param("54", "91123456789", id="Argentina with the 9"),
        pytest.param("1", "2025550101", id="a country without rules"),
    ],
)
def test_a_form_that_stands_or_cannot_be_told_is_left_as_it_is(code: str, digits: str) -> None:
    assert canonical_digits(code, digits) == ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("+390345123456", "+39345123456", id="a line in San Pellegrino and a mobile number"),
        pytest.param("+2250107123456", "+2250507123456", id="Moov and MTN with the same tail"),
        pytest.param("+2250507123456", "+2250707123456", id="MTN and Orange with the same tail"),
        pytest.param("+2250107123456", "+22507123456", id="Moov and an old number of Orange"),
        pytest.param("+2250507123456", "+22507123456", id="MTN and an old number of Orange"),
        pytest.param("+551127654321", "+5511927654321", id="a fixed line in Brazil and the same with a 9"),
        pytest.param("+551177654321", "+5511977654321", id="an old radio number in Brazil and the same with a 9"),
        pytest.param("+525512345678", "+5215512345679", id="another Mexican number"),
    ],
)
def test_numbers_that_look_alike_stay_two(one: str, other: str) -> None:
    assert match_kind(parse_number(one, "US"), other, "US") is None
    assert match_kind(parse_number(other, "US"), one, "US") is None
    assert parse_number(one, "US").key != parse_number(other, "US").key


def test_argentine_numbers_with_and_without_the_9_match_as_national_and_share_no_key() -> None:
    mobile, plain = parse_number("+5491123456789", "US"), parse_number("+541123456789", "US")
    assert match_kind(mobile, plain.e164, "US") is match_kind(plain, mobile.e164, "US") is MatchKind.NATIONAL
    assert mobile.key != plain.key
    assert key_asked_by(mobile) == key_asked_by(plain)
    assert match_kind(mobile, mobile.e164, "US") is MatchKind.EXACT
    assert match_kind(mobile, "+54 11 2345 6789 ext. 5", "US") is MatchKind.EXTENSION


def test_the_same_old_spelling_on_both_sides_is_an_exact_one() -> None:
    asked = parse_number("+55 11 8765 4321", "US")
    assert match_number(asked, "+551187654321", "US") == Match(MatchKind.EXACT)
    assert match_number(asked, "+5511987654321", "US") == Match(MatchKind.EXACT, is_respelled=True)


@pytest.mark.parametrize(
    "rule", RULES, ids=lambda rule: f"{rule.country_code}-{rule.old or 'none'}-{rule.new or 'none'}"
)
def test_every_rule_names_its_source_and_a_country(rule: object) -> None:
    assert len(rule.source) > 20  # type: ignore[attr-defined]
    assert int(rule.country_code) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE  # type: ignore[attr-defined]


def test_the_spellings_of_a_number_begin_with_the_number_and_keep_its_extension() -> None:
    number = parse_number("+52 55 1234 5678 x12", "US")
    forms = spellings(number)
    assert forms[0] is number
    assert [form.e164 for form in forms[1:]] == [
        "+5215512345678",
        "+52015512345678",
        "+520445512345678",
        "+520455512345678",
    ]
    assert {form.extension for form in forms} == {"12"}


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("+2290197123456", ["0197123456", "97123456"]),
        ("+5511987654321", ["11987654321", "1187654321"]),
        ("+2250707123456", ["0707123456", "07123456"]),
        ("+390612345678", ["0612345678", "612345678"]),
        ("+393471234567", ["3471234567", "03471234567"]),
        ("+5491123456789", ["91123456789", "1123456789"]),
        ("+541123456789", ["1123456789", "91123456789"]),
        ("+2250507123456", ["0507123456"]),
        ("+390345123456", ["0345123456"]),
        ("+12025550101", ["2025550101"]),
        ("101", [""]),
    ],
)
def test_a_number_has_these_spellings(text: str, forms: list[str]) -> None:
    assert [form.significant for form in spellings(parse_number(text, "US"))] == forms


_CODES = sorted({rule.country_code for rule in RULES})


@given(code=st.sampled_from(_CODES), digits=st.text("0123456789", min_size=7, max_size=13))
def test_a_rewritten_number_is_assigned_and_was_not_before(code: str, digits: str) -> None:
    if today := canonical_digits(code, digits):
        assert is_valid(PhoneNumber("", parse_number("+12025550101", "US").kind, f"+{code}{today}", today))
        assert not phonenumbers.is_valid_number(phonenumbers.parse(f"+{code}{digits}"))
        assert canonical_digits(code, today) == ""


@given(code=st.sampled_from(_CODES), digits=st.text("0123456789", min_size=7, max_size=13))
def test_reading_a_spelling_gives_the_number_back(code: str, digits: str) -> None:
    number = parse_number(f"+{code}{digits}", "US")
    for form in spellings(number):
        read = parse_number(form.e164, "US")
        assert key_asked_by(read) == key_asked_by(number)
