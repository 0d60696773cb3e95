"""An adapter in a package of its own: the example, installed beside leadline, found by its entry point."""

import os
import sqlite3
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import Distribution, PathDistribution, distribution
from pathlib import Path
from typing import Final

import pytest
from e2e.test_wheel import link, pip
from leadline import Client
from leadline.v1.call_log_pb2 import CALL_LOG_STATE_LOGGED
from leadline.v1.call_pb2 import CALL_DIRECTION_INBOUND, Call, Party
from leadline.v1.preferences_pb2 import UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER, Preferences
from packaging.requirements import Requirement
from support.clusters import cluster, command

ROOT: Final = Path(__file__).parents[2]
EXAMPLE: Final = ROOT / "examples" / "adapter-python"
NUMBER: Final = "+12025550147"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with leadline[server] and the example, both from wheels."""
    folder = tmp_path_factory.mktemp("adapter-python")
    for source in (ROOT, EXAMPLE):
        pip("wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder), str(source))
    home = folder / "venv"
    venv.create(home, symlinks=True)
    wheels = [str(wheel) for wheel in folder.glob("*.whl")]
    pip("--python", str(home / "bin" / "python"), "install", "--no-deps", "--no-index", "--no-compile", *wheels)
    site = next((home / "lib").glob("python*/site-packages"))
    for needed in set(required(PathDistribution(next(site.glob("leadline-*.dist-info"))), "server")):
        link(distribution(needed), site)
    return home


def required(package: Distribution, *extras: str) -> Iterator[str]:
    """The names of what a package needs with extras, and of what that needs."""
    for line in package.requires or ():
        requirement = Requirement(line)
        if any(requirement.marker is None or requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield requirement.name
            yield from required(distribution(requirement.name), *requirement.extras)


def test_a_call_is_logged_through_an_adapter_that_leadline_does_not_know(home: Path, tmp_path: Path) -> None:
    book, config = tmp_path / "phonebook.db", tmp_path / "leadline.toml"
    config.write_text(
        f'[connections.book]\nadapter = "phonebook"\nfile = "{book}"\n[accounts.demo]\nconnection = "book"\n'
    )
    start = command(str(home / "bin" / "leadline"), "serve")
    with (
        cluster(tmp_path / "data", 1, start=start, settings={"LEADLINE_CONFIG": str(config)}) as [server],
        Client(server.address, account="demo", user="alice") as client,
    ):
        client.update_preferences(Preferences(unknown_contact_action=UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER))
        caller = Party(phone_number=NUMBER, name="Grace Hopper")
        log = client.log_call(Call(id="call-1", direction=CALL_DIRECTION_INBOUND, caller=caller, note="Hello"))
    assert (log.state, log.contact.name) == (CALL_LOG_STATE_LOGGED, "Grace Hopper")
    with closing(sqlite3.connect(book)) as connection:
        assert connection.execute("SELECT name, number, is_placeholder FROM people").fetchall() == [
            ("Grace Hopper", NUMBER, 1)
        ]
        assert connection.execute("SELECT key, note FROM calls").fetchall() == [("demo/call-1", "Hello")]


def test_a_setting_that_the_adapter_does_not_know_is_named(home: Path, tmp_path: Path) -> None:
    config = tmp_path / "leadline.toml"
    config.write_text('[connections.book]\nadapter = "phonebook"\nfolder = "x"\n[accounts.demo]\nconnection = "book"\n')
    ended = subprocess.run(
        [home / "bin" / "leadline", "serve", "--config", config],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert "connections.book.file: " in ended.stderr
    assert "connections.book.folder: no such setting" in ended.stderr


def test_the_examples_own_tests_pass() -> None:
    """Three lines, and the whole conformance suite."""
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "-q",
            "--rootdir",
            EXAMPLE,
            "-c",
            EXAMPLE / "pyproject.toml",
        ],
        cwd=EXAMPLE,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-3_000:]
    assert " passed" in ended.stdout
