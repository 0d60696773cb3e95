"""`leadline connections check --assumptions`: asks, tries what leadline assumes of a CRM, and leaves nothing behind."""

import json
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
from fakes.connections import write_toml
from fakes.process import FakeProcess, fake_process
from support.servers import LEADLINE, environment, leadline

TABLES: Final = {
    "hubspot": ("contacts", "calls"),
    "salesforce": ("Lead", "Contact", "Task"),
    "pipedrive": ("persons", "activities"),
    "zoho": ("Leads", "Contacts", "Calls"),
    "espocrm": ("Contact", "Lead", "Call"),
    "bottlecrm": ("contacts", "leads", "interactions"),
}
"""The tables of each fake that a test writes to."""

KEEP: Final = {"bottlecrm"}
"""CRMs whose contacts leadline does not delete."""


def tried(folder: Path, *words: str, answer: str = "") -> subprocess.CompletedProcess[str]:
    """`leadline connections check crm --assumptions`, with `answer` typed."""
    files = ("--config", str(folder / "leadline.toml"), "--data-dir", str(folder / "data"))
    command = ["connections", "check", "crm", *files, "--assumptions", *words]
    if not answer:
        return leadline(*command, seconds=120.0)
    return subprocess.run(
        [LEADLINE, *command],
        env=environment({}),
        input=answer,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def kept(crm: FakeProcess) -> int:
    """How many records there are."""
    return sum(len(crm.records(table)) for table in TABLES[crm.vendor])


def verdicts(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    """The findings of `--json`, by name."""
    return {finding["name"]: finding for finding in json.loads(done.stdout)["assumptions"]}


@pytest.mark.parametrize(("answer", "code"), [("n\n", 1), ("", 1)])
def test_nothing_is_written_without_a_yes(tmp_path: Path, answer: str, code: int) -> None:
    with fake_process("zoho", tmp_path / "crm") as crm:
        write_toml(tmp_path / "leadline.toml", crm.vendor, crm.url)
        done = tried(tmp_path, answer=answer)
        assert done.returncode == code
        assert "leadline will create up to 9 contacts named 'leadline test ...'" in done.stderr
        assert kept(crm) == 0


def test_a_crm_that_differs_from_its_documents_is_told_in_words(tmp_path: Path) -> None:
    with fake_process("zoho", tmp_path / "crm") as crm:
        write_toml(tmp_path / "leadline.toml", crm.vendor, crm.url)
        crm.misbehave(changes_calls=True)
        done = tried(tmp_path, answer="y\n")
        assert done.returncode == 1, done.stderr
        lines = done.stdout.splitlines()
        [index] = [i for i, line in enumerate(lines) if line.startswith("does not hold")]
        assert 'The type of a logged call cannot be changed. By "Kaizen #38' in lines[index]
        assert "The CRM does otherwise." in lines[index + 1]
        assert "Do: Tell leadline's authors" in lines[index + 2]
        assert "Do: Ask the vendor's support: How does the API tell which record a merged one became?" in done.stdout
        assert kept(crm) == 0


def test_a_crm_that_refuses_leadline_is_not_tried(tmp_path: Path) -> None:
    with fake_process("espocrm", tmp_path / "crm") as crm:
        write_toml(tmp_path / "leadline.toml", crm.vendor, crm.url)
        crm.misbehave(token="another")
        done = tried(tmp_path, "--yes")
        assert (done.returncode, done.stdout) == (1, "")
        assert kept(crm) == 0


def test_of_the_crm_that_leadline_keeps_nothing_is_assumed(tmp_path: Path) -> None:
    done = leadline("connections", "check", "embedded", "--assumptions", "--data-dir", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "assumes nothing of it" in done.stdout


@pytest.mark.parametrize("vendor", TABLES)
def test_every_assumption_is_tried_and_the_test_is_removed(tmp_path: Path, vendor: str) -> None:
    with fake_process(vendor, tmp_path / "crm") as crm:
        write_toml(tmp_path / "leadline.toml", vendor, crm.url)
        done = tried(tmp_path, "--yes", "--json")
        found = verdicts(done)
        assert not [each for each in found.values() if each["verdict"] == "does not hold"], done.stdout
        assert done.returncode == 0, done.stderr
        assert found["lookup"]["verdict"] == found["log"]["verdict"] == found["update"]["verdict"] == "holds"
        facts = [each for each in found.values() if each["source"]]
        assert facts
        assert all(each["verdict"] == "holds" or each["detail"] for each in facts)
        left = json.loads(done.stdout)["left"]
        assert len(left) == kept(crm)
        assert vendor in KEEP or not left
