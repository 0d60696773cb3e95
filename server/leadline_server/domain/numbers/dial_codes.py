"""Codes that are dialled before a number and are no part of it: they hide or show the caller."""

from dataclasses import dataclass
from typing import Final

import phonenumbers


@dataclass(frozen=True, slots=True)
class DialCode:
    """A code that a whole number follows.

    Attributes:
        keys: what is dialled.
        region: where it is dialled; "1" for every region of the North American plan, empty for every region.
        source: who says so.
    """

    keys: str
    region: str
    source: str


_GSM: Final = "3GPP TS 22.030, Annex B: supplementary service codes of calling line identification restriction"
_OFCOM: Final = "Ofcom, National Telephone Numbering Plan: access codes to withhold and to release the caller's number"
_NORTH_AMERICA: Final = "North American Numbering Plan Administrator, vertical service codes"

DIAL_CODES: Final = (
    DialCode("*67", "1", _NORTH_AMERICA),
    DialCode("*82", "1", _NORTH_AMERICA),
    DialCode("141", "GB", _OFCOM),
    DialCode("1470", "GB", _OFCOM),
    DialCode("#31#", "", _GSM),
    DialCode("*31#", "", _GSM),
)
"""The known codes. A number behind one is read as if the code was not there."""


def after_dial_code(dialled: str, region: str) -> str:
    """The keys behind a code that is known in the region; empty where there is none, or nothing behind it."""
    for code in DIAL_CODES:
        if dialled.startswith(code.keys) and _is_known_in(code, region):
            return dialled[len(code.keys) :].lstrip("*#")
    return ""


def _is_known_in(code: DialCode, region: str) -> bool:
    if code.region in {"", region}:
        return True
    return code.region == str(phonenumbers.country_code_for_region(region) or "")
