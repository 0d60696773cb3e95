"""The keys that contacts are found by: of their numbers, and their ids."""

import secrets
import string
import time
import unicodedata
from typing import Final

from leadline_server.domain.phone import MAX_TEXT, NumberKind, PhoneNumber, parse_number
from leadline_server.domain.plain_numbers import home_prefixes, plain_significant
from leadline_server.domain.written_number import read_written

_MIN_DIGITS: Final = 7  # fewer never match as a national number, see domain.matching

# Base 32 with the digits before the letters, so that ids sort as their times do; two characters for ten bits.
_ID_DIGITS: Final = (string.digits + string.ascii_lowercase)[:32]
_ID_PAIRS: Final = [first + second for first in _ID_DIGITS for second in _ID_DIGITS]


def stored_key(text: str, region: str) -> str:
    """The key under which a contact with the number `text` is found; empty where it is no number to look up.

    That is the significant national number, or the bare digits of what is no possible number of `region`. Neither names
    the country, so a key stays right when the account's region changes; `find_contacts` may answer loosely, and the
    core tells numbers of two countries apart.
    """
    if plain := plain_significant(text, region):
        return plain
    number = parse_number(text, region)
    if number.kind is NumberKind.DIALABLE:
        return number.significant
    if number.kind is NumberKind.EXTENSION:
        return number.key
    digits = read_written(text).digits if number.kind is NumberKind.UNUSABLE and len(text) <= MAX_TEXT else ""
    return digits if len(digits) >= _MIN_DIGITS else ""


def asked_keys(number: PhoneNumber) -> tuple[str, ...]:
    """Every key under which a contact with this number may be stored."""
    if number.kind is not NumberKind.DIALABLE:
        return (number.key,) if number.key else ()
    prefixes = home_prefixes(number.country_code)
    if prefixes is None:
        return tuple({number.significant: None, number.national: None})
    return tuple({number.significant: None, **{prefix + number.significant: None for prefix in prefixes}})


def fold(name: str) -> str:
    """The form of a name in which upper and lower case and the Unicode variants of one character are the same."""
    return name.casefold() if name.isascii() else unicodedata.normalize("NFKC", name).casefold()


def new_id(prefix: str) -> str:
    """An opaque id: `prefix` and 20 characters that grow with time, which keeps indexes dense."""
    moment = time.time_ns() // 1_000_000
    bits = int.from_bytes(moment.to_bytes(6, "big") + secrets.token_bytes(6), "big") << 4
    return prefix + "".join([_ID_PAIRS[bits >> shift & 1023] for shift in range(90, -1, -10)])
