"""Reads a call's log from the one text that `toolkit.call_text` wrote."""

import html
import re
from typing import Final

_FOLLOWING: Final = ("Summary", "Transcript", "campaign", "Call id")
"""Labels that may follow a note in the logs of the conformance suite."""

_NOTE: Final = re.compile(rf"\nNote: (.*?)(?=\n(?:{'|'.join(_FOLLOWING)}): |\Z)", re.DOTALL)
_BREAK: Final = re.compile(r"<br\s*/?>", re.IGNORECASE)
_TAG: Final = re.compile(r"<[^>]*>")


def readable(text: str) -> str:
    """HTML as a browser shows it, as far as line breaks and characters go. Tags are not shown."""
    return html.unescape(_TAG.sub("", _BREAK.sub("\n", text)))


def note_in(text: str) -> str:
    """The note in a readable body; empty where there is none."""
    found = _NOTE.search(text)
    return found[1] if found else ""
