"""One word for one thing: no class name is defined twice, and replaced words do not come back. No file is too long.

A word is here only if it has one meaning in this code. `docs/glossary.md` has the words to use.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
SERVER: Final = "server/leadline_server/"
FOLDERS: Final = ("server", "tests", "docs", "tools", "examples", "protos", "clients/python/leadline")
KINDS: Final = {".py", ".md", ".proto", ".sql", ".toml"}

OLD_WORDS: Final[Mapping[str, str]] = {
    r"courier": "delivery worker",
    r"\berrands?\b|Errands?\b": "delivery attempt",
    r"\bdecider\b|Decider\b": "DecisionLoader",
    r"LogAgainst|log_against(?!`)": "Decision",
    r"\bStanding\b": "Decision",
    r"\bcarrier\b|\bcarried_until\b": "lease owner, lease_until",
    r"foret[oe]l[ld]": "previewed",
    r"AccountLines?\b|account_lines?\b": "AccountLimits",
    r"\bNotAsked\b": "RequestNotSent",
    r"GuardedCrm|guarded_crm": "CircuitBreakerCrm",
    r"AccountDirectory|account_directory": "AccountRegistry",
    r"\bManyRows\b|many_rows\b": "RowBatch",
    r"\bgathering\b": "batching",
    r"\bcomposing\b": "call_text",
    r"surroundings?\b|Surroundings": "AdapterContext, context",
    r"\bLosses\b": "KnownGaps",
    r"upkeep": "retention",
    r"\bsoundness\b": "integrity",
    r"\b(?:un)?seal(?:ed|ing)\b": "encrypted, token encryption",
    r"\bwrapping\b": "wrappers, stack",
    r"\bpacing\b": "rate limiter",
    r"\bprobing\b": "read_inline, trial request",
    r"crm[./]http\b(?!s)": "crm/declarative",
    r"crm[./]web\b": "crm/toolkit/http_client",
    r"transport[./]mapping\b": "wire",
}
"""Patterns of old words, and the words to use instead."""

ALLOWED: Final[Mapping[str, Mapping[str, str]]] = {
    r"\bcarrier\b|\bcarried_until\b": {
        "server/leadline_server/domain/": "a carrier is a telephone company there",
        "tests/unit/test_phone_number.py": "a carrier is a telephone company there",
        "tests/unit/test_caller_id": "a carrier is a telephone company there",
        "server/leadline_server/crm/embedded/contact_files/": "a carrier is a telephone company there",
        "docs/caller-id-names.md": "a carrier is a telephone company there",
    },
    r"courier": {"server/leadline_server/domain/company_words.py": "a trade, as companies name it"},
    r"\bwrapping\b": {"server/leadline_server/cli/session.py": "wrapping of text"},
    r"surroundings?\b|Surroundings": {"tests/unit/test_phone_number.py": "surrounding white space"},
}
"""Places where an old word is right, with the reason."""

MOST_LINES: Final = 300
"""The length of a file that a reader can keep in mind; see CONTRIBUTING.md."""

_CLASSES: Final = re.compile(r"^class ([A-Za-z]\w*)", re.MULTILINE)


def files() -> list[Path]:
    """The files that this test reads, without generated ones and without itself."""
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in KINDS]
    found += [*ROOT.glob("*.md"), ROOT / "Makefile", ROOT / "pyproject.toml"]
    return [
        path
        for path in found
        if "_pb2" not in path.name and "node_modules" not in path.parts and path != Path(__file__)
    ]


TEXTS: Final = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in files()}


def found(word: str) -> Iterator[str]:
    """Where an old word stands, as `path:line`."""
    excepted = tuple(ALLOWED.get(word, ()))
    for name, text in TEXTS.items():
        if not name.startswith(excepted):
            yield from (f"{name}:{text.count(chr(10), 0, match.start()) + 1}" for match in re.finditer(word, text))


@pytest.mark.parametrize("word", OLD_WORDS)
def test_a_word_that_was_replaced_does_not_come_back(word: str) -> None:
    assert list(found(word)) == [], f"write {OLD_WORDS[word]} instead"


def test_no_two_public_classes_of_the_server_have_the_same_name() -> None:
    places = defaultdict[str, list[str]](list)
    for path, text in TEXTS.items():
        for name in _CLASSES.findall(text) if path.startswith(SERVER) and path.endswith(".py") else ():
            places[name].append(path.removeprefix(SERVER))
    assert places["CallLog"] == ["domain/call_log.py"]
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}


def test_every_pattern_finds_its_word() -> None:
    examples = (
        "courier",
        "Errands",
        "Decider",
        "LogAgainst",
        "carried_until",
        "foretold",
        "AccountLine",
        "crm.composing",
    )
    assert all(any(re.search(word, example) for word in OLD_WORDS) for example in examples)
    assert not any(re.search(word, "a stopped worker, a rate limiter and a retention policy") for word in OLD_WORDS)


def test_no_file_is_too_long_to_be_read_at_once() -> None:
    files = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py") if "_pb2" not in file.name]
    assert len(files) > 1_000
    lengths = {str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines()) for file in files}
    assert {file: length for file, length in lengths.items() if length > MOST_LINES} == {}
