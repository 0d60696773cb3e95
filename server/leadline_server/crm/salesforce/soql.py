"""Queries in Salesforce's two languages: SOQL reads the database, SOSL the search index.

Text of people and callers is quoted, and special characters are escaped ("Quoted String Escape Sequences" and
"FIND {SearchQuery}" in the SOQL and SOSL Reference). Quotes get a
backslash, for example.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

import phonenumbers

from leadline_server.crm.toolkit.number_forms import number_forms
from leadline_server.domain.numbers.phone_number import PhoneNumber

LONGEST_FIND: Final = 3_500
"""The most characters of a search query. Beyond 4,000 Salesforce ignores operators, beyond 10,000 it finds nothing."""

LONGEST_CONDITION: Final = 8_000
"""The most characters of a condition on numbers in a URL. Salesforce accepts 16,384 for the whole URL."""

_IN_QUOTES: Final = str.maketrans(
    {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
)
_IN_PATTERN: Final = _IN_QUOTES | str.maketrans({"%": "\\%", "_": "\\_"})
_RESERVED: Final = str.maketrans({char: f"\\{char}" for char in "?&|!{}[]()^~*:\\\"'+-"})


def quoted(text: str) -> str:
    """Any text as a string in SOQL."""
    return f"'{text.translate(_IN_QUOTES)}'"


def containing(text: str) -> str:
    """A pattern for LIKE that matches every text that contains `text` literally."""
    return f"'%{text.translate(_IN_PATTERN)}%'"


def moment(time: datetime) -> str:
    """A time as SOQL writes it, without quotes."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def has_number(number: PhoneNumber, fields: Sequence[str]) -> str:
    """A condition that is true if one of `fields` has the number, whatever stands between its digits.

    It uses the digits without country code and trunk prefix, since every way to write the number has them in this
    order: `Phone LIKE '%2%0%2%5%5%5%0%1%4%7%'`.
    """
    digits = number.significant
    pattern = f"'%{'%'.join(digits)}%'" if digits else containing(number.extension)
    return " OR ".join(f"{field} LIKE {pattern}" for field in fields)


def conditions(numbers: Iterable[PhoneNumber], fields: Sequence[str]) -> Iterator[str]:
    """Short conditions. Every record with one of the numbers in one of `fields` matches one of them."""
    condition = ""
    for number in numbers:
        one = has_number(number, fields)
        if condition and len(quote(f"{condition} OR {one}")) > LONGEST_CONDITION:
            yield condition
            condition = ""
        condition = f"{condition} OR {one}" if condition else one
    if condition:
        yield condition


def searches(numbers: Iterable[PhoneNumber], formats: Sequence[str]) -> Iterator[str]:
    """Search queries for the braces of FIND. Together they ask for all numbers, and each is short enough."""
    query = ""
    for number in numbers:
        terms = " OR ".join(dict.fromkeys(_terms(number, formats)))
        if query and len(query) + len(terms) > LONGEST_FIND:
            yield query
            query = ""
        query = f"{query} OR {terms}" if query else terms
    if query:
        yield query


def _terms(number: PhoneNumber, formats: Sequence[str]) -> Iterator[str]:
    """The words and phrases that the index may have of a stored number.

    Salesforce documents only that words end at punctuation, and that plain digits find formatted numbers. So leadline
    asks for the digits in every form, and for their usual groups as a phrase: `2025550147 OR "202 555 0147"`.
    """
    for form in number_forms(number, formats):
        yield _term(form)
    if number.e164:
        yield _term(f"00{number.e164[1:]}")
        plan_number = phonenumbers.parse(number.e164)
        yield _term(phonenumbers.format_number(plan_number, phonenumbers.PhoneNumberFormat.NATIONAL))
        yield _term(phonenumbers.format_number(plan_number, phonenumbers.PhoneNumberFormat.INTERNATIONAL))


def _term(form: str) -> str:
    words = "".join(char if char.isalnum() else " " for char in form).split()
    return f'"{" ".join(words)}"' if len(words) > 1 else words[0].translate(_RESERVED)
