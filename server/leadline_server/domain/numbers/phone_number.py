"""Phone numbers: read once at the border, compared as values ever after.

`written_number` takes a text apart, `plan_numbers` asks the numbering plans, and `short_numbers` knows what is no
number of a plan: service codes, published short numbers, extensions.
"""

import re
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumberFormat

from leadline_server.domain.fast_init import fast_init, maker
from leadline_server.domain.numbers.dial_codes import after_dial_code
from leadline_server.domain.numbers.numbering_rules import (
    MAX_MASK_DIGITS,
    NumberingRules,
    RulesOrRegion,
    fits_pattern,
    numbering_rules,
)
from leadline_server.domain.numbers.plain_numbers import national_digits, plain_e164
from leadline_server.domain.numbers.plan_numbers import Reading, find_number
from leadline_server.domain.numbers.short_numbers import (
    MAX_SHORT_DIGITS,
    is_in_service_range,
    is_service_code,
    is_short,
)
from leadline_server.domain.numbers.written_number import WITHHELD_DIGITS, WrittenNumber, read_written
from leadline_server.domain.unshown import unshown

MAX_TEXT = 256
"""Longer texts (characters) are no numbers, and are never kept in the cache."""

_CACHED_NUMBERS = 65_536
_MIN_LABELLED = 2  # digits of what is called an extension in words
_LAST_GROUP = re.compile(r"-(\d{1,2})$")
_SHORT_FORM = 4  # digits of a second number that repeats but the first one's beginning, at most


class NumberKind(IntEnum):
    """The uses of a number. The ledger stores these values: they never change."""

    DIALABLE = 1
    """Has an E.164 form: looked up, and may become a contact."""
    EXTENSION = 2
    """An internal extension or a short code: may be looked up, never becomes a contact."""
    SERVICE = 3
    """An emergency number or a feature code: neither looked up nor made a contact."""
    WITHHELD = 4
    """The caller hides, or the network does not say."""
    UNUSABLE = 5
    """No number at all."""


_DIALABLE = NumberKind.DIALABLE  # as a global name it is read 15 times faster


@fast_init
@unshown
@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """A number as it was read.

    Attributes:
        text: as written.
        kind: what it is; fields that do not belong to the kind are empty.
        e164: "+14155550123"; of a dialable number only, like the next one.
        significant: digits of the national significant number: "2079460123".
        extension: of a dialable number, or the bare extension itself.
        spelled: the E.164 form as written, where the text has another spelling of the number: "+5215512345678".
        other_reading: the E.164 form without the dial prefix, where both readings of the dialled digits are valid.
    """

    text: str
    kind: NumberKind
    e164: str = ""
    significant: str = ""
    extension: str = ""
    spelled: str = ""
    other_reading: str = ""

    @property
    def national(self) -> str:
        """Digits of the national form in the number's own region, trunk prefix included: "02079460123"."""
        return national_digits(self.e164) if self.e164 else ""

    @property
    def country_code(self) -> str:
        """Digits of a dialable number's country code."""
        return self.e164[1:].removesuffix(self.significant)

    @property
    def key(self) -> str:
        """The identity for claims and caches: "+14155550123", "+14155550123;ext=12", "ext:101"; else empty."""
        if self.kind is _DIALABLE:
            return f"{self.e164};ext={self.extension}" if self.extension else self.e164
        return f"ext:{self.extension}" if self.kind is NumberKind.EXTENSION else ""


_new_number = maker(PhoneNumber)
NO_NUMBER = PhoneNumber("", NumberKind.WITHHELD)
"""The number of a party that has none."""


def parse_number(text: str, rules: RulesOrRegion) -> PhoneNumber:
    """Read a number. Never raises, and answers from a cache where it can.

    Args:
        text: in any form: E.164, national, spaced, bracketed, with an extension, a `tel:` or `sip:` address.
        rules: the account's, or its region alone (two capital letters): how to read a number without country code.
            With an unknown region only international forms are dialable.
    """
    if len(text) > MAX_TEXT:
        return PhoneNumber(text, NumberKind.UNUSABLE)
    if isinstance(rules, str):
        return _parse(text, rules, "")
    return _parse(text, rules.region, rules.extension_pattern)


def parse_extension(text: str, rules: RulesOrRegion) -> PhoneNumber:
    """Read what is said to be an extension: short digits are one, also where numbers are as short."""
    number = parse_number(text, rules)
    if number.kind is NumberKind.DIALABLE and text.isdecimal() and len(text) <= MAX_MASK_DIGITS:
        return PhoneNumber(text, NumberKind.EXTENSION, extension=text)
    return number


def format_number(number: PhoneNumber, pattern: str) -> str:
    """Fill a pattern such as `(###) ###-####` with the significant digits; empty if they are not as many as its `#`."""
    if not number.significant or pattern.count("#") != len(number.significant):
        return ""
    digits = iter(number.significant)
    return "".join(next(digits) if char == "#" else char for char in pattern)


def is_region(code: str) -> bool:
    """Whether libphonenumber knows a region by this code (ISO 3166-1 alpha-2, capital letters)."""
    return code in phonenumbers.SUPPORTED_REGIONS


def mask_number(text: str) -> str:
    """The part of a number that logs may have: its last two digits, and nothing of a text with fewer than seven."""
    digits = [char for char in text if char.isdecimal()]
    return "***" + "".join(digits[-2:]) if len(digits) > MAX_SHORT_DIGITS else "***"


@lru_cache(maxsize=_CACHED_NUMBERS)
def _parse(text: str, region: str, extension_pattern: str) -> PhoneNumber:
    significant = plain_e164(text)
    if significant and text not in WITHHELD_DIGITS:
        return _new_number(text, _DIALABLE, text, significant)
    rules = numbering_rules(region, extension_pattern, ())
    if "/" in text and _is_several(text, rules):
        return PhoneNumber(text, NumberKind.UNUSABLE)
    return _read(text, rules)


def _read(text: str, rules: NumberingRules) -> PhoneNumber:
    written = read_written(text)
    if not (written.digits or written.extension or written.vanity or written.keys):  # words: no plan is looked at
        return PhoneNumber(text, NumberKind.WITHHELD if written.is_withheld else NumberKind.UNUSABLE)
    return _short(text, written, rules) or _dialable(text, written, rules) or _behind_code(text, written, rules)


def _is_several(text: str, rules: NumberingRules) -> bool:
    """Whether a slash stands between two numbers, not within one: 030/901820 is one, 030/901820/41 are two."""
    first, _, second = text.rpartition("/")
    if sum(char.isdecimal() for char in first) <= MAX_SHORT_DIGITS or not second.strip(" ()-.").isdecimal():
        return False
    return is_valid(_read(first, rules)) and (len(second.strip()) <= _SHORT_FORM or is_valid(_read(second, rules)))


def short_form(first: str, ending: str, rules: NumberingRules) -> PhoneNumber | None:
    """The second number of "202-555-0101/0102", where `ending` takes the place of the first one's last digits.

    A shorter last group is replaced whole: "030 9018-0/41" ends in 9018-41. None where that is no assigned number. A
    single digit may be an extension as well, so it is none.
    """
    digits, last = [i for i, char in enumerate(first) if char.isdecimal()], ending.strip()
    if not (last.isdecimal() and _MIN_LABELLED <= len(last) <= _SHORT_FORM < len(digits)):
        return None
    group = _LAST_GROUP.search(first.rstrip())
    is_shorter = group is not None and len(group[1]) < len(last)
    kept = group.start(1) if group is not None and is_shorter else digits[-len(last)]
    number = _read(first[:kept] + last, rules)
    return replace(number, text=ending) if is_valid(number) else None


def _short(text: str, written: WrittenNumber, rules: NumberingRules) -> PhoneNumber | None:
    """Read a text of no plan. Emergency numbers precede zeros ("000" is in Australia) and extensions."""
    bare = written.keys
    if not written.vanity and not (written.digits and written.extension):
        bare = bare or written.digits or written.extension
    is_local = not written.context and bool(bare)
    if is_local and rules.extension_pattern and fits_pattern(bare, rules.extension_pattern):
        return PhoneNumber(text, NumberKind.EXTENSION, extension=bare)
    if is_service_code(bare, rules.region):
        return PhoneNumber(text, NumberKind.SERVICE)
    if written.is_withheld:
        return PhoneNumber(text, NumberKind.WITHHELD)
    is_labelled = not written.digits and _MIN_LABELLED <= len(written.extension) <= MAX_SHORT_DIGITS
    if is_local and (is_labelled or is_in_service_range(bare, rules.region) or is_short(bare, rules)):
        return PhoneNumber(text, NumberKind.EXTENSION, extension=bare)
    return None


def _dialable(text: str, written: WrittenNumber, rules: NumberingRules) -> PhoneNumber | None:
    found = None if written.keys else find_number(written, rules.region)
    if found is None:
        return None
    significant = phonenumbers.national_significant_number(found.number)
    if is_in_service_range(significant, rules.region) and _is_at_home(found, rules.region):
        return PhoneNumber(text, NumberKind.EXTENSION, extension=significant)
    return PhoneNumber(
        text,
        NumberKind.DIALABLE,
        phonenumbers.format_number(found.number, PhoneNumberFormat.E164),
        significant,
        written.extension,
        found.spelled,
    )


def _is_at_home(found: Reading, region: str) -> bool:
    return phonenumbers.country_code_for_region(region) == found.number.country_code


def _behind_code(text: str, written: WrittenNumber, rules: NumberingRules) -> PhoneNumber:
    """A whole number behind a code such as *67; else the keys are a feature code, and digits are unusable."""
    behind = after_dial_code(written.keys or written.digits, rules.region)
    if behind and len(behind) > MAX_SHORT_DIGITS:
        number = parse_number(behind, rules)
        if number.kind is NumberKind.DIALABLE and is_valid(number):
            return replace(number, text=text)
    return PhoneNumber(text, NumberKind.SERVICE if written.keys else NumberKind.UNUSABLE)


def is_valid(number: PhoneNumber) -> bool:
    """Whether the numbering plan assigns numbers like this dialable one."""
    return bool(number.e164) and phonenumbers.is_valid_number(phonenumbers.parse(number.e164))
