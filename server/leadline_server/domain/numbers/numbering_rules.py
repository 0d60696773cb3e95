"""How one account's numbers are read: its region, its extensions, and what its phones dial before a number."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

MAX_MASKS: Final = 64
"""Masks of an extension pattern, at most."""

MAX_DIAL_PREFIXES: Final = 8
"""Dial prefixes of an account, at most."""

MAX_MASK_DIGITS: Final = 8
"""Digits of an extension, at most: longer ones would be taken for numbers of the outside."""

_is_mask = re.compile(rf"[0-9x]{{2,{MAX_MASK_DIGITS}}}").fullmatch
_is_prefix = re.compile(r"[0-9*#]{1,4}").fullmatch


@dataclass(frozen=True, slots=True)
class NumberingRules:
    """The rules of an account for its numbers.

    Attributes:
        region: ISO 3166-1 code of the region that numbers without a country code are read in.
        extension_pattern: masks of the account's extensions, such as "1xx,2xxx"; empty where it does not say.
        dial_prefixes: what its phones dial to reach an outside line: ("9",).
    """

    region: str
    extension_pattern: str = ""
    dial_prefixes: tuple[str, ...] = ()


RulesOrRegion = NumberingRules | str
"""An account's rules, or the region alone of one that has no more."""


@lru_cache(maxsize=4096)
def numbering_rules(region: str, extension_pattern: str, dial_prefixes: tuple[str, ...]) -> NumberingRules:
    """The rules of an account with these settings; the same object for the same settings."""
    return NumberingRules(region, extension_pattern, dial_prefixes)


def as_rules(rules: RulesOrRegion) -> NumberingRules:
    """The rules as they are, or those of an account that has no more than a region."""
    return numbering_rules(rules, "", ()) if isinstance(rules, str) else rules


def fits_pattern(digits: str, extension_pattern: str) -> bool:
    """Whether one of the masks has the length of `digits`, and their digit or an `x` in every place."""
    return _mask_pattern(extension_pattern).fullmatch(digits) is not None


def read_extension_pattern(text: str) -> str:
    """The pattern in its stored form: "1XX, 2xxx" becomes "1xx,2xxx".

    Raises:
        ValueError: it has other masks than digits and `x`; the message is a sentence that says so.
    """
    masks = list(dict.fromkeys(mask for part in text.split(",") if (mask := part.strip().lower())))
    for mask in masks:
        if not _is_mask(mask):
            raise ValueError(
                f"{mask[:40]!r} is not a mask: write 2 to {MAX_MASK_DIGITS} digits, with x for any digit, such as 1xx."
            )
    if len(masks) > MAX_MASKS:
        raise ValueError(f"At most {MAX_MASKS} masks; there are {len(masks)}.")
    return ",".join(masks)


def read_dial_prefix(text: str) -> str:
    """One dial prefix in its stored form.

    Raises:
        ValueError: it is not something that a phone can dial before a number; the message is a sentence that says so.
    """
    prefix = text.strip()
    if not _is_prefix(prefix):
        raise ValueError("A dial prefix has 1 to 4 of the keys 0 to 9, * and #, such as 9.")
    return prefix


@lru_cache(maxsize=512)
def _mask_pattern(extension_pattern: str) -> re.Pattern[str]:
    masks = [mask.replace("x", "[0-9]") for mask in extension_pattern.split(",") if mask]
    return re.compile("|".join(masks) or r"(?!)")
