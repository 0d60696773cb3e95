"""Questions in COQL, which reads Zoho's database; its search index shows new records later.

From "Query API" in the Zoho CRM API help: LIKE takes a text that begins with, ends with or contains something, a WHERE
has 25 criteria at most, and its brackets hold two each. How quotes and wildcards are escaped is not said, so nothing is
asked for that would need it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import phonenumbers

from leadline_server.domain.numbers.phone_number import PhoneNumber, format_number

PAGE: Final = 2_000
"""Records that one answer has at most."""

_MOST_CRITERIA: Final = 25
_SEPARATORS: Final = (" ", "-", ".")
_PLAIN: Final = re.compile(r"[0-9 +()./-]+")


def number_conditions(numbers: Iterable[PhoneNumber], formats: Sequence[str], fields: Sequence[str]) -> Iterator[str]:
    """Conditions that together hold for whatever record has one of the numbers in one of `fields`."""
    patterns = dict.fromkeys(part for number in numbers for part in _parts(number, formats))
    criteria = [f"{field} LIKE '%{pattern}%'" for pattern in patterns for field in fields]
    for i in range(0, len(criteria), _MOST_CRITERIA):
        yield any_of(criteria[i : i + _MOST_CRITERIA])


def any_of(criteria: Sequence[str]) -> str:
    """One condition that holds where any of `criteria` does, with brackets as Zoho wants them."""
    first, *rest = criteria
    return f"({first} OR {any_of(rest)})" if rest else f"({first})"


def longest_word(name: str) -> str:
    """The longest run of letters and digits in a name: it needs no escaping, and is in one part of a name."""
    return max(re.findall(r"[^\W_]+", name), key=len, default="")


def is_plain(text: str) -> bool:
    """Whether a text can stand between quotes as it is."""
    return re.fullmatch(r"[A-Za-z0-9 .:/@#=+-]+", text) is not None


def _parts(number: PhoneNumber, formats: Sequence[str]) -> Iterator[str]:
    """What a stored number has in it, however much stands before and after: its digits, together or in usual groups."""
    if not number.e164:
        yield number.extension
        return
    yield number.significant
    plan_number = phonenumbers.parse(number.e164)
    written = phonenumbers.format_number(plan_number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    groups = re.findall(r"[0-9]+", written)[1:]  # without the country code
    if len(groups) > 1:
        yield from (separator.join(groups) for separator in _SEPARATORS)
        yield f"{groups[0]}) {'-'.join(groups[1:])}"
        yield f"{groups[0]}) {' '.join(groups[1:])}"
    for pattern in formats:
        form = format_number(number, pattern)
        if form and _PLAIN.fullmatch(form):
            yield form
