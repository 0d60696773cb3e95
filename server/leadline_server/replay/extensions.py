"""Which short numbers are extensions of the phone system, and which numbers outside are its own."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

from leadline_server.domain.numbers.phone_number import NumberKind, parse_number
from leadline_server.replay.records import UnusableFile

_MAX_MASKS: Final = 64
_MIN_EXTENSION, _TOLD_BY_VALIDITY = 2, 6

# Short numbers that leave the phone system, though they look like extensions: emergency and public service codes.
_SERVICE_CODES: Final = frozenset(
    {"000", "110", "112", "211", "311", "411", "511", "611", "711", "811", "911", "933", "988", "999"}
)
_is_mask = re.compile(r"[0-9x]{2,8}").fullmatch


def read_extension_pattern(text: str) -> str:
    """The masks of extensions in their stored form: "1XX, 2xxx" becomes "1xx,2xxx".

    Raises:
        UnusableFile: it has other masks than digits and `x`.
    """
    masks = [mask for part in text.split(",") if (mask := part.strip().lower())]
    if len(masks) > _MAX_MASKS:
        raise UnusableFile(f"at most {_MAX_MASKS} masks of extensions; there are {len(masks)}")
    for mask in masks:
        if not _is_mask(mask):
            raise UnusableFile(f"{mask[:40]!r} is not a mask; write 2 to 8 digits, with x for any digit, such as 1xx")
    return ",".join(masks)


def looks_like_extension(text: str, extension_pattern: str, region: str) -> bool:
    """Whether a text is an extension by its form.

    The masks decide. Without masks that is up to five digits, and six that are no number of the region: 221236 is a
    number in Luxembourg. Emergency and service codes are none.
    """
    if extension_pattern:
        return _masks(extension_pattern).fullmatch(text) is not None
    if not (text.isascii() and text.isdecimal()) or text in _SERVICE_CODES:
        return False
    if len(text) == _TOLD_BY_VALIDITY:
        return not _is_number_as_written(text, region)
    return _MIN_EXTENSION <= len(text) < _TOLD_BY_VALIDITY


@dataclass(frozen=True, slots=True)
class OwnNumbers:
    """Numbers outside the phone system that are its own: an employee's mobile, the company's main number.

    Attributes:
        e164: the numbers, such as "+12025550999".
        dialled: what is dialled to reach one of them, also behind a digit for an outside line; None without numbers.
        region: the region that numbers without a country code are read in.
    """

    e164: frozenset[str] = frozenset()
    dialled: re.Pattern[str] | None = None
    region: str = "US"

    def __contains__(self, text: str) -> bool:
        """Whether a number as it was written or dialled is one of them: "92025550999" is +1 202 555 0999."""
        if self.dialled is None or not text:
            return False
        return self.dialled.fullmatch(text) is not None or parse_number(text, self.region).e164 in self.e164


def own_numbers(texts: Iterable[str], region: str) -> OwnNumbers:
    """The account's own numbers.

    Raises:
        UnusableFile: a text is not a phone number.
    """
    numbers = [parse_number(text, region) for text in texts]
    for number in numbers:
        if number.kind is not NumberKind.DIALABLE:
            raise UnusableFile(f"{number.text[:40]!r} is not a phone number in region {region}")
    if not numbers:
        return OwnNumbers(region=region)
    forms = "|".join(
        rf"(?:(?:00|011|0011)?{number.country_code}|0)?{re.escape(number.significant)}" for number in numbers
    )
    return OwnNumbers(frozenset(number.e164 for number in numbers), re.compile(rf"[0-9]?(?:{forms})"), region)


@lru_cache(maxsize=64)
def _masks(extension_pattern: str) -> re.Pattern[str]:
    return re.compile("|".join(mask.replace("x", "[0-9]") for mask in extension_pattern.split(",")))


@lru_cache(maxsize=4096)
def _is_number_as_written(digits: str, region: str) -> bool:
    """Whether a number of the region is written like this at home: 221236 in LU, but not 301234 for 030 1234 in DE."""
    try:
        number = phonenumbers.parse(digits, region)
    except NumberParseException:
        return False
    if not phonenumbers.is_valid_number(number):
        return False
    at_home = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    return "".join(char for char in at_home if char.isdecimal()) == digits
