"""Count hard-to-read constructions in docstrings, comments and documents, per 1,000 words of each room.

CONTRIBUTING.md says how this project writes. This check knows a few constructions that made earlier texts hard to read.
It ends with 1 if a room has more than LIMIT of them per 1,000 words. `--show ROOM` prints each place.
"""

import argparse
import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
SERVER: Final = ROOT / "server" / "leadline_server"
LIMIT: Final = 0.3
_CELL: Final = "\x1f"  # between the cells of a table
_GENERATED: Final = ROOT / "clients" / "python" / "leadline"

CONSTRUCTIONS: Final[Mapping[str, re.Pattern[str]]] = {
    "whoever, whom": re.compile(r"\b(?:whoever|whomever|whom)\b", re.IGNORECASE),
    "nobody, somebody": re.compile(r"\b(?:nobody|somebody|anybody|everybody)\b", re.IGNORECASE),
    "what ... is ... is": re.compile(
        r"\bwhat (?:[\w'-]+ ){0,6}(?:is|are|was|were|has|had|does) (?:[\w'-]+ ){0,8}(?:is|are|was|were) ", re.IGNORECASE
    ),
    "a statement that begins with What": re.compile(r"(?:(?<=^)|(?<=[.!?:] ))What\b[^.?!]*[.!](?=\s|$)", re.MULTILINE),
    "for, as in because": re.compile(r"[,;] for (?:it|they|there|this|that|these|those|none|no|nothing|we|you) "),
    "as long as": re.compile(r"(?<!times )\bas long as\b", re.IGNORECASE),
    "it is what, that is what": re.compile(r"\b(?:it|that|this) is (?:what|who|why|how|where)\b", re.IGNORECASE),
}

_TESTS: Final = ("bench", "support", "transport")
"""Folders of tests/ that are rooms of their own."""

NOT_YET: Final[Mapping[str, str]] = {}
"""Rooms that are over the limit, and why they may be. Remove a room when its texts are rewritten."""


@dataclass(frozen=True, slots=True)
class Place:
    """A construction that was found: where, which, and its words."""

    path: Path
    line: int
    name: str
    words: str


@dataclass(slots=True)
class Room:
    """The texts of one folder: how many words they have, and the constructions in them."""

    words: int
    places: list[Place]

    @property
    def rate(self) -> float:
        """Constructions per 1,000 words."""
        return 1_000 * len(self.places) / max(self.words, 1)


def rooms() -> Mapping[str, list[Path]]:
    """The files of each room, such as `delivery` or `docs`."""
    tests = ROOT / "tests"
    found = {
        "docs": [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")],
        "protos": [*(ROOT / "protos").rglob("*.proto")],
        "clients": [path for path in _GENERATED.rglob("*.py") if not re.search(r"_pb2(?:_grpc)?\.py$", path.name)],
        "examples": [*(ROOT / "examples").rglob("*.py")],
        "tools": [*(ROOT / "tools").glob("*.py")],
        "tests": [path for path in tests.rglob("*.py") if path.relative_to(tests).parts[0] not in _TESTS],
        **{f"tests/{name}": [*(tests / name).rglob("*.py")] for name in _TESTS},
        "the server's own files": [*SERVER.glob("*.py")],
    }
    folders = sorted(path for path in SERVER.iterdir() if path.is_dir() and (path / "__init__.py").exists())
    return found | {folder.name: [*folder.rglob("*.py")] for folder in folders}


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """The texts for people in a file, each with the number of its first line."""
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        tree = ast.parse(source)
        yield from _docstrings(tree)
        yield from _descriptions(tree)
        yield from _comments(source)
    elif path.suffix == ".proto":
        for number, text in enumerate(source.splitlines(), start=1):
            if "//" in text:
                yield number, text.partition("//")[2].strip()
    else:
        yield from _paragraphs(source)


def _docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        body = getattr(node, "body", ())
        for part in body if isinstance(body, list) else ():
            is_text = isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant)
            if is_text and isinstance(part.value.value, str):
                yield from _split(part.value.value, part.lineno)


def _descriptions(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The help of options, and the descriptions of settings: from them documents are generated."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in {"help", "description"}:
            for part in ast.walk(node.value):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield from _split(part.value, part.lineno)


def _comments(source: str) -> Iterator[tuple[int, str]]:
    """Comments, those on lines that follow each other as one text."""
    start, lines, last = 0, list[str](), -1
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            if token.start[0] != last + 1:
                yield from _split("\n".join(lines), start)
                start, lines = token.start[0], []
            lines.append(re.sub(r"(?:noqa|type: ignore)[^-]*(?:-|$)", "", token.string.lstrip("# ")))
            last = token.start[0]
    yield from _split("\n".join(lines), start)


def _paragraphs(source: str) -> Iterator[tuple[int, str]]:
    """The text of a Markdown file without code, generated parts, and examples of bad style (`prose: off` to `on`)."""
    skipped = r"^```.*?^```|^<!-- prose: off -->.*?^<!-- prose: on -->|^<!-- \w+: generated.*?^<!-- \w+: end -->"
    without = re.sub(skipped, lambda block: "\n" * block[0].count("\n"), source, flags=re.MULTILINE | re.DOTALL)
    yield from _split(re.sub(r"<!--.*?-->", "", without).replace(" | ", _CELL), 1)


def _split(text: str, line: int) -> Iterator[tuple[int, str]]:
    """Paragraphs, each as one line. Code in backticks is one word."""
    plain = re.sub(r"`[^`\n]*`", "CODE", text)
    for part in re.finditer(rf"[^\s{_CELL}](?:[^\n{_CELL}]|\n(?!\s*\n|\s*[-*] |\|))*", plain):
        yield line + plain.count("\n", 0, part.start()), " ".join(part[0].split())


def found_in(text: str) -> Iterator[tuple[str, str]]:
    """Each construction in a text, with its words."""
    for name, pattern in CONSTRUCTIONS.items():
        for match in pattern.finditer(text):
            yield name, match[0]


def measured(paths: list[Path]) -> Room:
    """The words and constructions of some files."""
    room = Room(0, [])
    for path in paths:
        for line, text in texts(path):
            room.words += len(text.split())
            room.places += [Place(path, line, name, words) for name, words in found_in(text)]
    return room


def main() -> int:
    """Print a row for each room; returns 1 if one is over the limit."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--show", metavar="ROOM", help="print the places of one room")
    shown = parser.parse_args().show
    bad = False
    for name, paths in rooms().items():
        room = measured(paths)
        is_over = room.rate > LIMIT
        remark = f"allowed: {NOT_YET[name]}" if name in NOT_YET else "TOO MANY" if is_over else ""
        bad |= is_over and name not in NOT_YET
        print(f"{name:<24} {room.words:>7,} words  {len(room.places):>4} found  {room.rate:5.2f}  {remark}".rstrip())
        for place in room.places if name == shown else ():
            print(f"  {place.path.relative_to(ROOT)}:{place.line}: {place.name}: {place.words[:90]}")
    if bad:
        print(f"A room may have {LIMIT} per 1,000 words. `tools/prose.py --show ROOM` names the places.")
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
