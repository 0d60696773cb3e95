"""Phone numbers: read once at the border, compared as values ever after.

libphonenumber (`phonenumbers`) knows the numbering plans. What it does not know is decided here and in
`written_number`: addresses, withheld callers, extensions, service codes, and that `00` reads as `+` in every region.
"""

from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumberFormat, ValidationResult, shortnumberinfo
from phonenumbers import PhoneNumber as PlanNumber

from leadline_server.domain.numbers.plain_numbers import national_digits, plain_e164
from leadline_server.domain.numbers.written_number import WITHHELD_DIGITS, WrittenNumber, read_written

MAX_TEXT = 256
"""Longer texts (characters) are no numbers, and are never kept in the cache."""

_CACHED_NUMBERS = 65_536
_MIN_EXTENSION, _MAX_EXTENSION = 2, 6  # digits of an internal extension or short code
_EMERGENCY_ANYWHERE = frozenset({"112", "911", "999"})
_NO_REGION = "ZZ"  # libphonenumber's own code for "unknown"


class NumberKind(Enum):
    """What can be done with a number."""

    DIALABLE = auto()
    """Has an E.164 form: looked up, and may become a contact."""
    EXTENSION = auto()
    """An internal extension or a short code: may be looked up, never becomes a contact."""
    SERVICE = auto()
    """An emergency number or a feature code: neither looked up nor made a contact."""
    WITHHELD = auto()
    """The caller hides, or the network does not say."""
    UNUSABLE = auto()
    """No number at all."""


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """A number as it was read.

    Attributes:
        text: as written.
        kind: what it is; fields that do not belong to the kind are empty.
        e164: "+14155550123"; of a dialable number only, like the next one.
        significant: digits of the national significant number: "2079460123".
        extension: of a dialable number, or the bare extension itself.
    """

    text: str
    kind: NumberKind
    e164: str = ""
    significant: str = ""
    extension: str = ""

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
        if self.kind is NumberKind.DIALABLE:
            return f"{self.e164};ext={self.extension}" if self.extension else self.e164
        return f"ext:{self.extension}" if self.kind is NumberKind.EXTENSION else ""


def parse_number(text: str, region: str) -> PhoneNumber:
    """Read a number. Never raises, and answers from a cache where it can.

    Args:
        text: in any form: E.164, national, spaced, bracketed, with an extension, a `tel:` or `sip:` address.
        region: two capital letters; how to read a number without country code. With an unknown one only
            international forms are dialable.
    """
    if len(text) > MAX_TEXT:
        return PhoneNumber(text, NumberKind.UNUSABLE)
    return _parse(text, region)


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
    """What of a number may stand in a log: its last two digits, and nothing of a text with fewer than seven."""
    digits = [char for char in text if char.isdecimal()]
    return "***" + "".join(digits[-2:]) if len(digits) > _MAX_EXTENSION else "***"


@lru_cache(maxsize=_CACHED_NUMBERS)
def _parse(text: str, region: str) -> PhoneNumber:
    """Tell the kinds apart. Emergency numbers come before zeros ("000" is Australia's) and before extensions."""
    significant = plain_e164(text)
    if significant and text not in WITHHELD_DIGITS:
        return PhoneNumber(text, NumberKind.DIALABLE, e164=text, significant=significant)
    written = read_written(text)
    bare = "" if written.vanity or (written.digits and written.extension) else written.digits or written.extension
    if written.is_feature_code or _is_emergency(bare, region):
        return PhoneNumber(text, NumberKind.SERVICE)
    if written.is_withheld:
        return PhoneNumber(text, NumberKind.WITHHELD)
    if not written.context and _is_extension(bare, region, is_labelled=not written.digits):
        return PhoneNumber(text, NumberKind.EXTENSION, extension=bare)
    plan_number = _find(written, region)
    if plan_number is None:
        return PhoneNumber(text, NumberKind.UNUSABLE)
    return PhoneNumber(
        text,
        NumberKind.DIALABLE,
        e164=phonenumbers.format_number(plan_number, PhoneNumberFormat.E164),
        significant=phonenumbers.national_significant_number(plan_number),
        extension=written.extension,
    )


def _is_emergency(digits: str, region: str) -> bool:
    if not 0 < len(digits) <= _MAX_EXTENSION:
        return False
    return digits in _EMERGENCY_ANYWHERE or (is_region(region) and shortnumberinfo.is_emergency_number(digits, region))


def _is_extension(digits: str, region: str, *, is_labelled: bool) -> bool:
    """Two to six bare digits, unless the region's own numbers are that short (Greenland) and this is one of them."""
    if not (_MIN_EXTENSION <= len(digits) <= _MAX_EXTENSION) or digits.startswith("+"):
        return False
    if is_labelled or not _has_short_numbers(region):
        return True
    whole = _read(digits, region)
    return whole is None or not phonenumbers.is_valid_number(whole)


@lru_cache(maxsize=512)
def _has_short_numbers(region: str) -> bool:
    metadata = PhoneMetadata.metadata_for_region(region, None) if is_region(region) else None
    lengths = metadata.fixed_line.possible_length if metadata and metadata.fixed_line else ()
    return 0 < max(lengths, default=0) <= _MAX_EXTENSION


def _find(written: WrittenNumber, region: str) -> PlanNumber | None:
    """The number of some numbering plan that was meant, in its canonical form, or None."""
    if written.vanity:
        number = _read(written.vanity, region)
        if number is None or number.extension or not phonenumbers.is_valid_number(number):
            return None  # many words are as long as a number
        return number
    digits = written.digits
    if written.context and not digits.startswith(("+", "00")):
        digits = written.context + digits
    number = _read_international(digits, region)
    if written.without_zero:  # "+352 (0)..." of a country that never dials it
        number = _prefer(number, _read_international(written.without_zero, region))
    return number and _canonical(number, digits)


def _read_international(digits: str, region: str) -> PlanNumber | None:
    """Read `00` as `+`, unless only the region's own prefix (Australia's 0011) makes an assigned number of it."""
    own = _read(digits, region)
    if not digits.startswith("00"):
        return own
    if own and own.italian_leading_zero and not phonenumbers.is_valid_number(own):
        own = None  # the region has no such prefix: its two zeros were taken for digits
    return _prefer(_read("+" + digits[2:], region), own)


def _prefer(first: PlanNumber | None, second: PlanNumber | None) -> PlanNumber | None:
    """The first reading, unless only the second is assigned to somebody."""
    if first is None or second is None:
        return first or second
    is_second = not phonenumbers.is_valid_number(first) and phonenumbers.is_valid_number(second)
    return second if is_second else first


def _read(digits: str, region: str) -> PlanNumber | None:
    """Possible is enough: numbers reserved for fiction and blocks newer than the metadata are numbers too."""
    try:
        number = phonenumbers.parse(digits, region)
    except NumberParseException:
        return None
    is_possible = phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE
    return number if is_possible else None


def _canonical(number: PlanNumber, digits: str) -> PlanNumber | None:
    """The number whose E.164 form reads as itself: a trunk prefix written twice is dropped twice."""
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    while e164 != digits:
        reread = _read(e164, _NO_REGION)
        if reread is None:
            return None
        number, digits, e164 = reread, e164, phonenumbers.format_number(reread, PhoneNumberFormat.E164)
    return number
