"""Caller-ID names as carriers, phones and phone systems write them, row by row.

`caller_id_names.tsv` was rebuilt from public reports. `caller_id_names_by_class.tsv` has more of each class. Escapes in
them are those of JSON; `-` names no one, and `=` is the name as it is, without outer blanks.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from leadline_server.domain.caller_id import usable_name
from leadline_server.domain.numbers.phone_number import parse_number

DATA = Path(__file__).resolve().parent.parent / "data"
NUMBER = parse_number("+13035550123", "US")
CLASSES = (
    *("phrase", "spam", "language", "carrier", "number", "place", "padded"),
    *("label", "display", "person", "company"),
)


class Row(NamedTuple):
    kind: str
    name: str
    wanted: str | None


def plain(text: str) -> str:
    return text.encode("latin-1", "backslashreplace").decode("unicode_escape")


def rows(file: str) -> Iterator[Row]:
    for line in (DATA / file).read_text(encoding="utf-8").splitlines():
        if not line.startswith("# "):
            *kind, name, wanted = line.split("\t")
            as_is = {"-": None, "=": plain(name).strip()}
            yield Row("".join(kind), plain(name), as_is.get(wanted, plain(wanted)))


@pytest.mark.parametrize("row", list(rows("caller_id_names.tsv")), ids=lambda row: row.name)
def test_a_reported_name_is_read_right(row: Row) -> None:
    assert usable_name(row.name, NUMBER) == row.wanted


@pytest.mark.parametrize("kind", CLASSES)
def test_the_names_of_a_class_are_read_right(kind: str) -> None:
    of_class = [row for row in rows("caller_id_names_by_class.tsv") if row.kind == kind]
    assert len(of_class) >= 150
    read = {row.name: usable_name(row.name, NUMBER) for row in of_class}
    assert read == {row.name: row.wanted for row in of_class}


def test_every_class_of_the_file_is_tested() -> None:
    assert {row.kind for row in rows("caller_id_names_by_class.tsv")} == set(CLASSES)


def test_what_was_read_stays_as_it_is_when_it_is_read_again() -> None:
    for row in rows("caller_id_names_by_class.tsv"):
        if row.wanted is not None:
            assert usable_name(row.wanted, NUMBER) == row.wanted
