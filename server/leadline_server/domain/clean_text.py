"""Removes harmful characters from the texts of CRMs and files.

These characters are harmful:

- the control characters C0 and C1: NUL, and the escape sequences of terminals;
- those that embed, override or isolate the direction of writing: with U+202E, `evil.gpj` can be shown as `evil.jpg`
  (Unicode Technical Report 36, section 2.5);
- line and paragraph separators;
- unpaired surrogates, which have no UTF-8.

Names of people need joiners, and the marks of direction U+200E, U+200F and U+061C. These stay.
"""

import re
import unicodedata
from typing import Final

_HARMFUL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_LAYOUT: Final = frozenset("\t\n\r")
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


def cleaned(text: str) -> str:
    r"""A name, an address or a sentence in one line. Example: `Ada\x1b[2J\nLovelace` becomes `Ada[2J Lovelace`.

    Line ends and tabs become spaces. U+FFFD replaces an unpaired surrogate. The other harmful characters go.
    """
    if text.isprintable():  # it has no character that this function changes; most texts are so
        return text
    return _HARMFUL.sub(_cleaned, text).strip()


def cleaned_lines(text: str) -> str:
    """A text of several lines. As `cleaned`, but line feeds, carriage returns and tabs stay."""
    if text.isprintable():
        return text
    return _HARMFUL.sub(lambda match: match[0] if match[0] in _LAYOUT else _cleaned(match), text)


def marked(text: str) -> str:
    """The text for a terminal: U+FFFD replaces each harmful character but line feeds, so that a reader sees them."""
    if text.isprintable():
        return text
    return _HARMFUL.sub(lambda match: match[0] if match[0] == "\n" else _REPLACEMENT, text)


def cleaned_id(text: str) -> str:
    """An id in which U+FFFD replaces each character that `is_safe_id` refuses.

    No character is removed: the ids of two contacts that differ by U+202E alone must not become one.
    """
    if text.isprintable():
        return text
    return "".join(_REPLACEMENT if _is_refused(character) else character for character in text)


def is_safe_id(text: str) -> bool:
    """Whether an id has neither control characters nor format characters (the Unicode category Cf).

    Format characters are invisible: with them two ids look alike.
    """
    return text.isprintable() or not any(map(_is_refused, text))


def _cleaned(match: re.Match[str]) -> str:
    character = match[0]
    if character.isspace():
        return " "
    return _REPLACEMENT if unicodedata.category(character) == "Cs" else ""


def _is_refused(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
