"""The files of the code host: they are valid, and name make targets that exist."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml  # type: ignore[import-untyped] # it has no types

ROOT: Final = Path(__file__).resolve().parents[2]
HOST: Final = ROOT / ".github"
DATA: Final = ROOT / "tests" / "data"
HABITS: Final = sorted([*HOST.rglob("*.yml"), ROOT / ".pre-commit-config.yaml"])


def loaded(path: Path) -> Mapping[str, Any]:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


@pytest.mark.parametrize("path", HABITS, ids=lambda path: path.name)
def test_a_file_is_valid_and_its_make_targets_exist(path: Path) -> None:
    document = loaded(path)
    commands = re.findall(r"(?:run|entry): make ([\w =\".-]+)", path.read_text(encoding="utf-8"))
    targets = {word for command in commands for word in re.sub(r'\w+=".*"', "", command).split()}
    assert document
    assert targets <= set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def test_the_workflow_runs_all_checks_with_few_rights_and_in_bounded_time() -> None:
    workflow = loaded(HOST / "workflows" / "checks.yml")
    assert workflow["permissions"] == {"contents": "read"}
    assert all("timeout-minutes" in job for job in workflow["jobs"].values())
    commands = " ".join(step.get("run", "") for job in workflow["jobs"].values() for step in job["steps"])
    for target in (
        "check",
        "test",
        "test-system",
        "test-lowest",
        "coverage",
        "dist",
        "audit",
        "docs",
        "proto-breaking",
    ):
        assert re.search(rf"\b{target}\b", commands), target


def test_every_python_of_the_classifiers_is_tested() -> None:
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["classifiers"]
    pythons = re.findall(r"Python :: (3\.\d+)", "\n".join(classifiers))
    workflow = (HOST / "workflows" / "checks.yml").read_text(encoding="utf-8")
    assert len(pythons) == 3
    assert all(f"python{version}" in workflow for version in pythons)


def test_owners_own_paths_that_exist() -> None:
    lines = [line.split() for line in (HOST / "CODEOWNERS").read_text("utf-8").splitlines() if not line.startswith("#")]
    assert lines[0][0] == "*"
    assert all((ROOT / path.strip("/")).exists() for path, *_ in lines[1:])
    assert all(owner.startswith("@") for _, *owners in lines for owner in owners)


def test_text_files_end_with_a_line_break_and_have_no_carriage_return() -> None:
    folders = [ROOT / name for name in ("clients/python", "docs", "examples", "protos", "server", "tests", "tools")]
    found = [
        path for folder in folders for ending in ("py", "md", "toml", "proto") for path in folder.rglob(f"*.{ending}")
    ]
    files = [*found, *ROOT.glob("*.md"), *ROOT.glob("*.toml")]
    files = [path for path in files if ROOT / "tests" / "data" not in path.parents]
    assert [file for file in files if (text := file.read_bytes()) and (not text.endswith(b"\n") or b"\r" in text)] == []
