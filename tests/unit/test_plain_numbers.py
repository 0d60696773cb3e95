"""The short cuts answer as libphonenumber does, or not at all."""

from dataclasses import replace

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadline_server.domain.numbers.phone_number import NumberKind, parse_number
from leadline_server.domain.numbers.plain_numbers import home_prefixes, national_digits, plain_significant

_REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
_CODES = sorted({str(code) for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE})
_LAYOUTS = (
    "+{cc}{d}",
    "{d}",
    "{cc}{d}",
    "+{cc} {a} {b}",
    "({a}) {b}",
    "+{cc} ({a}) {b}",
    "{a}-{b}",
    "0{d}",
    "00{cc}{d}",
)


@given(
    region=st.sampled_from(_REGIONS),
    code=st.sampled_from(_CODES),
    digits=st.text("0123456789", min_size=5, max_size=14),
    layout=st.sampled_from(_LAYOUTS),
)
def test_where_it_answers_libphonenumber_says_the_same(region: str, code: str, digits: str, layout: str) -> None:
    text = layout.format(cc=code, d=digits, a=digits[:3], b=digits[3:])
    if answer := plain_significant(text, region):
        number = parse_number(f"{text} ", region)  # with a space it is read the long way
        # Digits that spell "anonymous" on a keypad are no number, but are never looked up either.
        assert number.significant == answer or number.kind is NumberKind.WITHHELD


@given(code=st.sampled_from(_CODES), digits=st.text("0123456789", min_size=5, max_size=14))
def test_a_number_in_e164_form_reads_the_same_the_short_and_the_long_way(code: str, digits: str) -> None:
    text = f"+{code}{digits}"
    short, long = parse_number(text, "US"), parse_number(f"{text} ", "US")
    assert replace(short, text="") == replace(long, text="")


@pytest.mark.parametrize("region", _REGIONS)
def test_every_country_writes_its_numbers_at_home_as_foreseen(region: str) -> None:
    for kind in phonenumbers.PhoneNumberType.values():
        example = phonenumbers.example_number_for_type(region, kind)
        if example is None:
            continue
        number = parse_number(phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164), "US")
        if number.kind is not NumberKind.DIALABLE:
            continue  # a number that works in one town only
        prefixes = home_prefixes(number.country_code)
        if prefixes is not None:
            assert number.national in {prefix + number.significant for prefix in prefixes}


def test_most_countries_are_foreseen() -> None:
    assert home_prefixes("1") == ("",)
    assert home_prefixes("44") == ("0",)
    assert home_prefixes("54") is None
    assert sum(home_prefixes(code) is not None for code in _CODES) > 0.9 * len(_CODES)


@pytest.mark.parametrize(
    ("text", "region", "significant"),
    [
        ("+14155550123", "GB", "4155550123"),
        ("(415) 555-0123", "US", "4155550123"),
        ("+44 20 7946 0123", "US", "2079460123"),
        ("415.555.0123", "CA", "4155550123"),
    ],
)
def test_it_answers_for_the_usual_forms(text: str, region: str, significant: str) -> None:
    assert plain_significant(text, region) == significant


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("020 7946 0123", "GB"),
        ("1 415 555 0123", "US"),
        ("011 44 20 7946 0123", "US"),
        ("+44 (0)20 7946 0123", "GB"),
        ("+39 06 555 0123", "IT"),
        ("+14155550123 x12", "US"),
        ("1-800-FLOWERS", "US"),
        ("101", "US"),
        ("", "US"),
        ("4155550123", "no region"),
    ],
)
def test_it_leaves_alone_what_needs_more_than_counting_digits(text: str, region: str) -> None:
    assert plain_significant(text, region) == ""


@given(code=st.sampled_from(_CODES), digits=st.text("0123456789", min_size=5, max_size=14))
def test_the_digits_at_home_are_those_that_libphonenumber_writes(code: str, digits: str) -> None:
    number = parse_number(f"+{code}{digits}", "US")
    if number.kind is NumberKind.DIALABLE:
        _check_national_digits(number.e164)


@pytest.mark.parametrize("region", _REGIONS)
def test_the_digits_at_home_of_every_countrys_numbers_are_those_that_libphonenumber_writes(region: str) -> None:
    for kind in phonenumbers.PhoneNumberType.values():
        example = phonenumbers.example_number_for_type(region, kind)
        if example is not None:
            e164 = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
            for last in range(10):
                _check_national_digits(e164[:-1] + str(last))


def _check_national_digits(e164: str) -> None:
    written = phonenumbers.format_number(phonenumbers.parse(e164), phonenumbers.PhoneNumberFormat.NATIONAL)
    assert national_digits(e164) == "".join(filter(str.isdecimal, written))
