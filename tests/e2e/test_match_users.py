"""`leadline users match` against a real server, connected to a HubSpot in a process of its own."""

import json
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, Final

import pytest
from fakes.misbehaviour import GOOD_TOKEN
from fakes.process import FakeProcess, fake_process
from support.servers import ServerProcess, leadline, server_process

OWNERS: Final = [
    ["Jane Roe", "Jane@Example.com", True],
    ["Bob Poe", "bob@example.com", True],
    ["Bob Again", "BOB@example.com", True],
    ["Carl Coe", "carl@example.com", False],
]
USERS: Final = {"jane": "jane@example.com", "bob": "bob@example.com", "carl": "carl@example.com", "dora": "d@other.com"}


@pytest.fixture
def crm(tmp_path: Path) -> Iterator[FakeProcess]:
    with fake_process("hubspot", tmp_path / "crm") as crm:
        yield crm


@pytest.fixture
def server(tmp_path: Path, crm: FakeProcess) -> Iterator[ServerProcess]:
    file = tmp_path / "leadline.toml"
    lines = ["[connections.crm]", 'adapter = "hubspot"', f'api_url = "{crm.url}"', f'token = "{GOOD_TOKEN}"']
    file.write_text("\n".join([*lines, "[accounts.demo]", 'connection = "crm"', "[accounts.other]"]))
    with server_process(tmp_path / "data", settings={"LEADLINE_CONFIG": str(file)}) as server:
        for user, email in USERS.items():
            assert run(server, "users", "set", user, "--email", email).returncode == 0
        assert run(server, "users", "set", "eve").returncode == 0
        yield server


def run(server: ServerProcess, *words: str) -> CompletedProcess[str]:
    return leadline(*words, "--server", server.address)


def match(server: ServerProcess, *words: str) -> dict[str, Any]:
    done = run(server, "users", "match", "--json", *words)
    assert done.returncode == 0, done.stderr
    return {each["user_id"]: each for each in json.loads(done.stdout)}


def crm_user_ids(server: ServerProcess) -> dict[str, str]:
    listed = json.loads(run(server, "users", "list", "--json").stdout)
    return {user["user_id"]: user.get("crm_user_id", "") for user in listed}


def test_matching_proposes_and_only_apply_stores(crm: FakeProcess, server: ServerProcess) -> None:
    jane, bob, again, carl = crm.control("POST", "/owners", OWNERS)
    found = match(server)
    assert {user: each["outcome"] for user, each in found.items()} == {
        "bob": "several",
        "carl": "not_active",
        "dora": "none",
        "eve": "no_email",
        "jane": "proposed",
    }
    assert [each["id"] for each in found["bob"]["crm_users"]] == [bob, again]
    assert [each["id"] for each in found["carl"]["crm_users"]] == [carl]
    assert set(crm_user_ids(server).values()) == {""}

    match(server, "--apply")
    assert crm_user_ids(server) == {"bob": "", "carl": "", "dora": "", "eve": "", "jane": jane}
    assert match(server)["jane"]["outcome"] == "set"


def test_the_table_names_everyone_and_says_what_to_do(crm: FakeProcess, server: ServerProcess) -> None:
    jane, bob, again, carl = crm.control("POST", "/owners", OWNERS)
    shown = run(server, "users", "match").stdout
    assert f"{jane} Jane Roe" in shown
    assert f"{bob} Bob Poe; {again} Bob Again" in shown
    assert f"{carl} Carl Coe (not active)" in shown
    assert "Proposed: 1. Set already: 0. Left to you: 4." in shown
    assert "leadline users match --apply" in shown
    assert "1 user changed." in run(server, "users", "match", "--apply").stdout


def test_a_missing_permission_is_said_and_calls_are_still_looked_up(crm: FakeProcess, server: ServerProcess) -> None:
    crm.misbehave(mode="forbidden")
    done = run(server, "users", "match")
    assert (done.returncode, done.stdout) == (4, "")
    assert "all required scopes" in done.stderr
    crm.recover()
    assert run(server, "contacts", "find", "+12025550147").returncode in (0, 3)


def test_a_crm_without_users_says_so(server: ServerProcess) -> None:
    done = run(server, "users", "match", "--account", "other")
    assert (done.returncode, done.stdout) == (1, "")
    assert "leadline cannot list the users of this CRM" in done.stderr
