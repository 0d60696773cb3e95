"""One subscriber, several spellings: what regulators changed, and what people leave out or add.

A plan changes, and address books keep the old numbers: Benin's 97 12 34 56 is 01 97 12 34 56 today. The table says how
an old or wrong form becomes the number that the plan has today. Adding a country is adding a rule.

A rule gives identity only where the form as written is not valid today and exactly one valid number results. So
+39 0345 123456, a line in San Pellegrino, is never taken for the mobile number +39 345 123456.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException


@dataclass(frozen=True, slots=True, kw_only=True)
class SpellingRule:
    """How the digits after a country code are written, and what they mean: `head + old + tail` is `head + new + tail`.

    Attributes:
        country_code: "55".
        head: a pattern of the digits that stay in front: "[1-9]{2}", Brazil's area code.
        old: the digits that old forms have there: "".
        new: those that the plan has: "9".
        tail: a pattern of the digits that stay behind.
        gives_identity: whether both are one number. If not, they match as NATIONAL and remain two numbers.
        source: who says so.
    """

    country_code: str
    head: str = ""
    old: str = ""
    new: str = ""
    tail: str
    gives_identity: bool = True
    source: str


_MEXICO: Final = (
    "Instituto Federal de Telecomunicaciones, Plan Técnico Fundamental de Numeración, in force 3 August 2019: ten"
    " digits everywhere; 01, 044, 045 and the 1 after +52 are no longer dialled"
)
_IVORY_COAST: Final = (
    "ARTCI, change of the numbering plan of 31 January 2021, as communicated to the ITU (Recommendation E.129) on 24"
    " December 2020: the old prefix tells the operator, the operator the two digits put before it"
)
_ITALY: Final = (
    "AGCOM, Piano di numerazione nazionale (delibera 8/15/CIR): numbers of fixed lines begin with 0, which is dialled"
    " from abroad too; mobile numbers begin with 3"
)

RULES: Final = (
    *(
        SpellingRule(country_code="52", old=old, tail="[1-9][0-9]{9}", source=_MEXICO)
        for old in ("1", "01", "044", "045")
    ),
    SpellingRule(
        country_code="55",
        head="[1-9]{2}",
        new="9",
        tail="[689][0-9]{7}",
        source="Anatel, Resolução 553/2010: mobile numbers have a ninth digit, a 9 after the area code, since 2016",
    ),
    SpellingRule(
        country_code="229",
        new="01",
        tail="[24569][0-9]{7}",
        source="ARCEP Bénin, numbering plan of 30 November 2024, communicated to the ITU on 24 April 2024",
    ),
    *(
        SpellingRule(country_code="225", new=new, tail=f"(?:{prefixes})[0-9]{{{digits}}}", source=_IVORY_COAST)
        for new, prefixes, digits in (
            ("01", "0[123]|4[0-3]|5[0-3]|7[0-3]", 6),  # Moov
            ("05", "0[456]|4[456]|5[456]|6[456]|7[456]|8[456]|9[456]", 6),  # MTN
            ("07", "0[789]|4[789]|5[789]|6[789]|7[789]|8[789]|9[78]", 6),  # Orange
            ("21", "208|218|228|238", 5),  # fixed lines of Moov
            ("25", "2[0-4]0|3[0-6]0", 5),  # of MTN
            ("27", "20[23]|21[2357]|22[45]|23[45]|24[345]|306|31[69]|3[2-6]7", 5),  # of Orange
        )
    ),
    SpellingRule(country_code="39", new="0", tail="(?:[124-9][0-9]{5,10}|3[01][0-9]{4,7}|3[0-9]{5,7})", source=_ITALY),
    SpellingRule(country_code="39", old="0", tail="3[0-9]{8,9}", source=_ITALY),
    SpellingRule(
        country_code="54",
        new="9",
        tail="[1-9][0-9]{9}",
        gives_identity=False,
        source="Argentina writes its mobile numbers with a 9 after +54 and without one; it is not known to the plan"
        " whether +54 11 2345 6789 and +54 9 11 2345 6789 belong to one subscriber",
    ),
)
"""The known spellings of the world: one rule for one way to write, each with its source."""


class _CountryRules:
    """The rules of one country code, their patterns compiled."""

    def __init__(self, country_code: str, rules: Iterable[SpellingRule]) -> None:
        self._code = country_code
        self.identities = [_Compiled(rule) for rule in rules if rule.gives_identity]
        self.national = [_Compiled(rule) for rule in rules if not rule.gives_identity]

    def canonical(self, digits: str) -> str:
        """The digits that are valid today for ones that are not; empty where they are, or where it cannot be told."""
        found = {new for rule in self.identities if (new := rule.forward(digits))}
        if not found or _is_valid(self._code, digits):
            return ""
        valid = [new for new in found if _is_valid(self._code, new)]
        return valid[0] if len(valid) == 1 else ""

    def written(self, digits: str) -> list[str]:
        """The other ways in which the digits of a number are written."""
        found = [old for rule in self.identities if (old := rule.backward(digits)) and self.canonical(old) == digits]
        for rule in self.national:
            found += [other for other in (rule.forward(digits), rule.backward(digits)) if other]
        return found


class _Compiled:
    """A rule, applied in both directions."""

    def __init__(self, rule: SpellingRule) -> None:
        self._old = re.compile(f"({rule.head}){rule.old}({rule.tail})")
        self._new = re.compile(f"({rule.head}){rule.new}({rule.tail})")
        self._rule = rule

    def forward(self, digits: str) -> str:
        """The number that the digits mean, if they are written in the old way; else empty."""
        found = self._old.fullmatch(digits)
        return f"{found[1]}{self._rule.new}{found[2]}" if found else ""

    def backward(self, digits: str) -> str:
        """The old way to write the digits of a number; empty where there was none."""
        found = self._new.fullmatch(digits)
        return f"{found[1]}{self._rule.old}{found[2]}" if found else ""


def _by_country() -> dict[str, _CountryRules]:
    grouped = defaultdict[str, list[SpellingRule]](list)
    for rule in RULES:
        grouped[rule.country_code].append(rule)
    return {code: _CountryRules(code, rules) for code, rules in grouped.items()}


_COUNTRIES: Final = _by_country()

SPELLED_COUNTRIES: Final = frozenset(_COUNTRIES)
"""The country codes whose numbers may have several spellings; all others have one."""


def canonical_digits(country_code: str, digits: str) -> str:
    """The significant digits that the plan has today for an old or wrong form; empty where `digits` stand as they are.

    Example: ("229", "97123456") gives "0197123456".
    """
    country = _COUNTRIES.get(country_code)
    return country.canonical(digits) if country else ""


@lru_cache(maxsize=4096)
def other_digits(country_code: str, digits: str) -> tuple[str, ...]:
    """The other ways in which the significant digits of a number are written.

    Example: ("52", "5512345678") gives "15512345678", "015512345678", "0445512345678" and "0455512345678".
    """
    country = _COUNTRIES.get(country_code)
    return tuple(country.written(digits)) if country else ()


def shared_digits(country_code: str, digits: str) -> str:
    """The same digits for numbers that match each other as NATIONAL: Argentina's without the 9; else `digits`."""
    country = _COUNTRIES.get(country_code)
    return next((old for rule in country.national if (old := rule.backward(digits))), digits) if country else digits


def old_forms_pattern(country_code: str) -> str:
    """A pattern of the digits that `canonical_digits` may have another answer for; empty where there are none."""
    rules = [rule for rule in RULES if rule.country_code == country_code and rule.gives_identity]
    return "|".join(f"{rule.head}{rule.old}{rule.tail}$" for rule in rules)


def _is_valid(country_code: str, digits: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(f"+{country_code}{digits}"))
    except NumberParseException:
        return False
