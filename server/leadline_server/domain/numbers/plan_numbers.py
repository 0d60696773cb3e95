"""Digits, read by the numbering plans: which number of which country is meant.

libphonenumber (`phonenumbers`) knows the plans. Rules that it does not have are here: that `00` reads as `+` in every
region, that a trunk prefix may be written twice, and what old spellings mean (`spelling_rules`).
"""

from typing import Final, NamedTuple

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType, ValidationResult
from phonenumbers import PhoneNumber as PlanNumber

from leadline_server.domain.numbers.spelling_rules import canonical_digits
from leadline_server.domain.numbers.written_number import WrittenNumber

_NO_REGION: Final = "ZZ"  # libphonenumber's own code for "unknown"


class Reading(NamedTuple):
    """A number of some plan. `spelled` is its E.164 form as it was written, where that is another spelling of it."""

    number: PlanNumber
    spelled: str = ""

    @property
    def is_valid(self) -> bool:
        """Whether the plan assigns such numbers."""
        return phonenumbers.is_valid_number(self.number)


def find_number(written: WrittenNumber, region: str) -> Reading | None:
    """The number that was meant, in its canonical form, or None."""
    if written.vanity:
        return _vanity(written.vanity, region)
    if written.after_code and (found := _read(written.after_code, region)) and found.is_valid:
        return _canonical(found, written.after_code)
    digits = written.digits
    if written.context and not digits.startswith(("+", "00")):
        digits = written.context + digits
    found = _read_international(digits, region)
    if written.without_zero:  # "+352 (0)..." of a country that never dials it
        found = _prefer(found, _read_international(written.without_zero, region))
    return found and _canonical(found, digits)


def _vanity(text: str, region: str) -> Reading | None:
    """Letters count as digits only in a number that is assigned: many words have the length of a number."""
    found = _read(text, region)
    return found if found and not found.number.extension and found.is_valid else None


def _read_international(digits: str, region: str) -> Reading | None:
    """Read `00` as `+`, unless only the region's own prefix (Australia's 0011) makes an assigned number of it."""
    own = _read(digits, region)
    if not digits.startswith("00"):
        return _without_plus(digits, own) if own else None
    if own and own.number.italian_leading_zero and not own.is_valid:
        own = None  # the region has no such prefix: its two zeros were taken for digits
    return _prefer(_read("+" + digits[2:], region), own)


def _without_plus(digits: str, own: Reading) -> Reading:
    """Read "4917612345678" as +49 176 12345678, although lines in Germany may have as many digits.

    Only where the plus before the region's own country code makes a mobile number of it, and nothing else does.
    """
    code = str(own.number.country_code)
    if not digits.startswith(code) or phonenumbers.national_significant_number(own.number) != digits:
        return own
    abroad = _read(f"+{digits}", _NO_REGION)
    is_mobile = abroad is not None and phonenumbers.number_type(abroad.number) == PhoneNumberType.MOBILE
    return abroad if abroad and is_mobile and phonenumbers.number_type(own.number) != PhoneNumberType.MOBILE else own


def _prefer(first: Reading | None, second: Reading | None) -> Reading | None:
    """The first reading, unless only the second is an assigned number."""
    if first is None or second is None:
        return first or second
    return second if not first.is_valid and second.is_valid else first


def _read(digits: str, region: str) -> Reading | None:
    """Possible is enough: numbers reserved for fiction and blocks newer than the metadata are numbers too."""
    try:
        number = phonenumbers.parse(digits, region)
        code, written = str(number.country_code), phonenumbers.national_significant_number(number)
        if today := canonical_digits(code, written):
            return Reading(phonenumbers.parse(f"+{code}{today}"), f"+{code}{written}")
    except NumberParseException:
        return None
    is_possible = phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE
    return Reading(number) if is_possible else None


def _canonical(found: Reading, digits: str) -> Reading | None:
    """The number whose E.164 form reads as itself: a trunk prefix written twice is dropped twice."""
    e164 = phonenumbers.format_number(found.number, PhoneNumberFormat.E164)
    while e164 != digits:
        reread = _read(e164, _NO_REGION)
        if reread is None:
            return None
        digits, e164 = e164, phonenumbers.format_number(reread.number, PhoneNumberFormat.E164)
        found = Reading(reread.number, found.spelled or reread.spelled)
    return found
