"""The commands for preferences and settings, and how errors are told."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from e2e.command_runs import Run, asker, new_number, runner, suggested
from support.servers import ServerProcess, leadline, server_process

NOWHERE: Final = "127.0.0.1:1"  # a port that no server has


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with server_process(tmp_path_factory.mktemp("cli") / "data") as running:
        yield running


@pytest.fixture
def run(server: ServerProcess) -> Run:
    """Runs a command against the server, and expects it to end with `code`."""
    return runner(server)


@pytest.fixture
def ask(run: Run) -> Callable[..., Any]:
    """Runs a command with --json and returns its output."""
    return asker(run)


@pytest.fixture
def number() -> str:
    """A number that no other test uses."""
    return new_number()


def test_preferences_are_set_shown_and_inherited_again(run: Run, ask: Callable[..., Any]) -> None:
    answer = ask("preferences", "set", "pam", "excluded_results=busy,no_answer", "log_internal_calls=yes")
    assert answer["user"] == {
        "log_internal_calls": True,
        "excluded_results": {"values": ["CALL_RESULT_BUSY", "CALL_RESULT_NO_ANSWER"]},
    }
    shown = run("preferences", "show", "pam").stdout
    assert re.search(r"^excluded_results +BUSY, NO_ANSWER +user$", shown, re.MULTILINE)
    assert "excluded_results" not in ask("preferences", "set", "pam", "--inherit", "excluded_results")["user"]
    nobodys = run("preferences", "show").stdout
    assert re.search(r"^log_internal_calls +false +built-in$", nobodys, re.MULTILINE)


def test_a_placeholder_is_named_as_the_account_says(run: Run, ask: Callable[..., Any], number: str) -> None:
    run("preferences", "set", "nam", "unknown_contact_action=create_placeholder", "placeholder_name_format=first-last")
    run("account", "set", "caller_id_prefixes=Acme West, *7*")
    assert re.search(r"^caller_id_prefixes +Acme West, \*7\*$", run("account", "show").stdout, re.MULTILINE)
    assert re.search(
        r"^placeholder_name_format +FIRST_LAST +user$", run("preferences", "show", "nam").stdout, re.MULTILINE
    )

    call = ("--user", "nam", "--direction", "inbound", "--caller", number)
    log = ask("calls", "log", *call, "--caller-name", '"ACME WEST ROE JANE" <sip:1@pbx.example.com>')
    assert log["contact"]["name"] == "Jane Roe"
    assert log["call"]["caller"]["name"] == '"ACME WEST ROE JANE" <sip:1@pbx.example.com>'
    assert ask("account", "set", "--inherit", "caller_id_prefixes")["caller_id_prefixes"] == []


def test_a_lock_is_set_keeps_users_out_and_is_taken_off(run: Run, ask: Callable[..., Any]) -> None:
    run("preferences", "set", "lou", "placeholder_name=Mine")
    settings = ask("account", "set", "defaults.placeholder_name=Ours", "--lock", "placeholder_name")
    assert (settings["locked"], settings["defaults"]) == (["placeholder_name"], {"placeholder_name": "Ours"})
    assert re.search(r"^defaults.placeholder_name +Ours +account +locked$", run("account", "show").stdout, re.MULTILINE)
    assert "the user's own value Mine does not apply" in run("preferences", "show", "lou").stdout

    refused = run("preferences", "set", "lou", "placeholder_name=Other", code=1)
    unlock = suggested(refused.stderr, "account set")
    assert ask(*unlock, "--inherit", "defaults.placeholder_name")["locked"] == []
    assert ask("preferences", "show", "lou")["effective"]["placeholder_name"] == "Mine"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("calls", "show", "never-reported"), 3, "No call 'never-reported'"),
        (("calls", "list", "--account", "acme"), 3, "There is no account 'acme'"),
        (("calls", "watch", "--account", "acme"), 3, "There is no account 'acme'"),
        (("calls", "log", "--user", "u", "--id", "x", "--direction", "inbound", "--contact", "c_none"), 3, "c_none"),
        (("contacts", "find", "abc"), 2, "phone_numbers[0]: Not a phone number in region US"),
        (("calls", "log", "--user", "u", "--id", "first"), 2, "call.direction: is required"),
        (("calls", "log", "--id", "first"), 2, "--user"),
        (("calls", "log", "--json-call", "/no/such/file"), 2, "cannot be read"),
        (("calls", "log", "--json-call", "x", "--note", "y"), 2, "--json-call"),
        (("calls", "list", "--state", "lost"), 2, "unlogged"),
        (("calls", "list", "--since", "yesterday"), 2, "--since"),
        (("preferences", "set", "u"), 2, "FIELD=VALUE"),
        (("preferences", "set", "u", "colour=red"), 2, "auto_log_calls"),
        (("preferences", "set", "u", "auto_log_calls=no", "--inherit", "auto_log_calls"), 2, "both"),
        (("account", "set", "default_region=Atlantis"), 2, "default_region"),
        (("account", "set", "--lock", "a", "--unlock", "a"), 2, "both"),
        (("account", "set", "--unlock", "nope"), 2, "auto_log_calls"),
        (("account", "set", "--lock", "crm_user_id"), 2, "crm_user_id"),
        (("account", "show", "--timeout", "0"), 2, "--timeout"),
        (("calls", "show", "\udcff"), 2, "UTF-8"),
        (("contacts", "create", "X", "+12025550142", "--type", "robot"), 1, "contact, lead"),
    ],
)
def test_an_error_is_told_on_standard_error_with_its_exit_code(
    run: Run, arguments: tuple[str, ...], code: int, told: str
) -> None:
    done = run(*arguments, code=code)
    assert told in re.sub(r"[│\s]+", " ", done.stderr)
    assert done.stdout == ""


def test_a_contact_that_exists_is_refused_and_named(run: Run, ask: Callable[..., Any], number: str) -> None:
    contact_id = ask("contacts", "create", "Only One", number)["id"]
    refused = run("contacts", "create", "Only Two", number, code=1)
    assert contact_id in refused.stderr
    assert "--allow-duplicate" in refused.stderr


def test_programs_get_errors_as_json(run: Run) -> None:
    error = json.loads(run("calls", "show", "never-reported", "--json", code=3).stderr)["error"]
    assert (error["reason"], error["metadata"]) == ("CALL_LOG_NOT_FOUND", {"call_id": "never-reported"})


@pytest.mark.parametrize(
    "command",
    [("calls", "list"), ("calls", "watch"), ("account", "show"), ("account", "show", "--timeout", "0.01")],
)
def test_a_server_that_is_not_there_is_told_in_a_sentence(command: tuple[str, ...]) -> None:
    done = leadline(*command, "--server", NOWHERE)
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == (
        f"leadline: There is no server at {NOWHERE}.\nStart one with `leadline serve`, or name another with --server.\n"
    )


def test_an_account_without_calls_says_how_to_report_one(tmp_path: Path) -> None:
    with server_process(tmp_path / "data") as empty:
        done = leadline("calls", "list", "--server", empty.address)
    assert "calls log" in done.stdout
    assert "calls import" in done.stdout
