"""The keys that contacts are found by: of their numbers, and their ids."""

import base64
import secrets
import time
import unicodedata
from typing import Final

from leadline_server.domain.numbers.phone_number import MAX_TEXT, NumberKind, PhoneNumber, parse_number
from leadline_server.domain.numbers.plain_numbers import home_prefixes, plain_significant
from leadline_server.domain.numbers.written_number import read_written

_MIN_DIGITS: Final = 7  # fewer never match as a national number, see domain.numbers.matching


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
    raw = moment.to_bytes(6, "big") + secrets.token_bytes(6)
    return prefix + base64.b32hexencode(raw)[:20].decode().lower()
