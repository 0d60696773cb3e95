"""A CRM's words keep their sense, and lose secrets and numbers."""

import pytest
from leadline_server.crm.toolkit.redaction import in_its_words


def test_words_that_harm_nobody_stay() -> None:
    text = 'Property "hs_call_status" was not one of the allowed options: [BUSY, 42] (line 7).'
    assert in_its_words(text) == text


@pytest.mark.parametrize(
    "number", ["+12025550147", "12025550147", "(202) 555-0147", "+44 20 7946 0123", "202.555.0147", "%2B12025550147"]
)
def test_a_number_is_taken_out_however_it_is_written(number: str) -> None:
    told = in_its_words(f"The phone {number} is not valid.")
    assert "555" not in told
    assert "7946" not in told
    assert told.startswith("The phone ")
    assert told.endswith(" is not valid.")


def test_the_credentials_are_taken_out_wherever_they_stand() -> None:
    assert "s3cret" not in in_its_words("Bad header {'X': 'as3cretb'}", secrets=["s3cret"])


@pytest.mark.parametrize(
    "text", ["Authorization: Bearer abc.def-ghi", "api_key=1; token=abc.def-ghi", "password: abc.def-ghi"]
)
def test_what_calls_itself_a_secret_is_taken_out(text: str) -> None:
    assert "abc" not in in_its_words(text)


def test_an_empty_secret_takes_nothing_out() -> None:
    assert in_its_words("No.", secrets=[""]) == "No."


def test_a_page_becomes_a_line() -> None:
    told = in_its_words("<html>\n" + "word\n" * 1_000)
    assert len(told) == 303
    assert "\n" not in told
