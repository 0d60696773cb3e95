"""Every form in which a CRM may store the number of one subscriber."""

from dataclasses import replace

from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.domain.numbers.spelling_rules import other_digits


def spellings(number: PhoneNumber) -> tuple[PhoneNumber, ...]:
    """The number, and then its other spellings, for CRMs that search for what was written.

    Each has its own `e164`, `significant` and `national` digits; the extension is the number's. What is found by them
    is compared by `matching` afterwards: Argentina's two forms match as NATIONAL only.

    Example: for +2290197123456 also +22997123456; for an extension the extension alone.
    """
    if not number.e164:
        return (number,)
    code = number.country_code
    others = other_digits(code, number.significant)
    return (number, *(replace(number, e164=f"+{code}{digits}", significant=digits, spelled="") for digits in others))
