"""Short numbers: emergency and service codes, published short ranges, and the account's own extensions."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumberFormat, shortnumberinfo

from leadline_server.domain.numbers.numbering_rules import NumberingRules, fits_pattern

MAX_SHORT_DIGITS: Final = 6
"""Digits of a short number, at most, unless the account's extension pattern has longer ones."""

_MIN_EXTENSION: Final = 2
_TOLD_BY_VALIDITY: Final = 6  # libphonenumber calls most 4- and 5-digit strings valid where numbers vary in length
_EMERGENCY_ANYWHERE: Final = frozenset({"112", "911", "999"})
# North American Numbering Plan Administrator, "N11 Codes"; 988 by FCC 20-100, the Suicide & Crisis Lifeline.
_NORTH_AMERICAN_CODES: Final = frozenset({"211", "311", "411", "511", "611", "711", "811", "911", "988"})
_NORTH_AMERICA: Final = 1


@dataclass(frozen=True, slots=True)
class ServiceRange:
    """Short numbers that a regulator gives to subscribers: companies and authorities have them, so they are looked up.

    Attributes:
        region: where they are dialled.
        pattern: what is dialled.
        source: who says so.
    """

    region: str
    pattern: str
    source: str


SERVICE_RANGES: Final = (
    ServiceRange(
        "NL",
        "140[0-9]{2,3}",
        "Netherlands, Nummerplan telefoon- en ISDN-diensten: 14 and a municipality's area code reach its authorities",
    ),
    ServiceRange("NO", "0[2-9][0-9]{3}", "Nkom, 5-digit numbers (02000-09999)"),
    ServiceRange(
        "IL",
        r"\*[2-9][0-9]{3}",
        "Israel, Ministry of Communications, numbering plan: a star and four digits reach a company",
    ),
)
"""Published short ranges. They are looked up as they are written, and never made contacts."""

_RANGES: Final = {each.region: re.compile(each.pattern) for each in SERVICE_RANGES}
_RANGES_BY_CODE: Final = {
    str(phonenumbers.country_code_for_region(each.region)): (each.region, _RANGES[each.region])
    for each in SERVICE_RANGES
}


def is_service_code(digits: str, region: str) -> bool:
    """Whether these are an emergency number, or a service code of the region such as 411."""
    if not 0 < len(digits) <= MAX_SHORT_DIGITS:
        return False
    if digits in _EMERGENCY_ANYWHERE:
        return True
    if region not in phonenumbers.SUPPORTED_REGIONS:
        return False
    is_north_american = phonenumbers.country_code_for_region(region) == _NORTH_AMERICA
    return (is_north_american and digits in _NORTH_AMERICAN_CODES) or bool(
        shortnumberinfo.is_emergency_number(digits, region)
    )


def is_in_service_range(dialled: str, region: str) -> bool:
    """Whether a regulator gives this short number to a subscriber: "14020" in NL, "*3322" in IL."""
    published = _RANGES.get(region)
    return published is not None and published.fullmatch(dialled) is not None


def service_range_pattern(country_code: str) -> str:
    """A pattern of the significant digits that are such a short number; empty where there is none."""
    _, published = _RANGES_BY_CODE.get(country_code, ("", None))
    return f"(?:{published.pattern})$" if published else ""


def is_own_extension(digits: str, rules: NumberingRules) -> bool:
    """Whether an account's own phone is meant by these digits.

    Its extension pattern decides. Without one that is up to five digits, and six that are no number of the region;
    but no service code, and no number of a published range.
    """
    if rules.extension_pattern:
        return fits_pattern(digits, rules.extension_pattern)
    if is_service_code(digits, rules.region) or is_in_service_range(digits, rules.region):
        return False
    return is_short(digits, rules)


def is_short(digits: str, rules: NumberingRules) -> bool:
    """Whether these digits are dialled inside: an extension, or a short code that no regulator published.

    Validity in the region tells from six digits on, and below them where all of the region's numbers are that short
    (Greenland), or where the account's pattern says that this is no extension.
    """
    if not _MIN_EXTENSION <= len(digits) <= MAX_SHORT_DIGITS or not digits.isdecimal():
        return False
    is_told = len(digits) >= _TOLD_BY_VALIDITY or bool(rules.extension_pattern) or _has_short_numbers(rules.region)
    return not (is_told and _is_number_as_written(digits, rules.region))


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


@lru_cache(maxsize=512)
def _has_short_numbers(region: str) -> bool:
    is_known = region in phonenumbers.SUPPORTED_REGIONS
    metadata = PhoneMetadata.metadata_for_region(region, None) if is_known else None
    lengths = metadata.fixed_line.possible_length if metadata and metadata.fixed_line else ()
    return 0 < max(lengths, default=0) <= MAX_SHORT_DIGITS
