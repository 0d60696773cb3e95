"""Cells of CSV files that a spreadsheet would take for formulas.

A spreadsheet computes a cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return. Callers choose their
caller-ID names. So the name `=HYPERLINK("https://evil.example","Ada")` would run on the machine of the person who opens
the file (OWASP, "CSV Injection"). An apostrophe before the cell makes it a text. Numbers such as +12025550147 get it
too: without it a spreadsheet removes their plus.
"""

import re
from typing import Final

_FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")
_ESCAPED: Final = re.compile(r"''*[=+\-@\t\r]")


def escaped_cell(text: str) -> str:
    """The text of a cell, with an apostrophe in front if a spreadsheet would compute it. Example: `'+12025550147`."""
    return f"'{text}" if _FORMULA.match(text) else text


def unescaped_cell(text: str) -> str:
    """The text that `escaped_cell` was given. Every import of CSV reads its cells by it; `'t Hooft` stays."""
    return text[1:] if _ESCAPED.match(text) else text
