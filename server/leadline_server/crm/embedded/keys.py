"""The keys that contacts are found by: of their numbers, and their ids."""

import base64
import secrets
import time
import unicodedata
from collections.abc import Iterator
from typing import Final

from leadline_server.domain.numbers.numbering_rules import RulesOrRegion, as_rules
from leadline_server.domain.numbers.phone_number import MAX_TEXT, NumberKind, PhoneNumber
from leadline_server.domain.numbers.plain_numbers import home_prefixes, plain_significant
from leadline_server.domain.numbers.several import numbers_in
from leadline_server.domain.numbers.spellings import spellings
from leadline_server.domain.numbers.written_number import read_written

_MIN_DIGITS: Final = 7  # fewer never match as a national number, see domain.numbers.matching


def stored_keys(text: str, rules: RulesOrRegion) -> tuple[str, ...]:
    """The keys under which a contact with the number `text` is found: one a number; none where there is none in it.

    A key is the significant national number ("2025550147"), or the bare digits of an extension and of what is no
    possible number of the account's region. It names no country, so it stays right when the account's rules change.
    `find_contacts` may answer loosely, and the core tells numbers of two countries apart.
    """
    if plain := plain_significant(text, as_rules(rules).region):
        return (plain,)
    numbers = numbers_in(text, rules)
    if numbers and numbers[0].kind is not NumberKind.UNUSABLE:
        keys = (number.significant or number.extension for number in numbers)
        return tuple(dict.fromkeys(key for key in keys if key))
    digits = read_written(text).digits.removeprefix("+") if len(text) <= MAX_TEXT else ""
    return (digits,) if len(digits) >= _MIN_DIGITS else ()


def asked_keys(number: PhoneNumber) -> tuple[str, ...]:
    """Every key under which a contact with this number may be stored."""
    if number.kind is not NumberKind.DIALABLE:
        return (number.extension,) if number.extension else ()
    return tuple({key: None for form in spellings(number) for key in _ways_to_write(form)})


def _ways_to_write(form: PhoneNumber) -> Iterator[str]:
    """The digits of a number as they are written at home, and with the country code but without a plus."""
    yield form.significant
    prefixes = home_prefixes(form.country_code)
    yield from (form.national,) if prefixes is None else (prefix + form.significant for prefix in prefixes)
    yield form.e164[1:]


def fold(name: str) -> str:
    """The form of a name in which upper and lower case and the Unicode variants of one character are the same."""
    return name.casefold() if name.isascii() else unicodedata.normalize("NFKC", name).casefold()


def new_id(prefix: str) -> str:
    """An opaque id: `prefix` and 20 characters that grow with time, which keeps indexes dense."""
    moment = time.time_ns() // 1_000_000
    raw = moment.to_bytes(6, "big") + secrets.token_bytes(6)
    return prefix + base64.b32hexencode(raw)[:20].decode().lower()
