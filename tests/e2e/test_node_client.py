"""A client in another language: Node, with the stubs that it makes from the protos at run time."""

import json
import os
import shutil
import subprocess
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, Final

import pytest
from support.servers import server_process

SOURCES: Final = Path(__file__).parent / "node_client"
PROTOS: Final = Path(__file__).parents[2] / "protos"
NODE, NPM = shutil.which("node"), shutil.which("npm")

pytestmark = pytest.mark.skipif(not NODE or not NPM, reason="needs node and npm on PATH")


def common_protos() -> Path:
    """The folder that holds google/rpc/*.proto."""
    return Path(str(distribution("googleapis-common-protos").locate_file(".")))


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The program's output."""
    folder = tmp_path_factory.mktemp("node")
    home = shutil.copytree(SOURCES, folder / "client")
    run("npm", "ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", cwd=home)
    with server_process(folder / "data") as server:
        printed = run("node", "client.js", server.address, str(PROTOS), str(common_protos()), cwd=home)
    told: dict[str, Any] = json.loads(printed)
    return told


def run(*command: str, cwd: Path) -> str:
    ended = subprocess.run(command, cwd=cwd, env=os.environ, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_node_finds_the_contact_that_it_created(answer: dict[str, Any]) -> None:
    assert answer["found"] == [answer["created"]]


def test_node_logs_a_call_against_the_contact(answer: dict[str, Any]) -> None:
    assert answer["logged"] == {"state": "CALL_LOG_STATE_LOGGED", "contact": answer["created"]}


def test_node_reads_the_details_of_an_error(answer: dict[str, Any]) -> None:
    assert answer["refused"]["code"] == "INVALID_ARGUMENT"
    details = answer["refused"]["details"]
    assert (details["google.rpc.ErrorInfo"]["domain"], details["google.rpc.ErrorInfo"]["reason"]) == (
        "leadline",
        "INVALID_REQUEST",
    )
    assert [at["field"] for at in details["google.rpc.BadRequest"]["field_violations"]] == ["phone_numbers[1]"]


def test_the_lock_file_pins_every_package_and_names_no_registry() -> None:
    lock = json.loads((SOURCES / "package-lock.json").read_text())
    packages = [package for name, package in lock["packages"].items() if name]
    assert packages
    assert all("integrity" in package and "resolved" not in package for package in packages)
