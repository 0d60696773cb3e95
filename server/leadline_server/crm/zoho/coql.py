"""Queries in COQL, which reads Zoho's database. The search index would show new records later.

By "Query API" in the Zoho CRM API help, LIKE finds texts that begin with, end with or contain something. A WHERE has at
most 25 criteria, and each bracket holds two. The help does not say how to escape quotes and wildcards, so leadline
sends none.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from leadline_server.crm.toolkit.number_forms import digit_groups
from leadline_server.domain.numbers.phone_number import PhoneNumber, format_number

PAGE: Final = 200
"""Records of one answer. Up to 200 cost one credit, 2,000 cost three ("Query API", limits)."""

MOST_ROWS: Final = 10 * PAGE

_MOST_CRITERIA: Final = 25
_SEPARATORS: Final = (" ", "-", ".")
_TWO: Final = 2
_PLAIN: Final = re.compile(r"[0-9 +()./-]+")


def number_conditions(numbers: Iterable[PhoneNumber], formats: Sequence[str], fields: Sequence[str]) -> Iterator[str]:
    """Conditions. Every record with one of the numbers in one of `fields` matches one of them."""
    patterns = dict.fromkeys(part for number in numbers for part in _parts(number, formats))
    criteria = [f"{field} LIKE '%{pattern}%'" for pattern in patterns for field in fields]
    for i in range(0, len(criteria), _MOST_CRITERIA):
        yield any_of(criteria[i : i + _MOST_CRITERIA])


def any_of(criteria: Sequence[str]) -> str:
    """A condition that is true if one of `criteria` is, with Zoho's brackets: `(a OR (b OR (c)))`."""
    first, *rest = criteria
    return f"({first} OR {any_of(rest)})" if rest else f"({first})"


def longest_word(name: str) -> str:
    """The longest sequence of letters and digits in a name. It needs no escaping, and is within first or last name."""
    return max(re.findall(r"[^\W_]+", name), key=len, default="")


def is_plain(text: str) -> bool:
    """Whether a text can stand in quotes without escaping."""
    return re.fullmatch(r"[A-Za-z0-9 .:/@#=+-]+", text) is not None


def _parts(number: PhoneNumber, formats: Sequence[str]) -> Iterator[str]:
    """Parts of a stored number, with any text before and after: its digits, or groups of them (`202-555-0147`)."""
    if not number.e164:
        yield number.extension
        return
    yield number.significant
    for groups in digit_groups(number):
        yield from (separator.join(groups) for separator in _SEPARATORS)
        if len(groups) == _TWO:
            yield "/".join(groups)  # as in Germany: 030/901820
        yield f"{groups[0]}) {'-'.join(groups[1:])}"
        yield f"{groups[0]}) {' '.join(groups[1:])}"
    for pattern in formats:
        form = format_number(number, pattern)
        if form and _PLAIN.fullmatch(form):
            yield form
