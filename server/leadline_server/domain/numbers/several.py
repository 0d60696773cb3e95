"""Several numbers in one text, as people write them into one field: "202-555-0101 / 202-555-0102"."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

from leadline_server.domain.numbers.numbering_rules import NumberingRules, RulesOrRegion, as_rules
from leadline_server.domain.numbers.phone_number import MAX_TEXT, NumberKind, PhoneNumber, parse_number, short_form

MAX_NUMBERS: Final = 16
"""Numbers of one text, at most; a text with more is none."""

# What stands between two numbers; the surest first, since a comma or a slash may also stand within one.
_SEPARATORS: Final = (
    re.compile(r"[\r\n\t|;\u2028\u2029]+|:::+"),
    re.compile(r" (?:or|and|oder|und|ou|et|o|y|e|of|en|lub|i|или) |[&\u3001]", re.IGNORECASE),
    re.compile(r"[,\uff0c]+"),
    re.compile(r"[/\uff0f]+"),
)
_LABELLED_EXTENSION: Final = re.compile(r"\s*[^\W\d_]+[.:= ]*[0-9]+\s*")


def numbers_in(text: str, rules: RulesOrRegion) -> tuple[PhoneNumber, ...]:
    """The numbers in a text, each with its own part of it.

    One that can be read as a whole is one number, of whatever kind. Else it has several that can be dialled, or none:
    a part that is not a number makes all of them doubtful. "202-555-0101/0102" are two, and so are the two extensions
    of "(202) 555-0101 x302/x303".
    """
    if len(text) > MAX_TEXT:
        return ()
    return _numbers_in(text, as_rules(rules))


@lru_cache(maxsize=4096)
def _numbers_in(text: str, rules: NumberingRules) -> tuple[PhoneNumber, ...]:
    whole = parse_number(text, rules)
    if whole.kind is not NumberKind.UNUSABLE:
        return (whole,)
    return tuple(_split(text, rules, _SEPARATORS))


def _split(text: str, rules: NumberingRules, separators: Sequence[re.Pattern[str]]) -> list[PhoneNumber]:
    """The numbers of a text that is none as a whole; none where one of its parts cannot be told."""
    for i, separator in enumerate(separators):
        parts = [part for part in separator.split(text) if any(char.isdecimal() for char in part)]
        if len(parts) <= 1 or len(parts) > MAX_NUMBERS:
            continue
        found: list[PhoneNumber] = []
        for part in parts:
            numbers = _part(part, found, rules, separators[i + 1 :])
            if not numbers:
                return []
            found += numbers
        return found
    return []


def _part(
    part: str, before: Sequence[PhoneNumber], rules: NumberingRules, separators: Sequence[re.Pattern[str]]
) -> list[PhoneNumber]:
    number = parse_number(part, rules)
    if number.kind is NumberKind.DIALABLE:
        return [number]
    if before and number.kind is NumberKind.EXTENSION and _LABELLED_EXTENSION.fullmatch(part):
        return [replace(before[-1], text=part, extension=number.extension)]
    if before and not separators and (other := short_form(before[-1].text, part, rules)):
        return [other]
    return _split(part, rules, separators) if number.kind is NumberKind.UNUSABLE else []
