"""Reads a part of a cell on its own: a number, the digits of an extension, or neither."""

from typing import Final

import phonenumbers

from leadline_server.domain.numbers.cell_marks import split_extension, without_labels, without_spreadsheet_marks
from leadline_server.domain.numbers.numbering_rules import RulesOrRegion
from leadline_server.domain.numbers.phone_number import NumberKind, PhoneNumber, parse_number

MAX_DIGITS: Final = 16
"""Digits of the longest number: fifteen of E.164, and a trunk prefix."""

_MAX_SHORT: Final = 6  # digits: an extension, what is dialled after a pause, or the last digits of another number
_LONG: Final = 9  # digits: shorter ones without plus or leading zero may be what is dialled after a pause


def whole(text: str, rules: RulesOrRegion) -> PhoneNumber | None:
    """The number that a text is on its own, in the account's region or with a country code."""
    main, extension = split_extension(without_labels(without_spreadsheet_marks(text)).text)
    number = parse_number(f"{main} ext. {extension}" if extension and main else main, rules)
    return number if number.kind is NumberKind.DIALABLE else None


def valid(text: str, rules: RulesOrRegion) -> PhoneNumber | None:
    """As `_whole`, but only a number that the numbering plan assigns: in Germany nearly all digits are possible."""
    number = whole(text, rules)
    if number is None or not phonenumbers.is_valid_number(phonenumbers.parse(number.e164)):
        return None
    return number


def is_another(text: str, first: PhoneNumber, rules: RulesOrRegion) -> bool:
    """Whether a text beside the number `first` is surely another one, and not dialled after it."""
    number = whole(text, rules)
    if number is None:
        return False
    digits = [char for char in text if char.isdecimal()]
    if text.lstrip(" (").startswith(("+", "0")) or len(digits) >= _LONG:
        return True
    return len(number.significant) == len(first.significant) and valid(text, rules) is not None


def is_foreign(text: str, rules: RulesOrRegion) -> bool:
    """Whether a text has the digits of a number, though of no plan that can be told: another country's, for example."""
    digits = sum(map(str.isdecimal, text))
    return _LONG <= digits <= MAX_DIGITS and parse_number(text.strip(), rules).kind is NumberKind.UNUSABLE


def is_short(text: str) -> bool:
    """Whether a text is so few bare digits that it may be an extension, or be dialled after a number."""
    plain = text.strip()
    return 0 < len(plain) <= _MAX_SHORT and plain.isdecimal()


def is_number(text: str, rules: RulesOrRegion) -> bool:
    """Whether a text is one number that can be looked up."""
    return parse_number(text, rules).kind in {NumberKind.DIALABLE, NumberKind.EXTENSION}
