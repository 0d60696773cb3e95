"""How a caller-ID name in capitals is written as a contact's name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadline_server.domain.name_format import formatted, title_case
from leadline_server.domain.preferences import PlaceholderNameFormat

AS_SENT, TITLE_CASE, FIRST_LAST = PlaceholderNameFormat


@pytest.mark.parametrize(
    ("name", "titled"),
    [
        ("ROE JANE", "Roe Jane"),
        ("ROE, JANE A", "Roe, Jane A"),
        ("ROE,JANE", "Roe,Jane"),
        ("ROE", "Roe"),
        ("MCDONALD RON", "McDonald Ron"),
        ("MCKAY AL", "McKay Al"),
        ("MCAFEE MCGEE", "McAfee McGee"),
        ("MACDONALD JO", "Macdonald Jo"),
        ("MACK MACHINE", "Mack Machine"),
        ("MC DONALD RON", "Mc Donald Ron"),
        ("O'BRIEN PAT", "O'Brien Pat"),
        ("O'MCGEE PAT", "O'McGee Pat"),
        ("D'ANGELO TONY", "D'Angelo Tony"),
        ("DE'ANDRE ROE", "De'Andre Roe"),
        ("JOE'S PIZZA", "Joe's Pizza"),
        ("ST JOHN'S CHURCH", "St John's Church"),
        ("SMITH-JONES ANN", "Smith-Jones Ann"),
        ("MCGEE-O'BRIEN PAT", "McGee-O'Brien Pat"),
        ("VAN DYKE DICK", "Van Dyke Dick"),
        ("DICK VAN DYKE", "Dick van Dyke"),
        ("JAN VAN DER BERG", "Jan van der Berg"),
        ("OTTO VON ROE", "Otto von Roe"),
        ("JUAN DE LA CRUZ", "Juan de la Cruz"),
        ("ART VAN", "Art Van"),
        ("ANH LE", "Anh Le"),
        ("MARIA E ROE", "Maria E Roe"),
        ("DOE JANE MD", "Doe Jane MD"),
        ("ROE JOHN III", "Roe John III"),
        ("ROE JOHN JR", "Roe John Jr"),
        ("DR ROE", "Dr Roe"),
        ("NG AMY", "Ng Amy"),
        ("OTT IVY", "Ott Ivy"),
        ("IBM", "IBM"),
        ("IBM CORP", "IBM Corp"),
        ("UBS FINANCIAL", "UBS Financial"),
        ("TRW INC", "TRW Inc"),
        ("KFC", "KFC"),
        ("ACME PLUMBING LLC", "Acme Plumbing LLC"),
        ("ACME PLUMBING CO", "Acme Plumbing Co"),
        ("ROE LTD", "Roe Ltd"),
        ("ROE & DOE LLP", "Roe & Doe LLP"),
        ("AT&T STORE", "AT&T Store"),
        ("H&R BLOCK", "H&R Block"),
        ("BARNES&NOBLE", "Barnes&Noble"),
        ("BANK OF AMERICA", "Bank of America"),
        ("THE ROE SHOP", "The Roe Shop"),
        ("CVS PHARMACY", "CVS Pharmacy"),
        ("FEDEX OFFICE", "FedEx Office"),
        ("T-MOBILE STORE", "T-Mobile Store"),
        ("3M", "3M"),
        ("1ST BANK", "1st Bank"),
        ("24/7 FITNESS", "24/7 Fitness"),
        ("7-ELEVEN", "7-Eleven"),
        ("A1 AUTO", "A1 Auto"),
        ("J.R. ROE", "J.R. Roe"),
    ],
)
def test_title_case(name: str, titled: str) -> None:
    assert formatted(name, TITLE_CASE, "US") == titled


@pytest.mark.parametrize(
    ("name", "ordered"),
    [
        ("ROE JANE", "Jane Roe"),
        ("ROE, JANE", "Jane Roe"),
        ("ROE,JANE", "Jane Roe"),
        ("ROE, JANE A", "Jane A Roe"),
        ("ROE JR, JOHN", "John Roe Jr"),
        ("ROE, JOHN Q JR", "John Q Roe Jr"),
        ("ROE, JANE MD", "Jane Roe MD"),
        ("VAN DER BERG, JAN", "Jan van der Berg"),
        ("DE LA CRUZ, JUAN", "Juan de la Cruz"),
        ("ST JOHN, ANN", "Ann St John"),
        ("MCDONALD RON", "Ron McDonald"),
        ("O'BRIEN PAT", "Pat O'Brien"),
        ("SMITH-JONES ANN", "Ann Smith-Jones"),
        ("ROE J", "J Roe"),
        ("NG AMY", "Amy Ng"),
        ("HALL MARY", "Mary Hall"),
        ("ROE AL", "Al Roe"),
        ("JANE ROE", "Jane Roe"),
    ],
)
def test_the_given_name_goes_first(name: str, ordered: str) -> None:
    assert formatted(name, FIRST_LAST, "US") == ordered


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("ROE", id="one word"),
        pytest.param("ROE JANE A", id="three words without a comma"),
        pytest.param("VAN DYKE DICK", id="a surname of two words"),
        pytest.param("VAN DYKE", id="a particle and a surname"),
        pytest.param("LE ANH", id="a particle or a surname"),
        pytest.param("ROE VAN", id="a particle or a given name"),
        pytest.param("DR ROE", id="a title"),
        pytest.param("ROE JR", id="a suffix"),
        pytest.param("ROE MD", id="a degree"),
        pytest.param("J ROE", id="an initial first"),
        pytest.param("MARY ANN", id="two given names"),
        pytest.param("ACME PLUMBING", id="a trade"),
        pytest.param("ACME LLC", id="a legal form"),
        pytest.param("ACME, INC", id="a legal form after a comma"),
        pytest.param("ROE, DOE & CO", id="several partners"),
        pytest.param("ROE, JANE, MD", id="two commas"),
        pytest.param("ROE & DOE", id="an ampersand"),
        pytest.param("JOE'S DINER", id="a possessive"),
        pytest.param("KFC WEST", id="an acronym first"),
        pytest.param("ACME IBM", id="an acronym last"),
        pytest.param("STUDIO 54", id="a number"),
        pytest.param("ROE, ", id="nothing after the comma"),
        pytest.param(", JANE", id="nothing before the comma"),
    ],
)
def test_an_uncertain_order_stays_as_sent(name: str) -> None:
    assert formatted(name, FIRST_LAST, "US") == name


@pytest.mark.parametrize("how", [TITLE_CASE, FIRST_LAST])
@pytest.mark.parametrize(
    "name", ["Roe Jane", "roe jane", "ROE Jane", "MÜLLER ANNA", "\u0420\u041e\u0423", "李小龙", "123"]
)
def test_only_names_in_capital_ascii_are_touched(name: str, how: PlaceholderNameFormat) -> None:
    assert formatted(name, how, "US") == name


@pytest.mark.parametrize("region", ["CA", "PR", "JM"])
def test_names_of_the_whole_north_american_plan_are_touched(region: str) -> None:
    assert formatted("ROE JANE", FIRST_LAST, region) == "Jane Roe"


@pytest.mark.parametrize("region", ["GB", "MX", "DE", ""])
@pytest.mark.parametrize("how", [TITLE_CASE, FIRST_LAST])
def test_names_of_other_plans_stay_as_sent(how: PlaceholderNameFormat, region: str) -> None:
    assert formatted("ROE JANE", how, region) == "ROE JANE"


@given(name=st.text(min_size=1, max_size=40))
def test_as_sent_is_as_sent(name: str) -> None:
    assert formatted(name, AS_SENT, "US") == name


@given(name=st.text("ABCEMOSTVY',&- .1", min_size=1, max_size=40))
def test_a_format_changes_case_and_order_only(name: str) -> None:
    assert title_case(name).upper() == name
    first_last = formatted(name, FIRST_LAST, "US").upper()
    assert sorted(first_last.replace(",", "").split()) == sorted(name.replace(",", " ").split()) or first_last == name
