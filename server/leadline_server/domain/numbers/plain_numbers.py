"""Short cuts for plainly written numbers: for lookups, and for imports that read a million of them.

libphonenumber takes some 30 to 100 us for a number that it sees for the first time. For a number with plain digits it
does three things: split off the country code, drop a national prefix if the region's pattern matches at the
start, and compare the length with the possible ones. Where the pattern does not match there is nothing to drop, and the
digits are the answer. All else, and whatever looks ambiguous, is left to it; a test holds the two together. One
difference is let pass: digits that spell "anonymous" and the like on a keypad. They are never looked up.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberFormat, PhoneNumberType

from leadline_server.domain.numbers.short_numbers import service_range_pattern
from leadline_server.domain.numbers.spelling_rules import old_forms_pattern

_PLAIN: Final = re.compile(r"(\+?)((?:[0-9][ .\-]?|\([1-9][0-9]*\)[ .\-]?){8,20})")
_E164: Final = re.compile(r"\+[1-9][0-9]{7,14}")
_SEPARATORS: Final = str.maketrans("", "", " .-()")


@dataclass(frozen=True, slots=True)
class _Plan:
    """A numbering plan: its country code, how what is not surely a number begins, how many digits a number has."""

    country_code: str
    prefixes: re.Pattern[str]
    lengths: frozenset[int]

    def has(self, digits: str) -> bool:
        """Whether `digits` are surely a possible number, with nothing to drop from it."""
        return len(digits) in self.lengths and digits[0] != "0" and not self.prefixes.match(digits)


def plain_significant(text: str, region: str) -> str:
    """The significant digits of a number; empty where only `parse_number` can tell, which may well find some."""
    matched = _PLAIN.fullmatch(text)
    if matched is None:
        return ""
    digits = matched[2].translate(_SEPARATORS)
    if matched[1]:
        return _international(digits)
    home = _plan_of_region(region)
    if home is None or digits.startswith(home.country_code) or not home.has(digits):
        return ""
    # Read in its region it must also be what its E.164 form says, which the country code's main region reads.
    return digits if _international(home.country_code + digits) == digits else ""


def plain_e164(text: str) -> str:
    """The significant digits of a number in E.164 form; empty where only libphonenumber can tell."""
    return _international(text[1:]) if _E164.fullmatch(text) else ""


@lru_cache(maxsize=512)
def home_prefixes(country_code: str) -> tuple[str, ...] | None:
    """The prefixes that may stand before the significant digits in a country's own notation: "", "0".

    None for countries whose numbers change more than that (an Argentine mobile drops a 9 and gains a 15).
    """
    prefixes: set[str] = set()
    for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(country_code), ()):
        for kind in PhoneNumberType.values():
            example = phonenumbers.example_number_for_type(region, kind)
            if example is None:
                continue
            significant = phonenumbers.national_significant_number(example)
            home = national_digits(phonenumbers.format_number(example, PhoneNumberFormat.E164))
            if not home.endswith(significant):
                return None
            prefixes.add(home.removesuffix(significant))
    return tuple(sorted(prefixes)) or None


@lru_cache(maxsize=4096)
def national_digits(e164: str) -> str:
    """The digits of a number as it is written in its own region, trunk prefix included."""
    significant = plain_e164(e164)
    if not significant:
        return _national_digits(phonenumbers.parse(e164))
    code = e164[1:].removesuffix(significant)
    if _keeps_digits(code):
        return significant
    return _national_digits(phonenumbers.PhoneNumber(country_code=int(code), national_number=int(significant)))


def _national_digits(number: phonenumbers.PhoneNumber) -> str:
    written = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    return "".join(char for char in written if char.isdecimal())


@lru_cache(maxsize=512)
def _keeps_digits(country_code: str) -> bool:
    """Whether every number of a country is written at home with its significant digits alone: in the US, not in GB."""
    region = phonenumbers.region_code_for_country_code(int(country_code))
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(int(country_code), region)
    return metadata is not None and all(map(_has_only_groups, metadata.number_format))


def _has_only_groups(form: phonenumbers.NumberFormat) -> bool:
    """Whether a format writes all groups of a number's digits, in their order, and no other digit."""
    rule = (form.national_prefix_formatting_rule or "").replace(r"\1", "")
    parts = re.findall(r"\\?[0-9]", (form.format or "") + rule)
    return parts == [rf"\{number}" for number in range(1, re.compile(form.pattern or "").groups + 1)]


def _international(digits: str) -> str:
    for length in (1, 2, 3):
        plan = _plan_of_country(digits[:length])
        if plan is not None:
            return digits[length:] if plan.has(digits[length:]) else ""
    return ""


@lru_cache(maxsize=1024)
def _plan_of_country(code: str) -> _Plan | None:
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code)) if code[0] != "0" else None
    return _plan_of_region(regions[0]) if regions else None


@lru_cache(maxsize=512)
def _plan_of_region(region: str) -> _Plan | None:
    metadata = PhoneMetadata.metadata_for_region(region, None) if region in phonenumbers.SUPPORTED_REGIONS else None
    if metadata is None or metadata.general_desc is None:
        return None
    code = str(metadata.country_code)
    # Old spellings and published short numbers are no plain numbers either.
    ambiguous = (metadata.international_prefix, metadata.national_prefix_for_parsing)
    prefixes = [prefix for prefix in (*ambiguous, old_forms_pattern(code), service_range_pattern(code)) if prefix]
    lengths = set(metadata.general_desc.possible_length) - set(metadata.general_desc.possible_length_local_only)
    return _Plan(
        country_code=code,
        prefixes=re.compile("|".join(f"(?:{prefix})" for prefix in prefixes) or r"(?!)"),
        lengths=frozenset(lengths),
    )
