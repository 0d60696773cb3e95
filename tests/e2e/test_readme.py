"""The documents' examples, run as a reader would: the `sh` blocks of a document, in order, against one fresh server.

A `text` or `json` block right below a `sh` block is what its commands print; `...` in it stands for anything. A block
under the comment `<!-- dry -->` goes on until it is stopped, or takes minutes: make only says what it would do. One under
`<!-- not run -->` needs what a test does not have, such as root or systemd.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from support.servers import ServerProcess, environment, server_process

ROOT: Final = Path(__file__).resolve().parents[2]
DOCUMENTS: Final = ("README.md", "docs/flow.md", "docs/preferences.md", "docs/errors.md", "docs/operations.md")
_SECONDS: Final = 120.0

_BLOCK: Final = re.compile(
    r"(?:^<!-- (?P<mark>dry|not run) -->\n)?^```sh\n(?P<script>.*?)^```\n(?:^```(?:text|json)\n(?P<shown>.*?)^```\n)?",
    re.MULTILINE | re.DOTALL,
)
_FRAMES: Final = re.compile(r"[\s│┃┏┓┗┛┡┩└┘┌┐├┤┬┴┼╇╈┳┻━─]+")


@dataclass(frozen=True)
class Step:
    """A `sh` block of a document: its line, its commands, what they are shown to print, and how it is marked."""

    line: int
    script: str
    shown: str
    mark: str


@dataclass(frozen=True)
class Desk:
    """A reader's working directory: the repository, with a `data` folder and whatever is written kept out of it."""

    folder: Path
    server: ServerProcess

    def run(self, script: str) -> str:
        """What the commands print, on standard output and standard error, with the addresses as documented."""
        script = script.replace("127.0.0.1:50051", self.server.address)
        script = script.replace("127.0.0.1:9464", self.server.metrics_address)
        # What is installed is what is tested: make must not set up .venv in the middle of its own tests.
        script = re.sub(r"^make ", "make -o .venv/server -o .venv/dev ", script, flags=re.MULTILINE)
        done = subprocess.run(
            ["bash", "-u", "-o", "pipefail", "-c", script],
            cwd=self.folder,
            env=environment({"TMPDIR": str(self.folder)}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        printed = done.stdout.replace(self.server.address, "127.0.0.1:50051").replace(f"{self.folder}/", "")
        assert done.returncode == 0 or printed.startswith("ERROR:"), f"{script}\nended {done.returncode}:\n{printed}"
        return printed


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    folder = tmp_path / "leadline"
    folder.mkdir()
    for entry in os.scandir(ROOT):
        if entry.name not in {"data", ".git"}:
            (folder / entry.name).symlink_to(entry.path)
    with server_process(folder / "data") as server:
        yield Desk(folder, server)


def steps(document: str) -> list[Step]:
    """The `sh` blocks of a document, from the top."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return [
        Step(text.count("\n", 0, found.start()) + 1, found["script"], found["shown"] or "", found["mark"] or "")
        for found in _BLOCK.finditer(text)
    ]


def is_shown(printed: str, shown: str) -> bool:
    """Whether `shown` is what was printed, up to its `...`, line breaks, and the frames of tables."""
    parts = [re.escape(_plain(part)) for part in shown.split("...")]
    return re.fullmatch(r"\s*" + ".*".join(parts) + r"\s*", _plain(printed), re.DOTALL) is not None


def _plain(text: str) -> str:
    return _FRAMES.sub("", text)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_of_a_document_runs_and_prints_what_is_shown(document: str, desk: Desk) -> None:
    for step in steps(document):
        if step.mark:
            continue
        printed = desk.run(step.script)
        assert not step.shown or is_shown(printed, step.shown), (
            f"{document}:{step.line}\n{step.script}\nprints\n{printed}\nand not\n{step.shown}"
        )


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_that_is_not_run_to_its_end_is_known_to_make(document: str, desk: Desk) -> None:
    for step in steps(document):
        if step.mark == "dry":
            assert desk.run(step.script.replace("make ", "make -n ")), f"{document}:{step.line}"


def test_the_readme_begins_with_how_to_run_and_how_to_test() -> None:
    first = steps("README.md")[0]
    assert [line.partition("#")[0].strip() for line in first.script.splitlines()] == ["make run", "make test"]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_document_has_commands_and_every_command_block_is_recognised(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    assert len(steps(document)) == len(re.findall(r"^```(?:sh|bash|shell|console)\b", text, re.MULTILINE)) > 0


@pytest.mark.parametrize(
    ("printed", "shown", "expected"),
    [
        ('{\n  "state": "LOGGED",\n  "id": "c_1"\n}\n', '{\n  "state": "LOGGED",\n  ...\n}\n', True),
        ('{\n  "state": "UNLOGGED"\n}\n', '{\n  "state": "LOGGED"\n}\n', False),
        ('{"state": "LOGGED", "more": 1}', '{"state": "LOGGED"}', False),
        ("│ LOGGED │ 92 │\n└───┘\n", "│ LOGGED   │    92 │\n", True),
        ("│ LOGGED │ 91 │\n", "│ LOGGED   │    92 │\n", False),
    ],
)
def test_what_is_shown_must_be_what_is_printed(printed: str, shown: str, expected: bool) -> None:
    assert is_shown(printed, shown) is expected
