"""Questions in Salesforce's two languages: SOQL reads its database, SOSL its search index.

What people and callers wrote stands in quotes there, each character that means something escaped ("Quoted String Escape
Sequences" and "FIND {SearchQuery}" in the SOQL and SOSL Reference).
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

import phonenumbers

from leadline_server.crm.number_forms import number_forms
from leadline_server.domain.numbers.phone_number import PhoneNumber

LONGEST_FIND: Final = 3_500
"""Characters of a search query. Beyond 4,000 Salesforce drops its operators, and beyond 10,000 finds nothing."""

LONGEST_CONDITION: Final = 8_000
"""Characters of a condition on numbers, as they stand in an address; Salesforce takes 16,384 with all else."""

_IN_QUOTES: Final = str.maketrans(
    {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
)
_IN_PATTERN: Final = _IN_QUOTES | str.maketrans({"%": "\\%", "_": "\\_"})
_RESERVED: Final = str.maketrans({char: f"\\{char}" for char in "?&|!{}[]()^~*:\\\"'+-"})


def quoted(text: str) -> str:
    """Any text as a string of SOQL."""
    return f"'{text.translate(_IN_QUOTES)}'"


def containing(text: str) -> str:
    """A pattern for LIKE: whatever has `text` in it, taken literally."""
    return f"'%{text.translate(_IN_PATTERN)}%'"


def moment(time: datetime) -> str:
    """A time as SOQL writes it, without quotes."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def has_number(number: PhoneNumber, fields: Sequence[str]) -> str:
    """The condition that one of `fields` has the number, whatever stands between its digits.

    The digits are those without country code and trunk prefix: they are in every way to write it, in this order.
    """
    digits = number.significant
    pattern = f"'%{'%'.join(digits)}%'" if digits else containing(number.extension)
    return " OR ".join(f"{field} LIKE {pattern}" for field in fields)


def conditions(numbers: Iterable[PhoneNumber], fields: Sequence[str]) -> Iterator[str]:
    """Short conditions that together hold for whatever record has one of the numbers in one of `fields`."""
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
    """Search queries for the words between FIND's braces that together ask for all numbers, each short enough."""
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
    """The words and phrases that a stored number may have been taken apart into.

    Salesforce does not document how it indexes numbers beyond that words end at punctuation and that plain digits find
    formatted numbers; so it is asked for the digits in every form, and for them in their usual groups as a phrase.
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
