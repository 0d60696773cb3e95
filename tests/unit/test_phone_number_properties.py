"""A number survives every form it is written in, and no text can make the reader fail."""

from collections.abc import Callable

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from leadline_server.domain.contact import MatchKind
from leadline_server.domain.numbers.matching import key_asked_by, match_kind
from leadline_server.domain.numbers.phone_number import NumberKind, format_number, mask_number, parse_number
from phonenumbers import PhoneNumberFormat, PhoneNumberType

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
# Variable lengths (DE, AT), a leading zero that stays (IT), a 9 that is a 15 in the national form (AR),
# no trunk prefix (ES, DK), trunk 8 (RU, KZ), trunk 06 (HU), eight digits (SG), a shared country code (US, CA, JM).
PLANS = [
    "US",
    "CA",
    "JM",
    "GB",
    "DE",
    "AT",
    "IT",
    "AR",
    "FR",
    "ES",
    "DK",
    "RU",
    "KZ",
    "HU",
    "SG",
    "AU",
    "BR",
    "JP",
    "IN",
]
TYPES = [PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE]
FULL_WIDTH = str.maketrans("0123456789+", "".join(chr(ord(char) + 0xFEE0) for char in "0123456789+"))


@st.composite
def plan_numbers(draw: st.DrawFn) -> tuple[phonenumbers.PhoneNumber, str]:
    """An example number of a region with other last digits, and that region."""
    region = draw(st.sampled_from(PLANS))
    example = phonenumbers.example_number_for_type(region, draw(st.sampled_from(TYPES)))
    assert example is not None
    e164 = phonenumbers.format_number(example, PhoneNumberFormat.E164)
    number = phonenumbers.parse(f"{e164[:-3]}{draw(st.integers(0, 999)):03}", region)
    return number, region


def e164_of(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


WRITTEN_ANYWHERE: dict[str, Callable[[phonenumbers.PhoneNumber], str]] = {
    "E.164": e164_of,
    "international": lambda number: phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL),
    "RFC 3966": lambda number: phonenumbers.format_number(number, PhoneNumberFormat.RFC3966),
    "two zeros": lambda number: "00" + e164_of(number)[1:],
    "spaced": lambda number: " ".join(e164_of(number)),
    "full width": lambda number: e164_of(number).translate(FULL_WIDTH),
    "sip": lambda number: f"sip:{e164_of(number)}@pbx.example.com;user=phone",
    "sip with two zeros": lambda number: f"sip:00{e164_of(number)[1:]}@pbx.example.com",
    "sip escaped": lambda number: f'"Jane Doe" <sip:%2B{e164_of(number)[1:]}@pbx.example.com>',
}


@pytest.mark.parametrize("form", WRITTEN_ANYWHERE)
@settings(max_examples=60, deadline=None)
@given(numbered=plan_numbers(), reader=st.sampled_from(REGIONS))
def test_an_international_form_reads_the_same_in_every_region(
    form: str, numbered: tuple[phonenumbers.PhoneNumber, str], reader: str
) -> None:
    number, _ = numbered
    assert parse_number(WRITTEN_ANYWHERE[form](number), reader).e164 == e164_of(number)


@settings(max_examples=200, deadline=None)
@given(numbered=plan_numbers())
def test_the_national_form_reads_the_same_at_home(numbered: tuple[phonenumbers.PhoneNumber, str]) -> None:
    number, region = numbered
    national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    read = parse_number(national, region)
    assert (read.e164, parse_number(read.national, region).e164) == (e164_of(number), e164_of(number))


@settings(max_examples=100, deadline=None)
@given(national=st.integers(20_7946_0000, 20_7946_0999), zero=st.sampled_from(["(0)", "( 0 )", "[0]", "0"]))
def test_a_trunk_zero_after_the_country_code_is_dropped(national: int, zero: str) -> None:
    assert parse_number(f"+44 {zero}{national}", "US").e164 == f"+44{national}"


@settings(max_examples=100, deadline=None)
@given(
    numbered=plan_numbers(),
    extension=st.from_regex("[0-9]{1,9}", fullmatch=True),
    separator=st.sampled_from(["x", " x", " ext. ", ";ext=", " #", ",,"]),
)
def test_an_extension_survives_and_the_key_reads_as_itself(
    numbered: tuple[phonenumbers.PhoneNumber, str], extension: str, separator: str
) -> None:
    number, region = numbered
    read = parse_number(f"{e164_of(number)}{separator}{extension}", region)
    assert (read.e164, read.extension) == (e164_of(number), extension)
    assert parse_number(read.key, region).key == read.key


@settings(max_examples=300, deadline=None)
@given(
    digits=st.from_regex(r"(\+|00|0|011)?[ (]{0,2}[0-9]{1,16}( x[0-9]{1,4})?", fullmatch=True),
    region=st.sampled_from(REGIONS),
)
@example(digits="02000 x0", region="NO")
def test_reading_is_idempotent(digits: str, region: str) -> None:
    read = parse_number(digits, region)
    if read.kind is NumberKind.DIALABLE:
        again = parse_number(read.e164, region)
        assert (again.e164, again.national, again.significant) == (read.e164, read.national, read.significant)
        assert parse_number(read.key, region).key == read.key


NEAR_NUMBERS = st.text(alphabet="0123456789+-() .#*x;=:@<>\"'%tels/ip,&?[]A\u00a0\u200e\uff10\u0661", max_size=40)


@settings(max_examples=500, deadline=None)
@given(text=st.text(max_size=300) | NEAR_NUMBERS, region=st.sampled_from([*REGIONS, "", "XX", "001"]))
def test_every_text_has_a_kind_that_agrees_with_its_fields(text: str, region: str) -> None:
    number = parse_number(text, region)
    is_dialable = number.kind is NumberKind.DIALABLE
    assert bool(number.e164) is bool(number.national) is bool(number.significant) is is_dialable
    assert not number.extension or number.kind in {NumberKind.DIALABLE, NumberKind.EXTENSION}
    assert bool(number.key) is (number.kind in {NumberKind.DIALABLE, NumberKind.EXTENSION})
    assert number.text == text


@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=60) | NEAR_NUMBERS)
def test_a_masked_text_keeps_two_characters_at_most(text: str) -> None:
    masked = mask_number(text)
    assert masked.startswith("***")
    assert masked[3:].isdecimal() if len(masked) > 3 else masked == "***"
    assert len(masked) <= 5


@settings(max_examples=100, deadline=None)
@given(numbered=plan_numbers())
def test_a_pattern_of_the_right_length_gives_the_digits_back(numbered: tuple[phonenumbers.PhoneNumber, str]) -> None:
    read = parse_number(e164_of(numbered[0]), "US")
    assert format_number(read, "#" * len(read.significant)) == read.significant
    assert format_number(read, "#" * (len(read.significant) + 1)) == ""


@settings(max_examples=200, deadline=None)
@given(asked=plan_numbers(), stored=plan_numbers(), region=st.sampled_from(REGIONS))
def test_two_numbers_match_exactly_only_when_they_are_the_same(
    asked: tuple[phonenumbers.PhoneNumber, str], stored: tuple[phonenumbers.PhoneNumber, str], region: str
) -> None:
    number, known = parse_number(e164_of(asked[0]), region), parse_number(e164_of(stored[0]), region)
    # Argentina's numbers with and without the 9 of mobile numbers match as NATIONAL.
    near = MatchKind.NATIONAL if key_asked_by(number) == key_asked_by(known) else None
    kind = match_kind(number, e164_of(stored[0]), region)
    assert kind is (MatchKind.EXACT if e164_of(asked[0]) == e164_of(stored[0]) else near)


@settings(max_examples=200, deadline=None)
@given(numbered=plan_numbers(), region=st.sampled_from(REGIONS), stored=st.text(max_size=30) | NEAR_NUMBERS)
def test_comparing_with_any_stored_text_never_fails(
    numbered: tuple[phonenumbers.PhoneNumber, str], region: str, stored: str
) -> None:
    assert match_kind(parse_number(e164_of(numbered[0]), region), stored, region) in {None, *MatchKind}
