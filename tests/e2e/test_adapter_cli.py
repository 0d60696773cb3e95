"""`leadline adapter list`, `check` and `try`, as the shell runs them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.misbehaviour import GOOD_TOKEN
from fakes.process import FakeProcess, fake_process
from leadline_server.crm.adapter_registry import BUILT_IN
from support.acorn import DEFINITION, changed
from support.servers import leadline


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeProcess]:
    with fake_process("espocrm", tmp_path_factory.mktemp("crm") / "records") as running:
        running.control("POST", "/people", [{"name": "Ada Lovelace", "number": "(202) 555-0147"}])
        yield running


def attempt(crm: FakeProcess, *words: str, token: str = GOOD_TOKEN) -> Any:
    options = ["--set", f"base_url={crm.url}", "--env", "api_key=ESPO_KEY"]
    return leadline("adapter", "try", "espocrm", *words, *options, settings={"ESPO_KEY": token})


def test_the_list_has_every_adapter_and_every_definition() -> None:
    done = leadline("adapter", "list")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert {line.split()[0] for line in lines[1:]} == BUILT_IN.keys()
    listed = json.loads(leadline("adapter", "list", "--json").stdout)
    by_definition = {row["definition"]: row for row in listed if row["definition"]}
    assert by_definition.keys() == {"bottlecrm", "espocrm"}
    assert by_definition["espocrm"]["capabilities"]["finds_log_by_key"] is True
    assert [row["capabilities"] for row in listed if row["adapter"] == "http" and not row["definition"]] == [None]


def test_a_right_definition_is_right(tmp_path: Path) -> None:
    file = tmp_path / "acorn.toml"
    file.write_text(DEFINITION)
    done = leadline("adapter", "check", file)
    assert (done.returncode, done.stderr) == (0, "")
    assert "is valid: Acorn, with find_contacts, " in done.stdout


def test_what_is_wrong_is_told_with_file_and_place(tmp_path: Path) -> None:
    file = tmp_path / "acorn.toml"
    file.write_text(changed({'"{{ subject }}"': '"{{ subjct }}"', '"call.id"': '"call["'}))
    done = leadline("adapter", "check", file)
    assert done.returncode == 1
    assert f"{file}: operations.create_call_log.body.title: there is no subjct here" in done.stderr
    problems = json.loads(leadline("adapter", "check", file, "--json").stdout)["problems"]
    assert len(problems) == 2


def test_a_lookup_shows_what_was_sent_what_came_and_how_it_matches(crm: FakeProcess) -> None:
    done = attempt(crm, "find", "+1 202 555 0147", "--set", "leads=false")
    assert done.returncode == 0, done.stderr
    assert "-> find_contacts: GET /api/v1/Contact?where%5B0%5D%5Btype%5D=contains" in done.stdout
    assert "<- 200" in done.stdout
    assert '"phoneNumber": "(202) 555-0147"' in done.stdout
    assert "+1 202 555 0147 matches (202) 555-0147 (EXACT)" in done.stdout
    assert GOOD_TOKEN not in done.stdout + done.stderr


def test_nobody_is_an_answer_and_a_failure_is_none(crm: FakeProcess) -> None:
    assert "The CRM found no contact." in attempt(crm, "find", "+12025550199").stdout
    refused = attempt(crm, "check", token="another")
    assert (refused.returncode, "CrmAuthFailed" in refused.stderr) == (1, True)
    crm.misbehave(mode="error")
    failed = attempt(crm, "find", "+12025550199", "--json")
    crm.recover()
    assert failed.returncode == 4
    assert json.loads(failed.stdout)["error"].startswith("CrmUnavailable")


def test_a_contact_is_read_and_searched(crm: FakeProcess) -> None:
    [found] = json.loads(attempt(crm, "search", "Lovelace", "--json").stdout)["result"]
    assert found["name"] == "Ada Lovelace"
    assert "name: Ada Lovelace" in attempt(crm, "get", found["id"]).stdout
    assert attempt(crm, "get", "contact:none").returncode == 3
    assert attempt(crm, "check").returncode == 0


def test_nothing_is_written_unless_it_is_allowed(crm: FakeProcess) -> None:
    refused = attempt(crm, "create", "Grace Hopper", "+12025550198")
    assert (refused.returncode, "--write" in refused.stderr) == (2, True)
    assert "+12025550198" not in crm.written().contacts
    created = json.loads(attempt(crm, "create", "Grace Hopper", "+12025550198", "--write", "--json").stdout)["result"]
    assert crm.written().contacts["+12025550198"] == [created["id"]]
    logged = attempt(crm, "log", created["id"], "--write")
    assert logged.stdout.splitlines()[-2:] == ["Updated it.", "Found it by its key."], logged.stderr


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["espocrm", "find"], "find takes NUMBER..."),
        (["espocrm", "get", "1", "2"], "get takes ID."),
        (["espocrm", "check"], "base_url: the definition requires it; give it with --set base_url=VALUE"),
        (["espocrm", "check", "--set", "foo=1"], "foo: there is no such variable"),
        (["espocrm", "check", "--env", "api_key=NO_SUCH_VARIABLE"], "the environment has no NO_SUCH_VARIABLE"),
        (["nothing", "check"], "leadline has no such definition"),
        (["espocrm", "find", "1234567", "--region", "XX"], "--region XX"),
    ],
)
def test_wrong_usage_is_told(words: list[str], problem: str) -> None:
    done = leadline("adapter", "try", *words)
    assert done.returncode == 2
    assert problem in done.stderr
