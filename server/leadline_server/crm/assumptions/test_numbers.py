"""Numbers for the contacts of a trial: those that a region keeps free for films where it has some.

Sources: NANPA ("555 line numbers"), Ofcom ("Telephone numbers for use in TV and radio drama programmes"), ACMA
("Phone numbers for use in radio, books, film and TV"), ARCEP (decision 2018-0881), Bundesnetzagentur
("Rufnummern fuer Medienproduktionen"), PTS ("Telefonnummer foer anvaendning i boecker och filmer").
"""

import secrets
from collections.abc import Mapping
from typing import Final

import phonenumbers

from leadline_server.crm.toolkit.number_forms import digit_groups
from leadline_server.domain.numbers.phone_number import NumberKind, PhoneNumber, parse_number

_FREE: Final[Mapping[str, tuple[str, int]]] = {
    "US": ("+120255501", 2),
    "CA": ("+161355501", 2),
    "GB": ("+447700900", 3),
    "AU": ("+6149157", 4),
    "FR": ("+331990000", 2),
    "DE": ("+493023125", 3),
    "SE": ("+4684650040", 1),
}
"""The beginning of the free numbers of a region, and how many digits follow."""

_ELSEWHERE: Final = "US"


def a_test_number(region: str) -> PhoneNumber:
    """A number that no one has, in the region's plan if that keeps such numbers; else one of North America."""
    beginning, digits = _FREE.get(region, _FREE[_ELSEWHERE])
    return parse_number(f"{beginning}{secrets.randbelow(10**digits):0{digits}}", region)


class _AsWritten(PhoneNumber):
    """A number whose E.164 form is a person's text, so an adapter stores that text."""

    __slots__ = ()

    @property
    def national(self) -> str:
        """The text too."""
        return self.text

    @property
    def country_code(self) -> str:
        """None is known."""
        return ""


def written(number: PhoneNumber, text: str) -> PhoneNumber:
    """The number as a person writes it: an adapter that stores its E.164 form stores `text` instead."""
    return _AsWritten(text, NumberKind.DIALABLE, text, number.significant)


def stored_forms(number: PhoneNumber) -> Mapping[str, str]:
    """The ways to write a number that mean the same everywhere, by name: `+49 30 23125123`, `0049...`."""
    parsed = phonenumbers.parse(number.e164)
    grouped = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    forms = {
        "in groups": grouped,
        "in groups with hyphens": grouped.replace(" ", "-"),
        "with 00": f"00{number.e164[1:]}",
        "national": phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL),
    }
    for groups in digit_groups(number)[1:2]:
        forms["as people group it"] = f"+{number.country_code} {' '.join(groups)}"
    return forms
