"""The commands of documents, and what they are shown to print.

A `text` or `json` block right below a `sh` block is what its commands print; `...` in it stands for anything. A comment
right above a `sh` block, such as `<!-- dry -->`, is its mark.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]

_BLOCK: Final = re.compile(
    r"(?:^<!-- (?P<mark>[^>\n]+) -->\n)?^```sh\n(?P<script>.*?)^```\n(?:^```(?:text|json)\n(?P<shown>.*?)^```\n)?",
    re.MULTILINE | re.DOTALL,
)
_SECTION: Final = re.compile(r"^## (.+)\n", re.MULTILINE)
_FRAMES: Final = re.compile(r"[\s│┃┏┓┗┛┡┩└┘┌┐├┤┬┴┼╇╈┳┻━─]+")


@dataclass(frozen=True)
class Step:
    """A `sh` block of a document: its line, its commands, what they are shown to print, and how it is marked."""

    line: int
    script: str
    shown: str
    mark: str


def steps(document: str) -> list[Step]:
    """The `sh` blocks of a document, from the top."""
    return list(_steps((ROOT / document).read_text(encoding="utf-8")))


def sections(document: str) -> Mapping[str, list[Step]]:
    """The `sh` blocks under each heading of the second level that has any."""
    parts = _SECTION.split((ROOT / document).read_text(encoding="utf-8"))
    found, line = dict[str, list[Step]](), parts[0].count("\n")
    for heading, text in zip(parts[1::2], parts[2::2], strict=True):
        line += 1
        found[heading] = list(_steps(text, line))
        line += text.count("\n")
    return {heading: blocks for heading, blocks in found.items() if blocks}


def _steps(text: str, before: int = 0) -> Iterator[Step]:
    for found in _BLOCK.finditer(text):
        line = before + text.count("\n", 0, found.start()) + 1
        yield Step(line, found["script"], found["shown"] or "", found["mark"] or "")


def is_shown(printed: str, shown: str) -> bool:
    """Whether `shown` is what was printed, up to its `...`, line breaks, and the frames of tables."""
    parts = [re.escape(_plain(part)) for part in shown.split("...")]
    return re.fullmatch(r"\s*" + ".*".join(parts) + r"\s*", _plain(printed), re.DOTALL) is not None


def _plain(text: str) -> str:
    return _FRAMES.sub("", text)
