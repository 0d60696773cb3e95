"""Reading the phone numbers of requests, which takes the account's region.

The region is asked for once everything else was looked at, so that an unknown account is only named as the error where
nothing else is wrong with the request.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from leadline_server.domain.errors import AccountNotFound
from leadline_server.domain.numbers.numbering_rules import NumberingRules, RulesOrRegion, as_rules
from leadline_server.domain.numbers.phone_number import NumberKind, PhoneNumber, parse_number
from leadline_server.transport.mapping.violations import NUMBER_LENGTH, Violations

Regions = Callable[[str], Awaitable[RulesOrRegion]]
"""How an account's numbers are read, by its id. Raises AccountNotFound."""

MAX_EXCLUDED_NUMBERS: Final = 1000

_is_account_id = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,128}").fullmatch
_is_prefix = re.compile(r"\+[1-9][0-9]{0,14}").fullmatch
_without_layout = {ord(mark): None for mark in " -./()\u00a0"}


async def region_of(account_id: str, regions: Regions, check: Violations) -> NumberingRules | None:
    """The account's rules for numbers; None where the request is wrong in a way that leaves them unknown.

    Raises:
        AccountNotFound: there is no such account, and nothing else is wrong.
    """
    if not _is_account_id(account_id):
        return None
    try:
        return as_rules(await regions(account_id))
    except AccountNotFound:
        check.raise_any()
        raise


def readable_number(check: Violations, field: str, text: str, rules: NumberingRules | None) -> PhoneNumber | None:
    """The number in `text`; a violation where there is none in it. A withheld one passes.

    None where `text` is too long, or cannot be read because the region is unknown; so it is for the others here.
    """
    number = _read(check, field, text, rules)
    if number is not None and rules and number.kind is NumberKind.UNUSABLE:
        check.add(field, f"No phone number that can be read in region {rules.region}.")
    return number


def searchable_number(check: Violations, field: str, text: str, rules: NumberingRules | None) -> PhoneNumber | None:
    """The number in `text`; a violation where it names nobody in particular."""
    number = _read(check, field, text, rules)
    if number is not None and rules and not number.key:
        check.add(field, f"No phone number that somebody can be found by, read in region {rules.region}.")
    return number


def dialable_number(check: Violations, field: str, text: str, rules: NumberingRules | None) -> PhoneNumber | None:
    """The number in `text`; a violation where it cannot be dialled from outside."""
    number = _read(check, field, text, rules)
    if number is not None and rules and number.kind is not NumberKind.DIALABLE:
        check.add(field, f"No phone number that can be dialled from outside, read in region {rules.region}.")
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
