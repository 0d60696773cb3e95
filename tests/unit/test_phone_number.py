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
