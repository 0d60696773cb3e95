"""Numbers outside the phone system that are the account's own: an employee's mobile, the company's main number."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from leadline_server.domain.numbers.dialled import parse_dialled
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.domain.numbers.phone_number import NumberKind, PhoneNumber, parse_number
from leadline_server.replay.records import UnusableFile


@dataclass(frozen=True, slots=True)
class OwnNumbers:
    """The account's own numbers.

    Attributes:
        e164: the numbers, such as "+12025550999".
        dialled: how they may be dialled, also behind a digit for an outside line; None without numbers.
        numbering: how the account's numbers are read.
    """

    e164: frozenset[str] = frozenset()
    dialled: re.Pattern[str] | None = None
    numbering: NumberingRules = field(default_factory=lambda: NumberingRules("US"))

    def __contains__(self, text: str) -> bool:
        """Whether a number as it was written or dialled is one of them: "92025550999" is +1 202 555 0999."""
        if self.dialled is None or not text:
            return False
        return self.dialled.fullmatch(text) is not None or parse_dialled(text, self.numbering).e164 in self.e164


def own_numbers(texts: Iterable[str], numbering: NumberingRules, told: Iterable[str] = ()) -> OwnNumbers:
    """The account's own numbers.

    Args:
        texts: as a person wrote them.
        numbering: how the account's numbers are read.
        told: as the server tells them; what is no number there, such as an extension, does not matter here.

    Raises:
        UnusableFile: one of `texts` is not a phone number.
    """
    written = [parse_number(text, numbering) for text in texts]
    for number in written:
        if number.kind is not NumberKind.DIALABLE:
            raise UnusableFile(f"{number.text[:40]!r} is not a phone number in region {numbering.region}")
    known = (parse_number(text, numbering) for text in told)
    numbers = [*written, *(number for number in known if number.kind is NumberKind.DIALABLE)]
    if not numbers:
        return OwnNumbers(numbering=numbering)
    forms = "|".join(sorted({_forms(number) for number in numbers}))
    return OwnNumbers(frozenset(number.e164 for number in numbers), re.compile(rf"[0-9]?(?:{forms})"), numbering)


def _forms(number: PhoneNumber) -> str:
    return rf"(?:(?:00|011|0011)?{number.country_code}|0)?{re.escape(number.significant)}"
