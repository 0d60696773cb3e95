"""Which digits are an extension, a service code, a published short number, or a number of the plan."""

import pytest
from leadline_server.domain.numbers.matching import match_kind
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.domain.numbers.phone_number import NumberKind, parse_extension, parse_number
from leadline_server.domain.numbers.short_numbers import SERVICE_RANGES, ServiceRange, is_own_extension

MASKS = "1xx,2xxx"


@pytest.mark.parametrize(
    ("text", "region", "e164"),
    [
        pytest.param("221236", "LU", "+352221236", id="six digits in Luxembourg"),
        pytest.param("22 12 36", "LU", "+352221236", id="in pairs"),
        pytest.param("sip:221236@pbx.example.com", "LU", "+352221236", id="in an address"),
        pytest.param("131234", "AU", "+61131234", id="13 and four digits in Australia"),
        pytest.param("201234", "FO", "+298201234", id="six digits on the Faroes"),
        pytest.param("51234", "FK", "+50051234", id="five digits where all numbers are that short"),
    ],
)
def test_six_digits_are_a_number_where_the_plan_has_such_numbers(text: str, region: str, e164: str) -> None:
    assert parse_number(text, region).e164 == e164


@pytest.mark.parametrize(
    ("text", "region"),
    [
        pytest.param("2212", "LU", id="four digits in Luxembourg, though some numbers are that short"),
        pytest.param("22123", "LU", id="five digits in Luxembourg"),
        pytest.param("13123", "AU", id="five digits in Australia"),
        pytest.param("123456", "US", id="six digits that are no number"),
        pytest.param("301234", "DE", id="six digits that lack the trunk zero of 030 1234"),
        pytest.param("ext. 221236", "LU", id="six digits that are called an extension"),
        pytest.param("11880", "DE", id="a directory service of five digits"),
    ],
)
def test_other_short_digits_are_an_extension(text: str, region: str) -> None:
    assert parse_number(text, region).kind is NumberKind.EXTENSION


def test_what_is_reported_as_an_extension_is_one_however_short_numbers_are() -> None:
    assert parse_extension("221236", "LU").key == "ext:221236"
    assert parse_extension("101", "LU").key == "ext:101"
    assert parse_extension("+352 22 12 36", "LU").key == "+352221236"
    assert parse_extension("911", "US").kind is NumberKind.SERVICE


@pytest.mark.parametrize(
    ("text", "region", "extension"),
    [
        pytest.param("14020", "NL", "14020", id="a municipality in the Netherlands"),
        pytest.param("14 0343", "NL", "140343", id="one with a longer area code"),
        pytest.param("+31 14 020", "NL", "14020", id="with the country code"),
        pytest.param("+31140343", "NL", "140343", id="a longer one with the country code"),
        pytest.param("02222", "NO", "02222", id="a company in Norway"),
        pytest.param("+4709999", "NO", "09999", id="with the country code of Norway"),
        pytest.param("*2700", "IL", "*2700", id="a company in Israel"),
        pytest.param("sip:*2700@pbx.example.com", "IL", "*2700", id="in an address"),
    ],
)
def test_a_published_short_number_is_looked_up_and_never_dialable(text: str, region: str, extension: str) -> None:
    number = parse_number(text, region)
    assert (number.kind, number.extension, number.e164) == (NumberKind.EXTENSION, extension, "")


@pytest.mark.parametrize(
    ("text", "region", "kind"),
    [
        pytest.param("*2700", "US", NumberKind.SERVICE, id="a star code elsewhere"),
        pytest.param("*27", "IL", NumberKind.SERVICE, id="a star code of two digits"),
        pytest.param("+4702222", "US", NumberKind.DIALABLE, id="a Norwegian short number abroad"),
        pytest.param("01234", "NO", NumberKind.EXTENSION, id="five digits outside the range"),
    ],
)
def test_elsewhere_it_is_what_it_was(text: str, region: str, kind: NumberKind) -> None:
    assert parse_number(text, region).kind is kind


@pytest.mark.parametrize("published", SERVICE_RANGES, ids=lambda published: published.region)
def test_every_published_range_names_its_source(published: ServiceRange) -> None:
    assert len(published.source) > len("the regulator")


@pytest.mark.parametrize("text", ["211", "311", "411", "511", "611", "711", "811", "911", "988"])
@pytest.mark.parametrize("region", ["US", "CA", "JM"])
def test_the_service_codes_of_north_america_are_not_looked_up(text: str, region: str) -> None:
    number = parse_number(text, region)
    assert number.kind is NumberKind.SERVICE
    assert match_kind(number, text, region) is None


def test_they_are_extensions_elsewhere() -> None:
    assert parse_number("211", "GB").key == "ext:211"


@pytest.mark.parametrize(
    ("text", "region", "key"),
    [
        pytest.param("101", "US", "ext:101", id="a mask"),
        pytest.param("2345", "US", "ext:2345", id="another mask"),
        pytest.param("112", "US", "ext:112", id="an emergency number elsewhere"),
        pytest.param("2211", "LU", "ext:2211", id="a mask before validity"),
        pytest.param("sip:101@pbx.example.com", "US", "ext:101", id="a mask in an address"),
        pytest.param("3456", "US", "ext:3456", id="a short code, though no mask fits"),
        pytest.param("3012", "DE", "ext:3012", id="digits without the trunk zero, though no mask fits"),
        pytest.param("911", "US", "", id="an emergency number that no mask takes"),
        pytest.param("3456", "LU", "+3523456", id="a number of four digits that no mask takes"),
        pytest.param("221236", "LU", "+352221236", id="a number of six digits that no mask takes"),
        pytest.param("+352 2345", "LU", "+3522345", id="a number with its country code"),
    ],
)
def test_the_accounts_masks_decide_first(text: str, region: str, key: str) -> None:
    assert parse_number(text, NumberingRules(region, MASKS)).key == key


def test_masks_may_be_as_long_as_numbers() -> None:
    rules = NumberingRules("DK", "8400xxxx")
    assert parse_number("84001234", rules).key == "ext:84001234"
    assert parse_number("84101234", rules).key == "+4584101234"


def test_the_same_text_is_read_by_the_rules_of_each_account() -> None:
    assert parse_number("221236", NumberingRules("LU", "22xxxx")).key == "ext:221236"
    assert parse_number("221236", NumberingRules("LU")).key == "+352221236"


@pytest.mark.parametrize(
    ("digits", "rules", "own"),
    [
        ("101", NumberingRules("US"), True),
        ("12345", NumberingRules("US"), True),
        ("123456", NumberingRules("US"), True),
        ("1234567", NumberingRules("US"), False),
        ("911", NumberingRules("US"), False),
        ("411", NumberingRules("US"), False),
        ("14020", NumberingRules("NL"), False),
        ("221236", NumberingRules("LU"), False),
        ("22123", NumberingRules("LU"), True),
        ("101", NumberingRules("US", MASKS), True),
        ("301", NumberingRules("US", MASKS), False),
        ("*97", NumberingRules("US"), False),
        ("", NumberingRules("US"), False),
    ],
)
def test_an_own_extension_is_told_by_the_masks_or_the_digits(digits: str, rules: NumberingRules, *, own: bool) -> None:
    assert is_own_extension(digits, rules) is own
