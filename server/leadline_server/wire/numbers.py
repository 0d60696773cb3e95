"""Reads the phone numbers of requests, by the account's rules.

Example: "020 7946 0123" in region GB is +442079460123; in region US it is a violation. The rules are None if the
request names no account that exists. Then numbers are checked for their length alone.
"""

import re
from collections.abc import Container, Iterable, Sequence
from typing import Final

from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.domain.numbers.phone_number import NumberKind, PhoneNumber, parse_number
from leadline_server.wire.violations import NUMBER_LENGTH, Violations

MAX_EXCLUDED_NUMBERS: Final = 1000

_is_prefix = re.compile(r"\+[1-9][0-9]{0,14}").fullmatch
_without_layout = {ord(mark): None for mark in " -./()\u00a0"}


def readable_number(check: Violations, field: str, text: str, rules: NumberingRules | None) -> PhoneNumber | None:
    """The number in `text`; a violation if `text` is not a number. A withheld number is none.

    Like the functions below it returns None if `text` is too long, or if the rules are unknown.
    """
    number = _read(check, field, text, rules)
    if number is not None and rules and number.kind is NumberKind.UNUSABLE:
        check.add(field, f"Not a phone number in region {rules.region}.")
    return number


def readable_numbers(
    check: Violations, field: str, texts: Iterable[str], rules: NumberingRules | None, kinds: Container[NumberKind]
) -> list[PhoneNumber]:
    """The numbers in `texts` that are of one of `kinds`; a violation for each text that is not a number."""
    numbers = (readable_number(check, f"{field}[{index}]", text, rules) for index, text in enumerate(texts))
    return [number for number in numbers if number is not None and number.kind in kinds]


def searchable_number(check: Violations, field: str, text: str, rules: NumberingRules | None) -> PhoneNumber | None:
    """The number in `text`; a violation if no contact can be found by it."""
    number = _read(check, field, text, rules)
    if number is not None and rules and not number.key:
        check.add(field, f"Not a phone number that a contact can be found by, read in region {rules.region}.")
    return number


def dialable_number(check: Violations, field: str, text: str, rules: NumberingRules | None) -> PhoneNumber | None:
    """The number in `text`; a violation if it cannot be dialled from outside."""
    number = _read(check, field, text, rules)
    if number is not None and rules and number.kind is not NumberKind.DIALABLE:
        check.add(field, f"Not a phone number that can be dialled from outside, read in region {rules.region}.")
    return number


def excluded_numbers(check: Violations, field: str, texts: Sequence[str], rules: NumberingRules) -> tuple[str, ...]:
    """Numbers and prefixes as `domain.decision.is_excluded` compares them, each once.

    A number becomes E.164 without its extension, or stays a bare extension; a prefix becomes `+` with digits and `*`.
    """
    if len(texts) > MAX_EXCLUDED_NUMBERS:
        check.add(field, f"At most {MAX_EXCLUDED_NUMBERS} numbers; there are {len(texts)}.")
        return ()
    return tuple(dict.fromkeys(_pattern(check, f"{field}[{i}]", text, rules) for i, text in enumerate(texts)))


def _read(check: Violations, field: str, text: str, rules: NumberingRules | None) -> PhoneNumber | None:
    written = check.number_text(field, text)
    return None if written is None or rules is None else parse_number(written, rules)


def _pattern(check: Violations, field: str, text: str, rules: NumberingRules) -> str:
    if len(text) > NUMBER_LENGTH:
        check.add(field, f"At most {NUMBER_LENGTH} characters; there are {len(text)}.")
        return ""
    if text.rstrip().endswith("*"):
        return _prefix(check, field, text.rstrip()[:-1])
    number = parse_number(text, rules)
    if not number.key:
        check.add(field, f"No phone number, extension or prefix, read in region {rules.region}.")
    return number.e164 or number.extension


def _prefix(check: Violations, field: str, text: str) -> str:
    written = text.translate(_without_layout)
    prefix = f"+{written[2:]}" if written.startswith("00") else written
    if not _is_prefix(prefix):
        check.add(field, "A prefix needs its country code, such as +44800*.")
    return f"{prefix}*"
