"""`leadline adapter test` over a definition file, with a proxy in front of the CRM that makes it fail."""

import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Final

import pytest
from e2e.test_adapter_suite import run
from fakes.process import FakeProcess, fake_process
from fakes.serving import kept_port
from leadline_server.crm.declarative import shipped

KEY: Final = "ESPOCRM_KEY"
FAILING: Final = (
    "(read_that_fails and (unavailable or refused) and not list_users) or (write_that_fails_raises and dropped)"
)


@pytest.fixture
def crm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeProcess]:
    with fake_process("espocrm", tmp_path / "crm") as fake:
        monkeypatch.setenv(KEY, "good-token")
        yield fake


async def tried(crm: FakeProcess, *arguments: str, definition: str = "espocrm") -> tuple[int, str]:
    """The command with the definition, and with the proxy between it and the CRM."""
    with kept_port() as port:
        at = f"127.0.0.1:{port}"
        options = ["--definition", definition, "--set", f"base_url=http://{at}", "--env", f"api_key={KEY}"]
        return await run(*options, "--crm-url", crm.url, "--proxy", at, *arguments)


@pytest.mark.parametrize(
    ("level", "code", "counts"),
    [
        ("lookup", 4, {"not tested"}),
        ("contacts", 0, {"passed", "skipped"}),
        ("logs", 0, {"passed", "skipped"}),
        ("full", 0, {"passed"}),
    ],
)
async def test_each_level_tests_as_far_as_the_adapter_has_come(
    crm: FakeProcess, level: str, code: int, counts: set[str]
) -> None:
    only = "is_read_by_its_id or read_back_as_it_was_written or finds_the_words_of_a_name"
    facts = "(a_name_arrives and HTML) or longest_name"  # the definition says that HTML is lost
    told_facts = ["--about", "max_name=100"]
    done, told = await tried(crm, "--level", level, "--only", f"{only} or {facts}", *told_facts)
    assert done == code, told
    last = told.strip().splitlines()[-1]
    assert counts <= set(re.findall(r"\d+ (passed|skipped|not tested|failed)", last)), told
    assert not crm.records("Contact"), "The suite removes what it made."


async def test_the_proxy_makes_the_crm_fail_and_a_good_adapter_stands_it(crm: FakeProcess) -> None:
    done, told = await tried(crm, "--only", FAILING)
    assert done == 0, told
    assert "NOT TESTED" not in told
    passed = re.search(r"(\d+) passed", told)
    assert passed is not None
    assert int(passed[1]) >= len(["unavailable", "refused"]) * 5 + 3


async def test_a_definition_that_loses_updates_fails_and_is_told_what_the_contract_says(
    crm: FakeProcess, tmp_path: Path
) -> None:
    wrecked = tmp_path / "wrecked.toml"
    source = (files(shipped) / "espocrm.toml").read_text(encoding="utf-8")
    assert source.count('description = "{{ body }}"\n') == 1
    wrecked.write_text(source.replace('description = "{{ body }}"\n', ""), encoding="utf-8")
    done, told = await tried(crm, "--only", "an_update_changes_what_the_log_says", definition=str(wrecked))
    assert done == 1, told
    assert "The log says what the update says." in told
    assert "leadline_server/ports/crm.py: CrmAdapter.update_call_log" in told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--about", "colour=red"], "--about colour=red: there is no colour. There are: region, "),
        (["--about", "max_name=long"], "--about max_name=long: must be a number"),
        (["--definition", "nothing"], "nothing"),
    ],
)
async def test_wrong_facts_are_wrong_usage(crm: FakeProcess, arguments: list[str], said: str) -> None:
    done, told = await tried(crm, *arguments)
    assert done == 2, told
    assert told.startswith("leadline: ")
    assert said in told
