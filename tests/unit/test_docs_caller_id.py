"""What docs/caller-id-names.md says of names is so."""

import re
from collections.abc import Iterator

import pytest
from leadline_server.domain.caller_id import usable_name
from leadline_server.domain.name_format import formatted
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.domain.preferences import PlaceholderNameFormat
from unit.test_docs import text

DOCUMENT = "docs/caller-id-names.md"
NUMBER = parse_number("+13035550123", "US")


def section(title: str) -> str:
    return text(DOCUMENT).partition(f"## {title}\n")[2].partition("\n## ")[0]


def spans(cell: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", cell)


def cells(title: str) -> Iterator[list[str]]:
    rows = [line.strip("|").split("|") for line in section(title).splitlines() if line.startswith("| `")]
    assert rows
    yield from ([cell.strip() for cell in row] for row in rows)


def test_what_is_taken_off_is_taken_off() -> None:
    for reported, name, _ in cells("What is taken off"):
        assert [usable_name(each, NUMBER) for each in spans(reported)] == spans(name) * len(spans(reported))


def test_what_names_no_one_names_no_one() -> None:
    for reported, _ in cells("What names no one"):
        assert {each: usable_name(each, NUMBER) for each in spans(reported)} == dict.fromkeys(spans(reported))


@pytest.mark.parametrize(
    ("region", "names"),
    [
        ("US", ["WARREN MD", "SMITH AL", "DOE JANE PA", "FORD MOTOR CO", "CHECK IN", "HILTON DENVER CO", "Georgia"]),
        ("US", ["BALTIMORE", "JORDAN", "Private Label LLC", "BELL", "ROGERS", "GOOGLE", "FIDO", "test", "sipuser"]),
        ("SE", ["LINDHOLM AB"]),
    ],
)
def test_what_stays_a_name_is_kept(region: str, names: list[str]) -> None:
    number = {"US": NUMBER, "SE": parse_number("+46850550123", "SE")}[region]
    assert set(names) <= set(spans(re.sub(r"```.*?```", "", text(DOCUMENT), flags=re.DOTALL)))
    assert [usable_name(name, number) for name in names] == names


def test_names_are_written_as_the_table_says() -> None:
    for reported, *written in cells("How it is written"):
        [name] = spans(reported)
        assert [[formatted(name, how, "US")] for how in PlaceholderNameFormat] == [spans(cell) for cell in written]
