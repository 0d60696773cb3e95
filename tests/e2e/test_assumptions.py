"""`leadline connections check --assumptions`: asks, tries what leadline assumes of a CRM, and leaves nothing behind."""

import json
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
from fakes.connections import write_toml
from fakes.process import FakeProcess, fake_process
from support.servers import LEADLINE, environment

TABLES: Final = {
    "hubspot": ("contacts", "calls"),
    "salesforce": ("Lead", "Contact", "Task"),
    "pipedrive": ("persons", "activities"),
    "zoho": ("Leads", "Contacts", "Calls"),
    "espocrm": ("Contact", "Lead", "Call"),
    "bottlecrm": ("contacts", "leads", "interactions"),
}
"""The tables of each fake that a test writes to."""

KEEP: Final = {"espocrm", "bottlecrm"}
"""CRMs whose contacts leadline does not delete."""


def tried(folder: Path, *words: str, answer: str = "") -> subprocess.CompletedProcess[str]:
    """`leadline connections check crm --assumptions`, with `answer` typed."""
    command = [
        str(LEADLINE),
        "connections",
        "check",
        "crm",
        "--config",
        str(folder / "leadline.toml"),
        "--data-dir",
        str(folder),
    ]
    return subprocess.run(
        [*command, "--assumptions", *words],
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
