"""The ways to write a number that a CRM may have stored it in, for CRMs that search what was written."""

from collections.abc import Sequence

from leadline_server.domain.numbers.phone_number import PhoneNumber, format_number


def number_forms(number: PhoneNumber, patterns: Sequence[str] = ()) -> tuple[str, ...]:
    """Every form to ask for, each once, the likeliest first: E.164, its digits, national forms, then the patterns.

    Args:
        number: the number asked for; an extension has its digits alone.
        patterns: the account's `number_formats`, such as `(###) ###-####`.
    """
    if not number.e164:
        return (number.extension,) if number.extension else ()
    forms = [number.e164, number.e164[1:], number.national, number.significant]
    forms += [format_number(number, pattern) for pattern in patterns]
    return tuple(dict.fromkeys(form for form in forms if form))
