"""The tables of docs/numbers.md are those of the code."""

from pathlib import Path
from typing import Final

import pytest
from leadline_server.domain.numbers.dial_codes import DIAL_CODES
from leadline_server.domain.numbers.short_numbers import SERVICE_RANGES
from leadline_server.domain.numbers.spelling_rules import RULES

_LINES: Final = (Path(__file__).parents[2] / "docs" / "numbers.md").read_text(encoding="utf-8").splitlines()
_WHERE: Final = {"1": "North America", "": "everywhere"}


def _pattern(text: str) -> str:
    return f"`{text.strip().replace('|', chr(92) + '|')}`"


ROWS: Final = [
    *(
        f"| {rule.country_code} | {_pattern(f'{rule.head}{rule.old} {rule.tail}')} |"
        f" {_pattern(f'{rule.head}{rule.new} {rule.tail}')}{'' if rule.gives_identity else ' (NATIONAL)'} |"
        f" {rule.source} |"
        for rule in RULES
    ),
    *(f"| {each.region} | {_pattern(each.pattern)} | {each.source} |" for each in SERVICE_RANGES),
    *(f"| `{code.keys}` | {_WHERE.get(code.region, code.region)} | {code.source} |" for code in DIAL_CODES),
]


@pytest.mark.parametrize("row", ROWS)
def test_a_row_of_the_code_is_in_the_document(row: str) -> None:
    assert row in _LINES


def test_the_document_has_no_other_rows() -> None:
    tables = [line for line in _LINES if line.startswith("| ") and "---" not in line]
    headers = [line for line in tables if line.endswith("| Source |")]
    assert sorted(set(tables) - set(headers)) == sorted(ROWS)
