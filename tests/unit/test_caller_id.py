import pytest
from leadline_server.domain.caller_id import MAX_NAME, usable_name
from leadline_server.domain.numbers.phone_number import parse_number

NUMBER = parse_number("+14155550123", "US")


@pytest.mark.parametrize(
    "name",
    [
        "JOHN DOE",
        "SMITH JOHN",
        "JOHN DOE MD",
        "Jane Doe, MD",
        "DOE JANE PA",
        "SMITH AL",
        "Jack Ma",
        "JACK MA",
        "Al",
        "Anne-Marie O'Neil",
        "李小龙",
        "Müller & Söhne",
        "ACME INC",
        "ACME & CO",
        "FORD MOTOR CO",
        "CHECK IN",
        "DURHAM VA",
        "CITY OF DALLAS TX",
        "FIRST BANK TX",
        "JUAN DE LA CRUZ TX",
        "DALLAS COWBOYS",
        "BALTIMORE",
        "Georgia",
        "Virginia",
        "Georgia Doe",
        "Texas Instruments",
        "3M",
        "Studio 54",
        "Private Label LLC",
        "Unknown Pleasures Records",
        "Spamhaus",
        "JENNIFER NULL",
        "WALMART 123456",
        "Hotel: Astoria",
        "alice@example.com",
    ],
)
def test_a_name_is_kept(name: str) -> None:
    assert usable_name(name, NUMBER) == name


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        pytest.param("  JOHN   DOE ", "JOHN DOE", id="white space"),
        pytest.param('"John Doe"', "John Doe", id="double quotes"),
        pytest.param("\u201cJohn Doe\u201d", "John Doe", id="typographic quotes"),
        pytest.param("' \"John Doe\" '", "John Doe", id="nested quotes"),
        pytest.param("John\tDoe\r\n", "John Doe", id="control characters"),
        pytest.param("John\x00Doe", "John Doe", id="a null byte"),
        pytest.param("\u202eJohn Doe\u202c", "John Doe", id="direction overrides"),
        pytest.param("John \ud800Doe", "John Doe", id="half a surrogate pair"),
        pytest.param("Jose\u0301", "Jos\u00e9", id="a combining accent"),
        pytest.param("J" * 200, "J" * MAX_NAME, id="more than 128 characters"),
        pytest.param('"Alice" <sip:alice@pbx.example.com>', "Alice", id="a SIP address"),
        pytest.param("JANE DOE 4155550123", "JANE DOE", id="the number"),
        pytest.param('SALES:"Jane \\"JJ\\" Roe" <sip:1@pbx.example.com>;tag=1', 'Jane "JJ" Roe', id="several layers"),
    ],
)
def test_a_name_is_cleaned_of(name: str, cleaned: str) -> None:
    assert usable_name(name, NUMBER) == cleaned


@pytest.mark.parametrize("name", [None, "", "   ", '""', "\x00\x01", "-", "...", "?", "☎", "12"])
def test_no_letters_name_nobody(name: str | None) -> None:
    assert usable_name(name, NUMBER) is None


@pytest.mark.parametrize(
    "name",
    [
        "+14155550123",
        "14155550123",
        "(415) 555-0123",
        "415 555 0123 ext. 12",
        "0014155550123",
        "Call from +1 415 555 0123",
        "Caller 4155550123",
        "4155550123 CA",
        "tel:+14155550123",
        "sip:alice@pbx.example.com",
        "sip:4155550123@pbx.example.com",
        '"" <sip:alice@pbx.example.com>',
        "XXX-XXX-0123",
        "V123456789012",
    ],
)
def test_a_number_or_an_address_names_nobody(name: str) -> None:
    assert usable_name(name, NUMBER) is None


@pytest.mark.parametrize("name", ["101", "x101", "Ext 101", "sip:101@pbx.example.com"])
def test_an_extension_names_nobody(name: str) -> None:
    assert usable_name(name, parse_number("101", "US")) is None


def test_the_number_as_it_was_written_names_nobody() -> None:
    assert usable_name("Trunk-East", parse_number("trunk-east", "US")) is None


@pytest.mark.parametrize(
    "name",
    [
        "WIRELESS CALLER",
        "Wireless  Caller",
        "UNAVAILABLE",
        "UNKNOWN",
        "<unknown>",
        "UNKNOWN CALLER",
        "UNKNOWN NAME",
        "ANONYMOUS",
        "PRIVATE",
        "PRIVATE CALLER",
        "RESTRICTED",
        "BLOCKED",
        "OUT OF AREA",
        "OUT-OF-AREA",
        "NO NAME",
        "NAME UNAVAILABLE",
        "NAME UNAVAILABL",
        "CELL PHONE",
        "CELL PHONE   MA",
        "CELLULAR CALL",
        "MOBILE CALLER",
        "TOLL FREE CALL",
        "TOLL FREE CALLER",
        "TOLL FREE CALLE",
        "INCOMING CALL",
        "CALLER",
        "Caller ID",
        "No Caller ID",
        "SPAM",
        "SPAM?",
        "[Spam]",
        "SPAM RISK",
        "Scam Likely",
        "POTENTIAL SPAM",
        "TELEMARKETER",
        "asterisk",
        "Unbekannt",
    ],
)
def test_a_carriers_placeholder_names_nobody(name: str) -> None:
    assert usable_name(name, NUMBER) is None


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("SAN FRANCISCO CA", id="a city and its state"),
        pytest.param("SAN FRANCISCO, CA", id="a city, a comma and its state"),
        pytest.param("NEW YORK NY", id="a city named as its state"),
        pytest.param("YREKA CA", id="a small town in capitals"),
        pytest.param("Yreka, CA", id="a small town with a comma"),
        pytest.param("RANCHO PALOS VERDES CA", id="a city of three words"),
        pytest.param("ST. LOUIS MO", id="a city with a dot"),
        pytest.param("COEUR D'ALENE ID", id="a city with an apostrophe"),
        pytest.param("TORONTO ON", id="a Canadian city"),
        pytest.param("Boston MA", id="a known city in mixed case"),
        pytest.param("BALTIMORE MD", id="a known city before a degree"),
        pytest.param("DENVER CO", id="a known city before a word"),
        pytest.param("Ouray, CO", id="a small town, a comma and a word"),
        pytest.param("CALIFORNIA", id="a state"),
        pytest.param("California", id="a state in mixed case"),
        pytest.param("NEW JERSEY", id="a state of two words"),
        pytest.param("GEORGIA", id="a state in capitals that is a given name too"),
        pytest.param("BRITISH COLUMBIA", id="a province"),
        pytest.param("TEXAS CALL", id="a call from a state"),
    ],
)
def test_a_place_names_nobody(name: str) -> None:
    assert usable_name(name, NUMBER) is None


@pytest.mark.parametrize(
    ("name", "prefixes", "usable"),
    [
        pytest.param("ACME WEST JANE ROE", ("Acme West",), "JANE ROE", id="a prefix without punctuation"),
        pytest.param("acme  west: Jane Roe", ("ACME WEST",), "Jane Roe", id="in any case, however spaced"),
        pytest.param("Acme West Jane Roe", ("Acme", "Acme West"), "Jane Roe", id="the longest of two"),
        pytest.param("*7*Jane Roe", ("*7*",), "Jane Roe", id="a prefix of signs"),
        pytest.param("Salesforce", ("Sales",), "Salesforce", id="not the beginning of a word"),
        pytest.param("Roe Acme", ("Acme",), "Roe Acme", id="not at the end"),
        pytest.param("ACME WIRELESS CALLER", ("Acme",), None, id="a placeholder behind it"),
        pytest.param("ACME SAN ANTONIO  TX", ("Acme",), None, id="a place in fixed columns behind it"),
        pytest.param("ACME 4155550123", ("Acme",), None, id="the number behind it"),
        pytest.param("ACME", ("Acme",), None, id="nothing behind it"),
        pytest.param("Hotel: Astoria", ("Hotel:",), "Astoria", id="what is no label without being listed"),
        pytest.param("Jane Roe", ("",), "Jane Roe", id="an empty prefix"),
    ],
)
def test_the_accounts_prefixes_are_taken_off(name: str, prefixes: tuple[str, ...], usable: str | None) -> None:
    assert usable_name(name, NUMBER, prefixes) == usable


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("LINDHOLM AB", "+46850550123"),
        ("JANSSEN NV", "+31205550123"),
        ("KINNUNEN KY", "+358942550123"),
        ("ALBUQUERQUE", "+551125550123"),
    ],
)
def test_outside_north_america_a_state_code_is_a_legal_form_and_a_city_a_surname(name: str, number: str) -> None:
    assert usable_name(name, parse_number(number, "US")) == name


@pytest.mark.parametrize("name", ["ROE JANE     CO", "XANADU Z7    MA", "JANE ROE     MD"])
def test_words_are_a_place_by_the_blanks_of_fixed_columns(name: str) -> None:
    assert usable_name(name, NUMBER) is None
    collapsed = " ".join(name.split())
    assert usable_name(collapsed, NUMBER) == collapsed


@pytest.mark.parametrize("name", ["ACME LLC     CO", "ROE & SONS   CO", "ACME INC     XX"])
def test_blanks_alone_make_no_place(name: str) -> None:
    assert usable_name(name, NUMBER) == " ".join(name.split())


def test_256_characters_are_read() -> None:
    assert usable_name("Jane" + " " * 249 + "Roe", NUMBER) == "Jane Roe"
    assert usable_name("Jane" + " " * 250 + "Roe", NUMBER) == "Jane Ro"
    assert usable_name("Jane" + " " * 252 + "Roe", NUMBER) == "Jane"


@pytest.mark.parametrize("layer", ['"', "&amp;", "SALES:", "[", "=?utf-8?B?", "Q1 ", "\\\\", "\u00c3"])
def test_layers_that_never_end_cost_little_and_name_no_one_or_end(layer: str) -> None:
    usable = usable_name(layer * 5000 + "Jane Roe", NUMBER, ("SALES:",) * 100)
    assert usable is None or len(usable) <= MAX_NAME
