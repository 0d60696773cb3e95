"""The digits that phones dial, and the number that they mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadline_server.domain.numbers.dial_codes import DIAL_CODES
from leadline_server.domain.numbers.dialled import parse_dialled
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.domain.numbers.phone_number import NumberKind, parse_number

US = NumberingRules("US", "", ("9",))
DE = NumberingRules("DE", "", ("0",))
GB = NumberingRules("GB", "", ("9",))
WASHINGTON = "+12025550305"
LONDON = "+442079460958"


@pytest.mark.parametrize(
    "dialled",
    [
        "92025550305",
        "912025550305",
        "9 1 202 555 0305",
        "9,12025550305",
        "9w12025550305",
        "9-1-202-555-0305",
        "*672025550305",
        "*6712025550305",
        "*67 (202) 555-0305",
        "*822025550305",
        "9*672025550305",
        "*6792025550305",
        "2025550305#",
        "92025550305#",
        "w12025550305",
        "ppp12025550305",
        "12025550305,,3",
        "12025550305w3#",
        "12025550305p1p2",
        "+12025550305,,3",
        "+12025550305",
        "sip:92025550305@pbx.example.com",
        "92025550305@pbx.example.com",
    ],
)
def test_a_number_is_read_without_what_was_dialled_around_it(dialled: str) -> None:
    number = parse_dialled(dialled, US)
    assert (number.key, number.text, number.other_reading) == (WASHINGTON, dialled, "")


@pytest.mark.parametrize(
    ("dialled", "rules", "e164"),
    [
        pytest.param("0017612345678", DE, "+4917612345678", id="a mobile number, not America"),
        pytest.param("00301234567", DE, "+49301234567", id="Berlin, not Greece"),
        pytest.param("004930901820", DE, "+4930901820", id="with the international prefix alone"),
        pytest.param("0004930901820", DE, "+4930901820", id="with both prefixes"),
        pytest.param("017612345678", DE, "+4917612345678", id="without a prefix"),
        pytest.param("0#31#017612345678", DE, "+4917612345678", id="with a code behind the prefix"),
        pytest.param("9011442079460958", US, LONDON, id="abroad"),
        pytest.param("902079460958", GB, LONDON, id="Britain"),
        pytest.param("914102079460958", GB, LONDON, id="Britain's code behind the prefix"),
    ],
)
def test_of_two_readings_the_valid_one_is_taken(dialled: str, rules: NumberingRules, e164: str) -> None:
    number = parse_dialled(dialled, rules)
    assert (number.e164, number.other_reading) == (e164, "")


def test_two_valid_readings_are_both_kept() -> None:
    number = parse_dialled("0043158858", DE)
    assert (number.e164, number.other_reading) == ("+43158858", "+4943158858")


def test_a_text_without_a_valid_reading_is_unusable() -> None:
    assert parse_dialled("0090182512", DE).kind is NumberKind.UNUSABLE


@pytest.mark.parametrize(
    ("dialled", "rules", "kind"),
    [
        pytest.param("9911", US, NumberKind.SERVICE, id="an emergency number behind the prefix"),
        pytest.param("9411", US, NumberKind.SERVICE, id="directory assistance behind the prefix"),
        pytest.param("0110", DE, NumberKind.SERVICE, id="Germany's police behind the prefix"),
        pytest.param("9101", US, NumberKind.EXTENSION, id="an extension that begins like the prefix"),
        pytest.param("911", US, NumberKind.SERVICE, id="an emergency number that begins like the prefix"),
        pytest.param("*97", US, NumberKind.SERVICE, id="a feature code"),
        pytest.param("9*97", US, NumberKind.SERVICE, id="a feature code behind the prefix"),
        pytest.param("9", US, NumberKind.UNUSABLE, id="the prefix alone"),
        pytest.param("anonymous", US, NumberKind.WITHHELD, id="no number"),
        pytest.param("9" * 300, US, NumberKind.UNUSABLE, id="too long a text"),
    ],
)
def test_what_is_no_number_of_a_plan_stays_that(dialled: str, rules: NumberingRules, kind: NumberKind) -> None:
    assert parse_dialled(dialled, rules).kind is kind


def test_a_mask_is_stronger_than_a_prefix() -> None:
    rules = NumberingRules("US", "9xxx", ("9",))
    assert parse_dialled("9911", rules).key == "ext:9911"


def test_only_the_accounts_own_prefixes_are_dropped() -> None:
    assert parse_dialled("92025550305", NumberingRules("US", "", ("8",))).kind is NumberKind.UNUSABLE
    assert parse_dialled("92025550305", "US").kind is NumberKind.UNUSABLE
    assert parse_dialled("82025550305", NumberingRules("US", "", ("9", "8"))).key == WASHINGTON


def test_a_stored_number_and_a_caller_have_no_dial_prefix() -> None:
    assert parse_number("92025550305", US).kind is NumberKind.UNUSABLE
    assert parse_number("12025550305,,3", US).key == f"{WASHINGTON};ext=3"


@pytest.mark.parametrize(
    ("text", "region", "e164"),
    [
        ("*67 202 555 0305", "US", WASHINGTON),
        ("*82 1 202 555 0305", "CA", WASHINGTON),
        ("*67 876 555 0123", "JM", "+18765550123"),
        ("141 020 7946 0958", "GB", LONDON),
        ("1470 02079460958", "GB", LONDON),
        ("#31#02079460958", "GB", LONDON),
        ("*31#0301234567", "DE", "+49301234567"),
        ("#31#+442079460958", "US", LONDON),
    ],
)
def test_a_code_before_a_whole_number_is_no_part_of_it(text: str, region: str, e164: str) -> None:
    assert parse_number(text, region).key == e164


@pytest.mark.parametrize(
    ("text", "region", "kind"),
    [
        pytest.param("*67 020 7946 0958", "GB", NumberKind.SERVICE, id="*67 outside North America"),
        pytest.param("141 01 234 5678", "IE", NumberKind.UNUSABLE, id="141 outside Britain"),
        pytest.param("*67101", "US", NumberKind.SERVICE, id="a code before an extension"),
        pytest.param("*672025550", "US", NumberKind.SERVICE, id="a code before half a number"),
        pytest.param("#31#", "DE", NumberKind.SERVICE, id="a code alone"),
        pytest.param("*98*2025550305", "US", NumberKind.SERVICE, id="a code that is not known"),
    ],
)
def test_any_other_code_makes_no_number(text: str, region: str, kind: NumberKind) -> None:
    assert parse_number(text, region).kind is kind


def test_every_code_names_its_source() -> None:
    assert all(len(code.source) > 20 for code in DIAL_CODES)


@given(
    text=st.text("0123456789*#+wp,; ()-", max_size=30) | st.text(max_size=300),
    region=st.sampled_from(["US", "DE", "GB", "LU", "NL", "IL", "ZZ"]),
    prefixes=st.sampled_from([(), ("9",), ("0",), ("0", "00"), ("*9", "#")]),
)
def test_every_dialled_text_has_a_kind_that_agrees_with_its_fields(
    text: str, region: str, prefixes: tuple[str, ...]
) -> None:
    number = parse_dialled(text, NumberingRules(region, "", prefixes))
    assert number.text == text
    assert bool(number.e164) is (number.kind is NumberKind.DIALABLE)
    assert not number.other_reading or (number.e164 and number.other_reading != number.e164)


@given(e164=st.sampled_from(["+12025550305", LONDON, "+4930901820", "+393471234567", "+5511987654321"]))
def test_a_number_in_e164_form_is_read_the_same_whoever_dials_it(e164: str) -> None:
    assert parse_dialled(e164, DE) is parse_number(e164, DE)
