"""Caller-ID names: which of them name somebody.

Carriers fill the name of a caller they do not know with a placeholder, the number, or the place the number belongs to.
None of these may become a contact's name. North American caller-ID names (CNAM) hold 15 characters, in capitals.
"""

import re
import unicodedata

from leadline_server.domain.numbers.phone_number import NumberKind, PhoneNumber, parse_number
from leadline_server.domain.places import is_place, is_state_code

MAX_NAME = 128
"""Characters of a name that are kept."""

_CNAM_LENGTH = 15
_NUMBER_DIGITS = 7  # a name with as many digits holds a number ...
_NAME_LETTERS = 4  # ... and somebody's name too, if as many letters are left without the words below
_NO_REGION = "ZZ"

# Beyond the words of a withheld number. What carriers' name services and handsets' spam filters are seen to send.
_PLACEHOLDERS = frozenset(
    placeholder
    for line in (
        "wireless caller|wireless call|wireless phone|wireless|cell phone|cellphone|cellular call|cellular caller",
        "cellular|mobile caller|mobile call|mobile phone|mobile number|mobile|cell|landline|pay phone|payphone",
        "voip caller|voip call|toll free call|toll free caller|toll free number|toll free|tollfree|800 service",
        "800 number|caller|incoming|outgoing|incoming call|outgoing call|inbound call|outbound call|incoming caller",
        "call|phone call|caller id|callerid|phone|no name|name unavailable|name unknown|unknown name|name",
        "no caller name|no name available|name not available|no cnam|cnam|cnam unavailable|caller unknown",
        "unknown person|unnamed|noname|not provided|not found|out of area call|international|international call",
        "international caller|long distance|private name|private no|id withheld|id blocked|do not disturb|spam",
        "spam risk|spam call|spam caller|spam likely|likely spam|potential spam|suspected spam|possible spam",
        "scam likely|scam|scam risk|scam call|likely scam|potential scam|potential fraud|fraud risk|fraud|robocall",
        "robocaller|robo caller|telemarketer|telemarketing|nuisance|nuisance likely|potential nuisance",
        "suspected telemarketer|verified caller|asterisk|freepbx|freeswitch|fusionpbx|3cx|voip|device|extension|ext",
        "new caller|valid number|verified|unassigned|unassigned number|united states|usa|canada|anonymous caller",
        "caller id unavailable",
    )
    for placeholder in line.split("|")
)
_CUT_PLACEHOLDERS = frozenset(each[:_CNAM_LENGTH].strip() for each in _PLACEHOLDERS if len(each) > _CNAM_LENGTH)
# What may stand around a number without making it a name.
_AROUND_NUMBERS = frozenset(
    ["call", "caller", "from", "incoming", "phone", "tel", "telephone", "number", "no", "mobile", "cell", "ext"]
)

_QUOTES = " \"'`\u00b4\u00ab\u00bb\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2039\u203a"
_URI = re.compile(r"(?:^|[\s<])(?:sips?|tel|callto|urn|https?):\S", re.IGNORECASE)
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")
_MASKED = re.compile(r"[Xx*#\d\s().+\-]+")


def usable_name(name: str | None, number: PhoneNumber) -> str | None:
    """Clean a caller-ID name, or answer None where it names nobody.

    Whitespace is collapsed, quotes around the name and control characters are dropped, at most 128 characters are kept.
    Nobody is named by: a text without any letter; the number in any written form, or a text that is mostly a number; an
    address (`sip:...`); a carrier's placeholder, also cut to 15 characters or with a state after it ("CELL PHONE MA");
    a place (see `places.is_place`).

    Args:
        name: the caller-ID name as the phone system reports it.
        number: the number of the same party.
    """
    cleaned = _clean(name or "")
    if not any(char.isalpha() for char in cleaned):
        return None
    if _is_number(cleaned, number) or _is_placeholder(cleaned) or is_place(cleaned):
        return None
    return cleaned


def _clean(name: str) -> str:
    """Controls become spaces; invisible marks go, but for the joiners that Persian and Indic names and emoji need."""
    chars = []
    for char in unicodedata.normalize("NFC", name[: 4 * MAX_NAME]):
        category = unicodedata.category(char)
        if category in {"Cc", "Zl", "Zp"}:
            chars.append(" ")
        elif category not in {"Cf", "Cs"} or char in "\u200c\u200d":
            chars.append(char)
    collapsed = " ".join("".join(chars).split()).strip(_QUOTES)
    return collapsed[:MAX_NAME].rstrip()


def _is_number(name: str, number: PhoneNumber) -> bool:
    if name.casefold() == number.text.strip().casefold() or _URI.search(name) or _MASKED.fullmatch(name):
        return True
    if parse_number(name, _NO_REGION).kind is not NumberKind.UNUSABLE:  # "Anonymous" is a withheld number
        return True
    digits = sum(char.isdecimal() for char in name)
    words = [word for word in _NOT_ALPHANUMERIC.sub(" ", name).casefold().split() if word not in _AROUND_NUMBERS]
    letters = sum(char.isalpha() for word in words for char in word)
    return digits >= _NUMBER_DIGITS and letters < _NAME_LETTERS


def _is_placeholder(name: str) -> bool:
    words = _NOT_ALPHANUMERIC.sub(" ", name).casefold().split()
    if len(words) > 1 and is_state_code(words[-1]) and " ".join(words[:-1]) in _PLACEHOLDERS:
        return True
    key = " ".join(words)
    return key in _PLACEHOLDERS or (len(name) == _CNAM_LENGTH and key in _CUT_PLACEHOLDERS)
