"""Terms of searches in Pipedrive ("Search persons"), which finds a term in fields as they were written."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from phonenumbers import PhoneNumberFormat, format_number, parse

from leadline_server.crm.toolkit.number_forms import digit_groups
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.domain.numbers.phone_number import format_number as by_pattern

_LEAST: Final = 2
"""The fewest characters of a term."""

_WORD: Final = re.compile(r"\w{2,60}")

Term = tuple[str, bool]
"""The text to search for, and whether it must be the whole field."""


def phone_terms(numbers: Sequence[PhoneNumber], patterns: Sequence[str]) -> Iterator[Term]:
    """Terms that together find every person with one of `numbers`, each once.

    The national digits are in every form without separators. E.164 and a different national form are terms too, in case
    Pipedrive finds beginnings only. The usual groups of digits and the account's `number_formats` find numbers with
    separators. An extension must be the whole number.
    """
    terms = dict[Term, None]()
    for number in numbers:
        if not number.e164:
            terms[number.extension, True] = None
            continue
        forms = (
            number.e164,
            number.significant,
            number.national,
            *_grouped(number),
            *(by_pattern(number, pattern) for pattern in patterns),
        )
        terms |= {(form, False): None for form in forms if form}
    yield from (term for term in terms if term[0])


def _grouped(number: PhoneNumber) -> Iterator[str]:
    """The usual groups of digits, and the national form if it has brackets: each costs a search, so there are few."""
    groups = next(iter(digit_groups(number)), ())
    if groups:
        yield from (" ".join(groups), "-".join(groups))
    national = format_number(parse(number.e164), PhoneNumberFormat.NATIONAL)
    if "(" in national:
        yield national  # (202) 555-0147, (02) 9123 4573


def name_term(name: str) -> str:
    """The longest word of a name, which finds every person with that name, and others; empty if it is too short."""
    words: list[str] = sorted(_WORD.findall(name), key=len, reverse=True)
    if words:
        return words[0]
    bare = name.strip()
    return bare if len(bare) >= _LEAST else ""
