"""Numbers as people and CRMs write them, against the number of a call: two tables of pairs.

`data/numbers.tsv` was rebuilt from public reports with fictional data; `data/number_pairs.tsv` adds countries. A row
says that the stored text matches the asked number, and how.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from leadline_server.crm.embedded.rows import asked_keys, stored_keys
from leadline_server.domain.numbers.matching import key_asked_by, key_matched_by, match_kind
from leadline_server.domain.numbers.phone_number import NumberKind, parse_number

_DATA: Final = Path(__file__).parents[1] / "data"
_ESCAPES: Final = {"\\n": "\n", "\\t": "\t"}


class Pair(NamedTuple):
    case: str
    region: str
    stored: str
    asked: str
    want: str


def _unescaped(text: str) -> str:
    r"""`\n`, `\t` and `\uXXXX` are escapes."""
    return re.sub(r"\\u([0-9a-f]{4})|\\[nt]", lambda found: _ESCAPES.get(found[0]) or chr(int(found[1], 16)), text)


def _pairs(name: str) -> Iterator[Pair]:
    for line in (_DATA / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield Pair(*map(_unescaped, line.split("\t")))


REPORTED: Final = list(_pairs("numbers.tsv"))
OWN: Final = list(_pairs("number_pairs.tsv"))
PAIRS: Final = [pytest.param(pair, id=pair.case) for pair in REPORTED + OWN]


@pytest.mark.parametrize("pair", PAIRS)
def test_a_stored_text_matches_as_the_table_says(pair: Pair) -> None:
    kind = match_kind(parse_number(pair.asked, pair.region), pair.stored, pair.region)
    assert (kind is not None) if pair.want == "match" else (kind.name if kind else "none") == pair.want


@pytest.mark.parametrize("pair", PAIRS)
def test_what_matches_is_found_in_the_contact_book_and_by_its_key(pair: Pair) -> None:
    asked = parse_number(pair.asked, pair.region)
    if pair.want != "none":
        assert set(stored_keys(pair.stored, pair.region)) & set(asked_keys(asked))
        assert key_matched_by(pair.stored, pair.region) in (key_asked_by(asked), None)


@pytest.mark.parametrize("pair", PAIRS)
def test_a_new_contact_is_stored_under_the_digits_of_its_number(pair: Pair) -> None:
    for text in (pair.asked, pair.stored):
        number = parse_number(text, pair.region)
        if number.kind is NumberKind.DIALABLE and not number.extension:
            assert stored_keys(number.key, pair.region) == (number.significant,)


def test_the_tables_have_rows_enough_and_each_once() -> None:
    assert len(REPORTED) == 66
    assert len(OWN) >= 150
    assert len({pair.region for pair in OWN}) >= 25
    assert max(Counter(pair[1:] for pair in REPORTED + OWN).values()) == 1
