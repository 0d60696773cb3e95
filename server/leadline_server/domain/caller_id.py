"""Caller-ID names: which of them name the caller, and how.

Carriers fill the name of a caller they do not know with a placeholder, the number, or the place the number belongs to.
None of these may become a contact's name. North American caller-ID names (CNAM) hold 15 characters, in capitals. Phone
systems put labels, quotes and addresses around a name, and encode it; these are taken off.
"""

import re
from collections.abc import Sequence

from leadline_server.domain.call_labels import is_label, is_only_label, without_label, without_prefix
from leadline_server.domain.caller_phrases import names_no_one
from leadline_server.domain.display_name import decoded, unquoted, without_address, words_of
from leadline_server.domain.numbers.phone_number import NumberKind, PhoneNumber, parse_number
from leadline_server.domain.towns import is_padded_place, is_place, is_state_code

MAX_NAME = 128
"""Characters of a name that are kept."""

MAX_PREFIXES = 100
"""Prefixes of an account that are looked for: `AccountSettings.caller_id_prefixes`."""

_MAX_READ = 2 * MAX_NAME  # characters that are looked at; the contract allows as many
_MAX_LAYERS = 12  # labels, quotes and encodings around one name

_NUMBER_DIGITS = 7  # a text with as many digits holds a number ...
_NAME_LETTERS = 4  # ... and a name too, if as many letters are left without the words below
_WHOLE_NUMBER_DIGITS, _MAX_NUMBER_DIGITS = 10, 15
_NO_REGION = "ZZ"
_CODES_OF_PLACES = frozenset(["1", "52"])  # country codes of the United States, Canada and the Caribbean; of Mexico

# Words that may stand around a number without making it a name.
_AROUND_NUMBERS = frozenset(
    ["call", "caller", "from", "incoming", "phone", "tel", "telephone", "number", "no", "mobile", "cell", "ext"]
)

_URI = re.compile(r"(?:^|[\s<])(?:sips?|tel|callto|urn|https?):\S", re.IGNORECASE)
_AT_HOST = re.compile(r"([^\s@]+)@[\w.\-]+(?:[;:]\S*)?")
_CHANNEL = re.compile(r"(?:PJSIP|SIP|IAX2|DAHDI|SCCP|Local|Zap|Skinny|Agent)/\S+", re.IGNORECASE)
_MASKED = re.compile(r"[Xx*#\d\s().+\-]+")
_PHONE = r"\+?[\d(][\d\s().\-/]{5,24}\d"
_NUMBER_AFTER = re.compile(rf"(.*[^\W\d_][^\w(+]*)[\s(\[:,/\-]({_PHONE})[)\]]?", re.DOTALL)
_NUMBER_BEFORE = re.compile(rf"[(\[]?({_PHONE})[)\]]?([\s\]):,/\-]+.*[^\W\d_].*)", re.DOTALL)
_LOCAL_NUMBER = re.compile(r"(?:.*\D)?\d{3}[\s.\-]\d{4}")


def usable_name(name: str | None, number: PhoneNumber, prefixes: Sequence[str] = ()) -> str | None:
    """Clean a caller-ID name, or answer None where it names no one.

    Encodings, escapes, quotes, an address or number beside the name, and the labels of phone systems are taken off:
    `SALES:"Jane Roe" <sip:+13035550123@pbx.example.com>` is `Jane Roe`. Blanks are collapsed, control characters are
    dropped, at most 128 characters are kept.

    No one is named by: a text without any letter, or a single Latin one (`P`, `O`); the number in any written form, or
    a text that is mostly a number; an address (`sip:...`); a phrase for an unknown caller, a carrier or a device, also
    cut to 15 characters or with a state after it (see `caller_phrases`); a place (see `towns`); a name whose letters
    are lost (`M?ller`).

    Args:
        name: the caller-ID name as the phone system reports it.
        number: the number of the same party.
        prefixes: labels that the account's phone system puts before names (`AccountSettings.caller_id_prefixes`).
    """
    longest_first = sorted(prefixes[:MAX_PREFIXES], key=len, reverse=True)
    text = _bare((name or "")[:_MAX_READ], number, longest_first)
    if text is None or is_padded_place(text):
        return None
    collapsed = _collapsed(text)
    cleaned = text if collapsed == text else _bare(collapsed, number, longest_first)
    # The phrases first: most callers without a contact have one, and it is known from `_bare`.
    if cleaned is None or _is_placeholder(cleaned) or _is_too_little(cleaned) or _is_number(cleaned, number):
        return None
    is_american = number.country_code in _CODES_OF_PLACES
    return None if is_place(cleaned, is_american=is_american) else cleaned


def _bare(text: str, number: PhoneNumber, prefixes: Sequence[str]) -> str | None:
    """The text without anything around the name; None where letters are lost, or the layers never end.

    Blanks are collapsed only if they are so already: a place in fixed columns is known by them.
    """
    is_collapsed = text == _collapsed(text)
    for _ in range(_MAX_LAYERS):
        inner = _without_layer(text, number, prefixes)
        if inner is not None and is_collapsed:
            inner = _collapsed(inner)
        if inner is None or inner == text:
            return inner
        text = inner
    return None


def _without_layer(text: str, number: PhoneNumber, prefixes: Sequence[str]) -> str | None:
    readable = decoded(text)
    if readable is None:
        return None
    display = without_prefix(without_address(readable), prefixes)
    if is_only_label(display):
        return ""
    labelled = unquoted(display)
    if names_no_one(labelled):  # "Spam - Suspected" is a phrase, not a label with a name
        return labelled
    return _without_number(without_label(labelled), number).strip()


def _collapsed(text: str) -> str:
    return " ".join(text.split())[:MAX_NAME].rstrip()


def _without_number(text: str, number: PhoneNumber) -> str:
    """The name of `Jane Roe (303) 555-0123`; empty where only words such as "call from" are beside the number."""
    if _URI.search(text):
        return text
    after, before = _NUMBER_AFTER.fullmatch(text), _NUMBER_BEFORE.fullmatch(text)
    if after is not None and _is_whole(after[2], number):
        rest = text[: after.start(2)].rstrip(" ([,;/-")
    elif before is not None and _is_whole(before[1], number):
        rest = before[2].lstrip(" )],;:/-")
    else:
        return text
    is_state = rest.isupper() and is_state_code(rest)
    return "" if is_state or is_label(rest) or _AROUND_NUMBERS.issuperset(words_of(rest)) else rest


def _is_whole(written: str, number: PhoneNumber) -> bool:
    """Whether digits beside a name are a phone number, not a shop's: the caller's own, ten digits, or `555-0123`."""
    digits = "".join(char for char in written if char.isdecimal())
    if not _NUMBER_DIGITS <= len(digits) <= _MAX_NUMBER_DIGITS:
        return False
    is_own = number.e164.endswith(digits)
    return is_own or len(digits) >= _WHOLE_NUMBER_DIGITS or _LOCAL_NUMBER.fullmatch(written) is not None


def _is_too_little(name: str) -> bool:
    """No letter at all, or a single Latin one: P (private), O (out of area), U (unavailable)."""
    words = words_of(name)
    is_letter = len(words) == 1 and len(words[0]) == 1 and words[0].isascii()
    return is_letter or not any(char.isalpha() for char in name)


def _is_number(name: str, number: PhoneNumber) -> bool:
    """Whether it is a number, an address, a channel of the phone system, or mostly digits (`V0303123456789A`)."""
    if name.casefold() == number.text.strip().casefold() or _URI.search(name) or _MASKED.fullmatch(name):
        return True
    user = _AT_HOST.fullmatch(name)
    if user is not None and (names_no_one(user[1]) or _is_number(user[1], number)):
        return True
    if _CHANNEL.fullmatch(name) or parse_number(name, _NO_REGION).kind is not NumberKind.UNUSABLE:
        return True  # "Anonymous" is a withheld number
    if sum(map(str.isdecimal, name)) < _NUMBER_DIGITS:
        return False
    words = [word for word in words_of(name) if word not in _AROUND_NUMBERS]
    return sum(char.isalpha() for word in words for char in word) < _NAME_LETTERS


def _is_placeholder(name: str) -> bool:
    """Whether it is a phrase for an unknown caller, also with the state of the number after it (`CELL PHONE MA`)."""
    head, _, last = name.rpartition(" ")
    return names_no_one(name) or (is_state_code(last) and names_no_one(head.strip(" ,-")))
