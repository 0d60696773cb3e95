"""A cell that names one side of a call: `Roe Jane (2025550601)`, `"Ada Example" <2125550123>`, 2025550601."""

import re
from typing import Final

_NAME_AND_NUMBER: Final = re.compile(
    r"""\s*["']?(?P<name>[^<>]*?[^\W\d_][^<>]*?)["']?\s*[(<\[]\s*(?P<number>[+*#]?[\d][^()<>\[\]]*)[)>\]]\s*"""
)
_NUMBER_ALONE: Final = re.compile(r"\s*[(<\[]\s*(?P<number>[+*#]?\d[\d\s./-]*)[)>\]]\s*")


def read_party(text: str) -> tuple[str, str]:
    """Name and number of a cell; a text that has no number in brackets is the number, as it stands."""
    match = _NAME_AND_NUMBER.fullmatch(text) if len(text) <= 512 else None  # noqa: PLR2004 longer ones are no parties
    if match is not None:
        return match["name"].strip(), match["number"].strip()
    alone = _NUMBER_ALONE.fullmatch(text)
    return ("", alone["number"].strip()) if alone is not None else ("", text.strip())
