"""The documents' examples, run as a reader would: the `sh` blocks of a document, in order, against one fresh server.

A `text` or `json` block right below a `sh` block is what its commands print; `...` in it stands for anything. A block
under the comment `<!-- dry -->` goes on until it is stopped, or takes minutes: of it only make's targets are checked.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from support.documents import ROOT, is_shown, steps
from support.servers import ServerProcess, environment, server_process

DOCUMENTS: Final = ("README.md", "docs/flow.md", "docs/preferences.md", "docs/errors.md", "docs/operations.md")
_SECONDS: Final = 120.0


@dataclass(frozen=True)
class Desk:
    """A reader's working directory: the repository, with a `data` folder and whatever is written kept out of it."""

    folder: Path
    server: ServerProcess

    def run(self, script: str) -> str:
        """The commands' standard output and standard error, with the addresses as documented."""
        script = script.replace("127.0.0.1:50051", self.server.address)
        script = script.replace("127.0.0.1:8650", self.server.http_address)
        script = script.replace("127.0.0.1:9464", self.server.metrics_address)
        # A reader's server has the default address; this one has another, which the hints name as well.
        option = f" --server {self.server.address}"
        script = re.sub(r"(leadline (?:calls|contacts|preferences|account) (?!import)\w+)", rf"\1{option}", script)
        # The tests use the installed packages: make must not set up .venv while its own tests run.
        script = re.sub(r"^make ", "make -o .venv/server -o .venv/dev ", script, flags=re.MULTILINE)
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", script],
            cwd=self.folder,
            env=environment({"TMPDIR": str(self.folder)}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        printed = done.stdout.replace(option, "").replace(self.server.address, "127.0.0.1:50051")
        printed = printed.replace(f"{self.folder}/", "")
        assert done.returncode == 0 or printed.startswith("ERROR:"), f"{script}\nended {done.returncode}:\n{printed}"
        return printed


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    folder = tmp_path / "leadline"
    folder.mkdir()
    for entry in os.scandir(ROOT):
        if entry.name not in {"data", ".git"}:
            (folder / entry.name).symlink_to(entry.path)
    with server_process(folder / "data", settings={"LEADLINE_HTTP_LISTEN": "127.0.0.1:0"}) as server:
        yield Desk(folder, server)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_of_a_document_runs_and_prints_what_is_shown(document: str, desk: Desk) -> None:
    for step in steps(document):
        if step.mark:
            continue
        printed = desk.run(step.script)
        assert not step.shown or is_shown(printed, step.shown), (
            f"{document}:{step.line}\n{step.script}\nprints\n{printed}\nand not\n{step.shown}"
        )


def test_what_is_not_run_to_its_end_is_known_to_make() -> None:
    targets = [
        line.split()[1]
        for document in DOCUMENTS
        for step in steps(document)
        if step.mark == "dry"
        for line in step.script.splitlines()
    ]
    done = subprocess.run(["make", "--dry-run", *targets], cwd=ROOT, capture_output=True, text=True, check=False)
    assert targets
    assert done.returncode == 0, done.stderr


def test_the_readme_begins_with_how_to_run_and_how_to_test() -> None:
    first = steps("README.md")[0]
    assert [line.partition("#")[0].strip() for line in first.script.splitlines()] == ["make run", "make test"]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_document_has_commands_and_every_command_block_is_recognised(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    assert len(steps(document)) == len(re.findall(r"^```(?:sh|bash|shell|console)\b", text, re.MULTILINE)) > 0


CONDITIONAL = {
    "leadline_authentications_failed_total": "authentication",
    "leadline_certificate_expiry_seconds": "tls_certificate",
    "leadline_certificate_reload_failures_total": "tls_certificate",
    "leadline_client_ca_connections_ended_total": "tls_client_ca",
    "leadline_everyone_may_call": "everyone_may_call",
    "leadline_tls_handshakes_failed_total": "tls_certificate",
    "leadline_worker_starts_total": "workers",
    "leadline_worker_up": "workers",
}
"""Metrics that a server shows only with a setting. The server that is asked has none of these settings."""


def test_every_metric_that_a_server_shows_is_documented_and_no_other(desk: Desk) -> None:
    shown = set(re.findall(r"^# TYPE (\w+)", desk.run("curl -s http://127.0.0.1:9464/metrics"), re.MULTILINE))
    rows = re.findall(r"^\| `(leadline_\w+)`(.*)$", (ROOT / "docs/operations.md").read_text("utf-8"), re.MULTILINE)
    only_with = ((name, re.search(r"Only with `(\w+)`", text)) for name, text in rows)
    conditional = {name: found[1] for name, found in only_with if found}
    # prometheus-client adds to each histogram and counter a gauge that says when it was made.
    assert {name.removesuffix("_created") for name in shown} == {name for name, _ in rows} - conditional.keys()
    assert conditional == CONDITIONAL


def test_a_shown_output_may_leave_out_lines_and_the_frames_of_tables() -> None:
    assert is_shown('{\n  "state": "LOGGED",\n  "id": "c_1"\n}\n', '{\n  "state": "LOGGED",\n  ...\n}\n')
    assert is_shown("│ LOGGED │ 92 │\n└───┘\n", "│ LOGGED   │    92 │\n")


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ('{\n  "state": "UNLOGGED"\n}\n', '{\n  "state": "LOGGED"\n}\n'),
        ('{"state": "LOGGED", "more": 1}', '{"state": "LOGGED"}'),
        ("│ LOGGED │ 91 │\n", "│ LOGGED   │    92 │\n"),
    ],
)
def test_a_shown_output_that_is_not_what_is_printed_is_noticed(printed: str, shown: str) -> None:
    assert not is_shown(printed, shown)
