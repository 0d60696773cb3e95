"""The forms in which a CRM may have stored a number, for CRMs that search the text as it was written."""

import re
from collections.abc import Sequence
from typing import Final

import phonenumbers

from leadline_server.domain.numbers.phone_number import PhoneNumber, format_number


def number_forms(number: PhoneNumber, patterns: Sequence[str] = ()) -> tuple[str, ...]:
    """The forms to search for, each once, the most likely first: E.164, its digits, national forms, then the patterns.

    Example: `("+12025550147", "12025550147", "2025550147", "(202) 555-0147")`.

    Args:
        number: the number to look up; an extension has one form, its digits.
        patterns: the account's `number_formats`, such as `(###) ###-####`.
    """
    if not number.e164:
        return (number.extension,) if number.extension else ()
    forms = [number.e164, number.e164[1:], number.national, number.significant]
    forms += [format_number(number, pattern) for pattern in patterns]
    return tuple(dict.fromkeys(form for form in forms if form))


_NORTH_AMERICA: Final = "1"
_HEADS: Final = (2, 3, 4)
"""How many digits people write before the rest of a number: `151 23456789`, `30 901820`."""


def digit_groups(number: PhoneNumber) -> tuple[tuple[str, ...], ...]:
    """The groups in which the national digits of a number are written, the most likely first.

    Example: for +4915123456789 `("1512", "3456789")` as libphonenumber has it, then as people write it, such as
    `("151", "23456789")`. North American numbers have one way to write them: `("202", "555", "0147")`.
    """
    plan_number = phonenumbers.parse(number.e164)
    written = phonenumbers.format_number(plan_number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    found = {tuple(re.findall(r"[0-9]+", written)[1:]): None}  # without the country code
    digits = number.significant
    if number.country_code != _NORTH_AMERICA:
        found |= {(digits[:head], digits[head:]): None for head in _HEADS if len(digits) - head >= _HEADS[0]}
        found[_pairs(digits)] = None
    return tuple(groups for groups in found if len(groups) > 1)


def _pairs(digits: str) -> tuple[str, ...]:
    """Groups of two from the end, as in France: `1 42 34 56 78`."""
    odd = len(digits) % 2
    head = (digits[:odd],) if odd else ()
    return (*head, *(digits[i : i + 2] for i in range(odd, len(digits), 2)))
