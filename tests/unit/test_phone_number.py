import phonenumbers
import pytest
from leadline_server.domain.numbers.phone_number import (
    NumberKind,
    PhoneNumber,
    format_number,
    is_region,
    mask_number,
    parse_number,
)

US = "+14155550123"
LONDON = "+442079460123"
BERLIN = "+493023125000"
SYDNEY = "+61255500123"


@pytest.mark.parametrize(
    ("text", "region", "e164"),
    [
        pytest.param("+14155550123", "GB", US, id="E.164"),
        pytest.param("  +14155550123\n", "GB", US, id="surrounding white space"),
        pytest.param("(415) 555-0123", "US", US, id="national with brackets"),
        pytest.param("1 415.555.0123", "US", US, id="national with the country code and dots"),
        pytest.param("415/555-0123", "US", US, id="slashes"),
        pytest.param("+1 (415) 555–0123", "GB", US, id="an en dash"),  # noqa: RUF001 - as a word processor writes it
        pytest.param("+1\u00a0415\u00a0555\u00a00123", "GB", US, id="non-breaking spaces"),
        pytest.param("\uff0b\uff11" + "415555012" + "\uff13", "GB", US, id="full-width plus and digits"),
        pytest.param("\u202a+1 415 555 0123\u202c", "GB", US, id="invisible direction marks"),
        pytest.param("+١٤١٥٥٥٥٠١٢٣", "GB", US, id="Arabic digits"),
        pytest.param("(+44) 20 7946 0123", "US", LONDON, id="the plus in brackets"),
        pytest.param("+44 (0)20 7946 0123", "US", LONDON, id="a bracketed trunk zero"),
        pytest.param("+44 [0] 20 7946 0123", "US", LONDON, id="a trunk zero in square brackets"),
        pytest.param("+49 (0)30 23125 000", "US", BERLIN, id="a bracketed trunk zero in Germany"),
        pytest.param("+1 (0)415 555 0123", "GB", US, id="a bracketed zero that the country never dials"),
        pytest.param("020 7946 0123", "GB", LONDON, id="a trunk zero at home"),
        pytest.param("Mobile: +1 415 555 0123", "GB", US, id="a label before"),
        pytest.param("+1 415 555 0123 (home)", "GB", US, id="a label after"),
        pytest.param("415-KLL-0123", "US", US, id="letters for digits"),
        pytest.param("(415) 555-BABY", "US", "+14155552229", id="a word at the end"),
        pytest.param("1 800 FLO WERS", "US", "+18003569377", id="two words"),
        pytest.param("Cell 415-555-0123", "US", US, id="a label without a colon"),
        pytest.param("M 415-555-0123", "US", US, id="a label of one letter"),
        pytest.param("Tel.: 415-555-0123", "US", US, id="an abbreviated label"),
        pytest.param("Tel # 415-555-0123", "US", US, id="a label with a number sign"),
        pytest.param("[cell] 415-555-0123", "US", US, id="a label in brackets before"),
        pytest.param("415-555-0123 mobile", "US", US, id="a label after, without brackets"),
        pytest.param("415-555-0123 - work cell", "US", US, id="two labels after a dash"),
        pytest.param("\N{BLACK TELEPHONE} 415-555-0123", "US", US, id="a picture of a phone"),
        pytest.param("'4155550123", "US", US, id="a spreadsheet's apostrophe"),
        pytest.param('="+14155550123"', "US", US, id="a spreadsheet's formula"),
        pytest.param("4155550123.0", "US", US, id="a spreadsheet's decimal"),
        pytest.param("415-555-0123;", "US", US, id="a list's separator behind"),
        pytest.param("415*555*0123", "US", US, id="stars between groups"),
        pytest.param("415_555_0123", "US", US, id="underscores between groups"),
        pytest.param("++14155550123", "US", US, id="a plus too many"),
        pytest.param("+0014155550123", "US", US, id="a plus before two zeros"),
        pytest.param("49(0)30 23125 000", "US", BERLIN, id="a bracketed zero, and no plus"),
        pytest.param("49(0)30 23125 000", "DE", BERLIN, id="the same at home, where it could be a number"),
        pytest.param("4917612345678", "DE", "+4917612345678", id="a mobile number that lacks the plus"),
        pytest.param("+4402079460123", "US", LONDON, id="a trunk zero after the country code"),
        pytest.param("+49 00 30 23125 000", "US", BERLIN, id="a trunk zero written twice"),
        pytest.param("+61 00 2 5550 0123", "US", SYDNEY, id="a trunk zero written twice in Australia"),
    ],
)
def test_a_number_is_read_in_the_form(text: str, region: str, e164: str) -> None:
    assert parse_number(text, region).e164 == e164


@pytest.mark.parametrize(
    ("text", "region", "e164"),
    [
        pytest.param("00442079460123", "US", LONDON, id="where the region dials 011"),
        pytest.param("(00) 44 20 7946 0123", "US", LONDON, id="in brackets"),
        pytest.param("0 0 44 20 7946 0123", "US", LONDON, id="with a space between"),
        pytest.param("0014155550123", "AU", US, id="where the region's prefix begins with 001"),
        pytest.param("00442079460123", "SG", LONDON, id="where the region's carriers have 004"),
        pytest.param("tel:00442079460123", "US", LONDON, id="in a tel address"),
        pytest.param("sip:00442079460123@pbx.example.com", "US", LONDON, id="in a sip address"),
        pytest.param("0044 (0)20 7946 0123", "US", LONDON, id="before a bracketed trunk zero"),
    ],
)
def test_two_zeros_read_as_a_plus(text: str, region: str, e164: str) -> None:
    assert parse_number(text, region).e164 == e164


@pytest.mark.parametrize(
    ("text", "region", "e164"),
    [
        pytest.param("011 44 20 7946 0123", "US", LONDON, id="011 in the United States"),
        pytest.param("0011 44 20 7946 0123", "AU", LONDON, id="0011 in Australia"),
        pytest.param("010 1 415 555 0123", "JP", US, id="010 in Japan"),
        pytest.param("0011 44 1632 960123", "AU", "+441632960123", id="0011 before a number that nobody has"),
    ],
)
def test_the_regions_own_international_prefix_works(text: str, region: str, e164: str) -> None:
    assert parse_number(text, region).e164 == e164


def example(region: str) -> phonenumbers.PhoneNumber:
    number = phonenumbers.example_number(region)
    assert number is not None
    return number


def test_the_regions_own_prefix_wins_where_a_plus_would_make_an_unassigned_number() -> None:
    auckland = phonenumbers.format_number(example("NZ"), phonenumbers.PhoneNumberFormat.E164)
    assert parse_number(f"0011 {auckland[1:]}", "AU").e164 == auckland


def test_a_bracketed_zero_is_dropped_where_only_then_the_number_is_assigned() -> None:
    written = f"+352 (0){phonenumbers.national_significant_number(example('LU'))}"
    assert parse_number(written, "US").e164 == written.replace(" (0)", "")


def test_two_zeros_before_a_local_number_are_no_number() -> None:
    assert parse_number("0015550123", "US").kind is NumberKind.UNUSABLE


@pytest.mark.parametrize(
    "text",
    [
        "415-555-0123 x12",
        "415-555-0123x12",
        "415-555-0123 ext 12",
        "415-555-0123 ext. 12",
        "415-555-0123 Extension: 12",
        "415-555-0123;ext=12",
        "415-555-0123 #12",
        "415-555-0123,,12#",
        "415-555-0123p12",
        "415-555-0123 w12w34#",
        "415-555-0123, press 12",
        "415-555-0123, then dial 12",
        "415-555-0123 option 12",
        "415-555-0123 (ext. 12)",
        "415-555-0123 ext. no. 12",
        "415-555-0123 DW 12",
        "415-555-0123 poste 12",
        "415-555-0123 ramal 12",
        "415-555-0123 anexo 12",
        "415-555-0123 int. 12",
        "415-555-0123 wew. 12",
        "415-555-0123 доб. 12",
        "415-555-0123 内線12",
        "415-555-0123 分机 12",
        "415-KLL-0123 x12",
        "tel:+1-415-555-0123;ext=12",
        "sip:+14155550123;ext=12@pbx.example.com",
    ],
)
def test_an_extension_is_kept_beside_the_number(text: str) -> None:
    number = parse_number(text, "US")
    assert (number.e164, number.extension, number.key) == (US, "12", f"{US};ext=12")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("tel:+14155550123", id="tel"),
        pytest.param("TEL:+1-(415)-555-0123;isub=7", id="tel with separators and a foreign parameter"),
        pytest.param("tel:4155550123;phone-context=+1", id="tel with the country as context"),
        pytest.param("tel:555-0123;phone-context=+1-415", id="tel with the area as context"),
        pytest.param("tel:0123;phone-context=+1-415-555", id="tel with all but the last digits as context"),
        pytest.param("tel:4155550123;phone-context=example.com", id="tel with a domain as context"),
        pytest.param("sip:+14155550123@pbx.example.com", id="sip"),
        pytest.param("sips:+14155550123@pbx.example.com:5061;transport=tls", id="sips with port and parameter"),
        pytest.param("sip:4155550123@[2001:db8::1]:5060", id="sip at an IPv6 host"),
        pytest.param("sip:+14155550123:secret@pbx.example.com", id="sip with a password"),
        pytest.param("sip:%2B14155550123@pbx.example.com", id="sip with an escaped plus"),
        pytest.param("sip:+14155550123;npdi;rn=+14155550199@pbx.example.com;user=phone", id="sip with user parameters"),
        pytest.param("sip:+14155550123@pbx.example.com?Subject=hello&Priority=urgent", id="sip with headers"),
        pytest.param('"Doe, Jane" <sip:+14155550123@pbx.example.com>;tag=a1', id="a name before the address"),
        pytest.param("<sip:+14155550123@pbx.example.com>", id="angle brackets alone"),
        pytest.param('"Jane Doe" <4155550123>', id="a name before a plain number"),
        pytest.param("sip:+14155550123", id="sip without a host"),
        pytest.param("+14155550123@pbx.example.com", id="a user at a host, without a scheme"),
        pytest.param("4155550123@10.0.0.1:5060;transport=udp", id="a national one at an address with a port"),
        pytest.param("+14155550123;npdi;rn=+14155550199@pbx.example.com", id="with number portability parameters"),
        pytest.param("+14155550123;npdi", id="a parameter alone, without a scheme"),
        pytest.param("4155550123;phone-context=+1", id="a context without a scheme"),
        pytest.param("<+14155550123@pbx.example.com;user=phone>", id="in angle brackets, without a scheme"),
        pytest.param("callto:+14155550123", id="callto"),
        pytest.param("sms:+14155550123?body=hello", id="sms"),
        pytest.param("smsto:4155550123:hello", id="smsto with a text"),
        pytest.param("tel;type=cell:+14155550123", id="a field of a vCard"),
        pytest.param("https://wa.me/14155550123", id="a link to a chat"),
        pytest.param("https://api.whatsapp.com/send?phone=14155550123&text=hi", id="a longer link to a chat"),
    ],
)
def test_the_number_is_taken_out_of_an_address(text: str) -> None:
    assert parse_number(text, "US").key == US


@pytest.mark.parametrize("text", ["+14155550123", "+442079460123", "+441632960123"])
def test_numbers_reserved_for_fiction_are_possible(text: str) -> None:
    assert parse_number(text, "US").e164 == text


def test_the_national_form_has_the_trunk_prefix_and_the_significant_number_has_not() -> None:
    number = parse_number(LONDON, "US")
    assert (number.national, number.significant) == ("02079460123", "2079460123")


def test_a_number_remembers_how_it_was_written() -> None:
    assert parse_number(" (415) 555-0123", "US").text == " (415) 555-0123"


@pytest.mark.parametrize(
    ("pattern", "filled"),
    [
        ("(###) ###-####", "(415) 555-0123"),
        ("+1 ###.###.####", "+1 415.555.0123"),
        ("##########", "4155550123"),
        ("#### ######", "4155 550123"),
        ("###-####", ""),
        ("", ""),
    ],
)
def test_a_pattern_is_filled_only_where_the_digits_fit(pattern: str, filled: str) -> None:
    assert format_number(parse_number(US, "US"), pattern) == filled


def test_an_extension_fills_no_pattern() -> None:
    assert format_number(parse_number("101", "US"), "###") == ""
    assert format_number(parse_number("101", "US"), "") == ""


@pytest.mark.parametrize(("code", "known"), [("US", True), ("GB", True), ("us", False), ("001", False), ("", False)])
def test_a_region_is_one_that_libphonenumber_knows(code: str, *, known: bool) -> None:
    assert is_region(code) is known


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (US, "***23"),
        ("sip:+14155550123@pbx", "***23"),
        ("101", "***"),
        ("alice", "***"),
        ("", "***"),
    ],
)
def test_a_masked_number_shows_two_digits_at_most(text: str, masked: str) -> None:
    assert mask_number(text) == masked


def test_the_same_text_is_read_once() -> None:
    assert parse_number("(415) 555-0188", "US") is parse_number("(415) 555-0188", "US")


def test_a_number_without_kind_dialable_or_extension_has_no_key() -> None:
    assert PhoneNumber("", NumberKind.WITHHELD).key == ""
