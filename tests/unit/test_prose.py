"""The prose check finds the constructions that it names, and passes over code."""

from pathlib import Path

import prose
import pytest


def names(text: str) -> list[str]:
    return [name for name, _ in prose.found_in(text)]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Whoever has lost the lease may only tell a fact.", "whoever, whom"),
        ("Nobody carries the call.", "nobody, somebody"),
        ("This is about what the CRM has is what counts.", "what ... is ... is"),
        ("It ends. What nobody answers waits.", "a statement that begins with What"),
        ("Wait a moment, for it may come back.", "for, as in because"),
        ("It holds as long as the lease does.", "as long as"),
        ("That is why it waits.", "it is what, that is what"),
    ],
)
def test_each_construction_is_found(text: str, name: str) -> None:
    assert name in names(text)


@pytest.mark.parametrize(
    "text",
    [
        "What happens then? The call waits.",
        "The worker waits for the lease. It asks for no other.",
        "If no process delivers the call, its next attempt is already scheduled.",
    ],
)
def test_plain_sentences_pass(text: str) -> None:
    assert names(text) == []


def test_docstrings_and_comments_are_read_and_code_is_not(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text('"""Nobody is `whoever`."""\n\nnobody = "whom"  # somebody\n', encoding="utf-8")
    room = prose.measured([file])
    assert [(place.line, place.words) for place in room.places] == [(1, "Nobody"), (3, "somebody")]


def test_the_text_of_a_document_is_read_without_its_code_blocks(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text("# Page\n\n```sh\necho nobody\n```\n\nEverybody\nwaits.\n", encoding="utf-8")
    [place] = prose.measured([file]).places
    assert (place.line, place.words) == (7, "Everybody")


def test_a_rate_is_per_thousand_words() -> None:
    place = prose.Place(Path("x"), 1, "as long as", "as long as")
    assert prose.Room(2_000, [place]).rate == 0.5


def test_every_room_has_texts() -> None:
    assert all(paths for paths in prose.rooms().values())
    assert {"cli", "docs", "tests"} <= prose.rooms().keys()
