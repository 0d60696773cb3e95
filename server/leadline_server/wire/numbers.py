"""Reads the excluded numbers and prefixes of preferences, by the account's rules: "+44 20 7946*" is "+44207946*"."""

import re
from collections.abc import Sequence
from typing import Final

from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.wire.violations import NUMBER_LENGTH, Violations

MAX_EXCLUDED_NUMBERS: Final = 1000

_is_prefix = re.compile(r"\+[1-9][0-9]{0,14}").fullmatch
_without_layout = {ord(mark): None for mark in " -./()\u00a0"}


def excluded_numbers(check: Violations, field: str, texts: Sequence[str], rules: NumberingRules) -> tuple[str, ...]:
    """Numbers and prefixes as `domain.decision.is_excluded` compares them, each once.

    A number becomes E.164 without its extension, or stays a bare extension; a prefix becomes `+` with digits and `*`.
    """
    if len(texts) > MAX_EXCLUDED_NUMBERS:
        check.add(field, f"At most {MAX_EXCLUDED_NUMBERS} numbers; there are {len(texts)}.")
        return ()
    return tuple(dict.fromkeys(_pattern(check, f"{field}[{i}]", text, rules) for i, text in enumerate(texts)))


def _pattern(check: Violations, field: str, text: str, rules: NumberingRules) -> str:
    if len(text) > NUMBER_LENGTH:
        check.add(field, f"At most {NUMBER_LENGTH} characters; there are {len(text)}.")
        return ""
    if text.rstrip().endswith("*"):
        return _prefix(check, field, text.rstrip()[:-1])
    number = parse_number(text, rules)
    if not number.key:
        check.add(field, f"Not a phone number, extension or prefix, read in region {rules.region}.")
    return number.e164 or number.extension


def _prefix(check: Violations, field: str, text: str) -> str:
    written = text.translate(_without_layout)
    prefix = f"+{written[2:]}" if written.startswith("00") else written
    if not _is_prefix(prefix):
        check.add(field, "A prefix needs its country code, such as +44800*.")
    return f"{prefix}*"
