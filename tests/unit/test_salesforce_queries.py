"""Queries to Salesforce: text of people and callers is never part of the query language."""

from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from fakes.soql import Malformed, read_query, read_search
from hypothesis import given, settings
from hypothesis import strategies as st
from leadline_server.crm.salesforce.soql import (
    LONGEST_CONDITION,
    LONGEST_FIND,
    conditions,
    containing,
    has_number,
    moment,
    quoted,
    searches,
)
from leadline_server.domain.numbers.phone_number import NumberKind, PhoneNumber, parse_number

NUMBER = parse_number("+14155550123", "US")
MANY = [f"Some_Other_Phone_{place}__c" for place in range(10)]
HOSTILE = st.text(alphabet="'\"\\%_*?{}()&|!+-^~:\n\r\t ab1", max_size=30) | st.text(max_size=30)


@settings(deadline=None)  # other work on the machine is no failure
@given(HOSTILE)
def test_a_quoted_text_is_equal_to_itself_alone(text: str) -> None:
    query = read_query(f"SELECT Id FROM Task WHERE CallObject = {quoted(text)}")  # noqa: S608 - the fake's reader is asked, no database
    assert query.condition({"CallObject": text}) or not text
    assert not query.condition({"CallObject": f"{text}x"})


@settings(deadline=None)  # other work on the machine is no failure
@given(HOSTILE, st.text(max_size=5))
def test_a_pattern_finds_its_text_literally(text: str, around: str) -> None:
    query = read_query(f"SELECT Id FROM Lead WHERE Name LIKE {containing(text)}")  # noqa: S608 - the fake's reader is asked, no database
    assert query.condition({"Name": f"{around}{text}{around}"})
    assert query.condition({"Name": "Ada Lovelace"}) == (text.casefold() in "ada lovelace")


@pytest.mark.parametrize(("text", "other"), [("a_b", "axb"), ("a%b", "axxb"), ("a\\b", "ab"), ("a'b", "ab")])
def test_a_pattern_finds_nothing_else(text: str, other: str) -> None:
    query = read_query(f"SELECT Id FROM Lead WHERE Name LIKE {containing(text)}")  # noqa: S608 - the fake's reader is asked, no database
    assert query.condition({"Name": text})
    assert not query.condition({"Name": other})


def test_a_moment_is_told_in_utc() -> None:
    assert moment(datetime.fromisoformat("2026-03-04T06:06:07+01:00")) == "2026-03-04T05:06:07Z"
    assert moment(datetime(2026, 3, 4, tzinfo=UTC)) == "2026-03-04T00:00:00Z"


@pytest.mark.parametrize(
    "stored", ["+1 (415) 555-0123", "415.555.0123 x7", "tel:+1-415-555-0123", "4 1 5 5 5 5 0 1 2 3"]
)
def test_a_number_is_found_whatever_stands_between_its_digits(stored: str) -> None:
    query = read_query(f"SELECT Id FROM Lead WHERE {has_number(NUMBER, ('Phone', 'MobilePhone'))}")  # noqa: S608 - the fake's reader is asked, no database
    assert query.condition({"Phone": None, "MobilePhone": stored})
    assert not query.condition({"Phone": None, "MobilePhone": "+14155550132"})


@settings(deadline=None)  # other work on the machine is no failure
@given(st.lists(st.from_regex(r"\+(1|44|49|39|81)[2-9][0-9]{8,9}", fullmatch=True), min_size=1, max_size=16))
def test_searches_ask_for_every_number_and_stay_short(texts: list[str]) -> None:
    numbers = [number for text in texts if (number := parse_number(text, "US")).kind is NumberKind.DIALABLE]
    queries = list(searches(numbers, ("(###) ###-####", "?*{#########}", "###-###-####-####")))
    assert all(len(query) <= LONGEST_FIND for query in queries)
    terms = [read_search(f"FIND {{{query}}} IN PHONE FIELDS RETURNING Lead(Id)") for query in queries]
    for number in numbers:
        for stored in (number.e164, number.national, number.significant, f"00{number.e164[1:]}"):
            assert any(search.finds(stored) for search in terms)


def test_sixteen_numbers_in_many_formats_are_several_searches() -> None:
    formats = [f"{'#' * i}-{'#' * (10 - i)}" for i in range(1, 10)]
    numbers = [parse_number(f"+1415555{number:04}", "US") for number in range(16)]
    assert len(list(searches(numbers, formats))) > 1


@pytest.mark.parametrize(("fields", "count"), [(["Phone", "MobilePhone", "HomePhone", "OtherPhone"], 1), (MANY, 2)])
def test_conditions_ask_for_sixteen_numbers_and_fit_into_an_address(fields: list[str], count: int) -> None:
    numbers = [parse_number(f"+44207946{number:04}", "US") for number in range(16)]
    asked = list(conditions(numbers, fields))
    assert len(asked) == count
    assert all(len(quote(condition)) <= LONGEST_CONDITION for condition in asked)
    queries = [read_query(f"SELECT Id FROM Lead WHERE ({condition})") for condition in asked]  # noqa: S608 - the fake's reader is asked, no database
    for number in numbers:
        record = dict.fromkeys(fields, "") | {fields[-1]: number.national}
        assert sum(query.condition(record) for query in queries) == 1


def test_an_extension_is_asked_for_as_it_is() -> None:
    extension = parse_number("1017", "US")
    assert list(searches([extension], ())) == ["1017"]
    assert has_number(extension, ("Phone",)) == "Phone LIKE '%1017%'"


def test_what_is_reserved_in_a_search_is_escaped() -> None:
    odd = PhoneNumber("x", NumberKind.EXTENSION, extension="1?*}")
    assert list(searches([odd], ())) == ["1"]


@pytest.mark.parametrize(
    "query", ["FIND {} IN PHONE FIELDS RETURNING Lead(Id)", "FIND {a*} IN PHONE FIELDS RETURNING Lead(Id)"]
)
def test_the_fake_takes_nothing_that_is_not_in_the_language(query: str) -> None:
    with pytest.raises(Malformed):
        read_search(query)
