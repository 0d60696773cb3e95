"""Reads dialled digits, which have more than the number: prefixes for an outside line, pauses, keys at the end.

Only the callee of an outbound call was dialled by one of the account's phones. Numbers of contacts and callers never
have these.
"""

import re
from dataclasses import replace
from functools import lru_cache
from typing import Final

from leadline_server.domain.numbers.dial_codes import after_dial_code
from leadline_server.domain.numbers.numbering_rules import NumberingRules, RulesOrRegion, as_rules, fits_pattern
from leadline_server.domain.numbers.phone_number import MAX_TEXT, NumberKind, PhoneNumber, is_valid, parse_number
from leadline_server.domain.numbers.short_numbers import is_in_service_range
from leadline_server.domain.numbers.sip import take_apart

_CACHED_NUMBERS: Final = 16_384

_is_plain = re.compile(r"\+[0-9]+").fullmatch
# "12025550305,,3": a pause, and what the phone dials once it is answered. A leading pause waits for the outside line.
_DIAL_STRING: Final = re.compile(r"[wp,; ]*([+0-9*#(][0-9*#()+ ./\-]*?)[ ]*(?:[wp,;]+[0-9wp,;*# ]*)?", re.IGNORECASE)
_PAUSE_SIGNS: Final = ("w", "W", "p", "P", ",", ";")
_PAUSES: Final = " .-wWpP,;"


def parse_dialled(text: str, rules: RulesOrRegion) -> PhoneNumber:
    """Read what one of the account's phones dialled. Never raises.

    Of the reading as it stands and the one without a dial prefix of the account, the valid one is taken. Where both
    are valid and differ, it is the one as it stands, and `other_reading` has the other: nothing may be created then.

    Example: with the prefix 0 in DE "0017612345678" is +4917612345678, since +1 761 is no area code.
    """
    if len(text) > MAX_TEXT or _is_plain(text):
        return parse_number(text, rules)
    return _parse_dialled(text, as_rules(rules))


@lru_cache(maxsize=_CACHED_NUMBERS)
def _parse_dialled(text: str, rules: NumberingRules) -> PhoneNumber:
    number = _read(_first_dialled(text, rules), rules)
    return number if number.text == text else replace(number, text=text)


def _first_dialled(text: str, rules: NumberingRules) -> str:
    """The digits dialled before the call was answered: "12025550305" of "12025550305,,3" and of "9,12025550305,,3"."""
    address = take_apart(text.strip())
    if address is not None and (address.extension or address.context or address.is_private):
        return text
    keys = address.user if address else text.strip()
    for prefix in rules.dial_prefixes:
        if keys.startswith(prefix) and (behind := keys.removeprefix(prefix).lstrip(" ")).startswith(_PAUSE_SIGNS):
            keys = prefix + behind.lstrip(_PAUSES)
    dialled = _DIAL_STRING.fullmatch(keys)
    return dialled[1] if dialled else text


def _read(dialled: str, rules: NumberingRules) -> PhoneNumber:
    if fits_pattern(dialled, rules.extension_pattern):
        return parse_number(dialled, rules)
    as_it_stands = _as_it_stands(dialled, rules)
    found = as_it_stands
    for prefix in rules.dial_prefixes:
        behind = dialled.removeprefix(prefix).lstrip(_PAUSES)
        if behind and dialled.startswith(prefix):
            found = _preferred(found, _as_it_stands(behind, rules), rules)
    return found


def _as_it_stands(dialled: str, rules: NumberingRules) -> PhoneNumber:
    """The number, also behind a code and a prefix: "*67" and "92025550305"."""
    number = parse_number(dialled, rules)
    behind = after_dial_code(dialled, rules.region) if number.kind is NumberKind.SERVICE else ""
    return _read(behind, rules) if behind else number


def _preferred(first: PhoneNumber, second: PhoneNumber, rules: NumberingRules) -> PhoneNumber:
    """The one that is assigned; the first, with the second beside it, where both are and differ."""
    if not _is_certain(second, rules):
        return first
    if not _is_certain(first, rules):
        return second
    is_same = first.key == second.key
    return first if is_same or second.kind is not NumberKind.DIALABLE else replace(first, other_reading=second.e164)


def _is_certain(number: PhoneNumber, rules: NumberingRules) -> bool:
    """Whether the plan has the number: an assigned one, a service code, a published short number."""
    if number.kind is NumberKind.DIALABLE:
        return is_valid(number)
    is_published = number.kind is NumberKind.EXTENSION and is_in_service_range(number.extension, rules.region)
    return is_published or number.kind is NumberKind.SERVICE
