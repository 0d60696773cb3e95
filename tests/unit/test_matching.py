import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadline_server.domain.contact import MatchKind
from leadline_server.domain.numbers.matching import key_asked_by, key_matched_by, match_kind
from leadline_server.domain.numbers.phone_number import parse_number


@pytest.mark.parametrize(
    ("asked", "stored", "region"),
    [
        pytest.param("+14155550123", "(415) 555-0123", "US", id="written nationally"),
        pytest.param("+14155550123", "sip:4155550123@pbx.example.com", "US", id="an address"),
        pytest.param("+442079460123", "0044 (0)20 7946 0123", "US", id="written internationally"),
        pytest.param("+14155550123 x12", "415-555-0123;ext=12", "US", id="with the same extension"),
    ],
)
def test_the_same_number_matches_exactly(asked: str, stored: str, region: str) -> None:
    assert match_kind(parse_number(asked, region), stored, region) is MatchKind.EXACT


@pytest.mark.parametrize(
    ("asked", "stored", "region"),
    [
        pytest.param("+442079460123", "020 7946 0123", "US", id="the national form"),
        pytest.param("+14155550123", "415-555-0123", "FR", id="the significant number"),
        pytest.param("+442079460123", "tel:020-7946-0123", "US", id="the national form in a tel address"),
        pytest.param("+442079460123 x12", "020 7946 0123 x12", "US", id="the national form with the same extension"),
    ],
)
def test_a_number_without_country_matches_as_it_is_written_at_home(asked: str, stored: str, region: str) -> None:
    assert match_kind(parse_number(asked, region), stored, region) is MatchKind.NATIONAL


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        pytest.param("+14155550123 x12", "+14155550123", id="only the asked number has an extension"),
        pytest.param("+14155550123", "+14155550123 x12", id="only the stored number has an extension"),
        pytest.param("+442079460123", "020 7946 0123 x12", id="only the stored national form has an extension"),
        pytest.param("101", "ext. 101", id="the same internal extension"),
    ],
)
def test_an_extension_on_one_side_matches_by_the_main_number(asked: str, stored: str) -> None:
    assert match_kind(parse_number(asked, "US"), stored, "US") is MatchKind.EXTENSION


@pytest.mark.parametrize(
    ("asked", "stored", "region"),
    [
        pytest.param("+14155550123", "+14155550124", "US", id="another number"),
        pytest.param("+14155550123 x12", "+14155550123 x13", "US", id="another extension"),
        pytest.param("+442079460123 x12", "020 7946 0123 x13", "US", id="another extension of the national form"),
        pytest.param("+14155550123", "tel:4155550123;phone-context=+33", "FR", id="another country in an address"),
        pytest.param("+299221234", "221234 x5", "US", id="a national form of six digits"),
        pytest.param("+14155550123", "555-0123", "US", id="the last seven digits"),
        pytest.param("+14155550123", "4155550123", "MX", id="a possible number of the account's region"),
        pytest.param(
            "+442079460123", "2079460123", "US", id="the significant number, possible in the account's region"
        ),
        pytest.param("+14155550123", "+1 555 0123", "US", id="a country code before the last digits"),
        pytest.param("+14155550123", "101", "US", id="an extension against a number"),
        pytest.param("101", "+14155550101", "US", id="a number against an extension"),
        pytest.param("+14155550101", "0101", "US", id="the last four digits"),
        pytest.param("101", "102", "US", id="another internal extension"),
        pytest.param("anonymous", "anonymous", "US", id="both withheld"),
        pytest.param("911", "911", "US", id="both an emergency number"),
        pytest.param("555-0123", "555-0123", "US", id="both unusable"),
        pytest.param("+14155550123", "", "US", id="nothing stored"),
        pytest.param("+14155550123", " " * 300 + "4155550123", "FR", id="too long a text stored"),
    ],
)
def test_nothing_else_matches(asked: str, stored: str, region: str) -> None:
    assert match_kind(parse_number(asked, region), stored, region) is None


WRITTEN = (
    "+14155550123",
    "(415) 555-0123",
    "+14155550123 x12",
    "4155550123",
    "+442079460123",
    "020 7946 0123",
    "2079460123 ext. 12",
    "0044 20 7946 0123",
    "tel:020-7946-0123",
    "101",
    "ext. 101",
    "911",
    "anonymous",
    "no number",
    "",
)


@given(
    asked=st.sampled_from(WRITTEN) | st.text("0123456789+ x", max_size=14),
    stored=st.sampled_from(WRITTEN) | st.text("0123456789+ x", max_size=14),
    region=st.sampled_from(["US", "GB", "FR", "DE", "MX", "AR"]),
)
def test_what_matches_has_the_key_that_is_asked_by_or_none_of_its_own(asked: str, stored: str, region: str) -> None:
    number = parse_number(asked, region)
    if match_kind(number, stored, region) is not None:
        assert key_matched_by(stored, region) in (key_asked_by(number), None)


def test_what_is_anothers_number_or_nobodys_has_another_key() -> None:
    keys = {key_matched_by(stored, "US") for stored in ("+14155550124", "102", "anonymous", "911")}
    assert keys == {"+14155550124", "ext:102", ""}
