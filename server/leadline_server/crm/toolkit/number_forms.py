"""The forms in which a CRM may have stored a number, for CRMs that search the text as it was written."""

from collections.abc import Sequence

from leadline_server.domain.numbers.phone_number import PhoneNumber, format_number


def number_forms(number: PhoneNumber, patterns: Sequence[str] = ()) -> tuple[str, ...]:
    """The forms to search for, each once, the most likely first: E.164, its digits, national forms, then the patterns.

    Example: `("+12025550147", "12025550147", "2025550147", "(202) 555-0147")`.

    Args:
        number: the number to look up; an extension has one form, its digits.
        patterns: the account's `number_formats`, such as `(###) ###-####`.
    """
    if not number.e164:
        return (number.extension,) if number.extension else ()
    forms = [number.e164, number.e164[1:], number.national, number.significant]
    forms += [format_number(number, pattern) for pattern in patterns]
    return tuple(dict.fromkeys(form for form in forms if form))
