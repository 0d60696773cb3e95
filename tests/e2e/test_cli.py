"""The console script against `leadline serve`: for people, for programs, by hand, and when it goes wrong."""

import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from e2e.command_runs import Run, asker, new_number, runner, suggested
from support.servers import ServerProcess, server_process


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


def test_the_whole_way_of_a_call_that_is_logged_by_hand(run: Run, number: str) -> None:
    run(
        "calls",
        "log",
        "--user",
        "hand",
        "--id",
        "by-hand",
        "--direction",
        "inbound",
        "--caller",
        number,
        "--start",
        "5m",
    )
    listed = run("calls", "list", "--state", "unlogged", "--user", "hand").stdout
    assert re.search(rf"^\d\d-\d\d \d\d:\d\d  by-hand  {re.escape(number)}  UNLOGGED  NO_CONTACT", listed, re.MULTILINE)

    shown = run("calls", "show", "by-hand").stdout
    assert f"No contact has {number}" in shown
    create = suggested(shown, "contacts create")
    assert create == ["contacts", "create", "NAME", number]

    created = run("contacts", "create", "Ada Hand", number).stdout
    log = suggested(created, "calls log")
    assert log[:5] == ["calls", "log", "--id", "by-hand", "--contact"]

    logged = run(*log).stdout
    assert logged.startswith("LOGGED CONTACT_CHOSEN\n")
    assert "Ada Hand" in logged
    assert (
        "No call of account demo matches these filters."
        in run("calls", "list", "--state", "unlogged", "--user", "hand").stdout
    )


def test_candidates_are_shown_with_what_to_type_next(run: Run, ask: Callable[..., Any], number: str) -> None:
    ids = {ask("contacts", "create", name, number, "--allow-duplicate")["id"] for name in ("Ann One", "Ann Two")}
    run("calls", "log", "--user", "a", "--id", "several", "--direction", "inbound", "--caller", number)
    shown = run("calls", "show", "several").stdout
    assert all(contact_id in shown for contact_id in ids)
    assert suggested(shown, "calls log") == ["calls", "log", "--id", "several", "--contact", "ID"]
    assert {match["contact"]["id"] for match in ask("calls", "show", "several")["candidates"]} == ids


def test_a_contact_is_found_by_number_and_by_name(run: Run, ask: Callable[..., Any], number: str) -> None:
    created = ask(
        "contacts",
        "create",
        "Finn Findable",
        number,
        "--company",
        "Finders",
        "--type",
        "lead",
        "--email",
        "f@x.example",
    )
    assert (created["company"], created["type"], created["email"]) == ("Finders", "lead", "f@x.example")
    [match] = ask("contacts", "find", number[2:])["matches"]
    assert (match["contact"]["id"], match["kind"]) == (created["id"], "MATCH_KIND_EXACT")
    assert [contact["id"] for contact in ask("contacts", "search", "Findable")] == [created["id"]]
    assert all(created["id"] in run("contacts", *words).stdout for words in (("find", number), ("search", "findable")))


def test_nobody_is_an_answer_that_says_what_to_do(run: Run, ask: Callable[..., Any], number: str) -> None:
    assert ask("contacts", "find", number)["matches"] == []
    assert suggested(run("contacts", "find", number).stdout, "contacts create") == [
        "contacts",
        "create",
        "NAME",
        number,
    ]
    assert ask("contacts", "search", "Nobody At All") == []
    assert "contacts create" in run("contacts", "search", "Nobody At All").stdout


def test_a_limit_says_that_there_is_more(run: Run, ask: Callable[..., Any]) -> None:
    for index in range(3):
        run("contacts", "create", f"Lim Ited {index}", f"+1415555011{index}")
    limited = run("contacts", "search", "Lim Ited", "--limit", "2", "--json")
    assert (len(json.loads(limited.stdout)), "There are more" in limited.stderr) == (2, True)
    all_of_them = run("contacts", "search", "Lim Ited", "--limit", "0", "--json")
    assert (len(json.loads(all_of_them.stdout)), all_of_them.stderr) == (3, "")
    assert len(ask("contacts", "search", "Lim Ited", "--limit", "3")) == 3


def test_every_option_of_a_call_arrives(ask: Callable[..., Any], number: str) -> None:
    options = {
        "--id": "whole",
        "--direction": "OUTBOUND",
        "--caller": "+12025550100",
        "--callee": number,
        "--caller-name": "Alice",
        "--callee-name": "Ben",
        "--result": "Answered",
        "--start": "2026-03-01T10:00:00Z",
        "--answer": "2026-03-01T10:00:05Z",
        "--end": "2026-03-01T10:03:10Z",
        "--event-time": "2026-03-01T10:03:11Z",
        "--linked-id": "link",
        "--disposition": "Interested",
        "--subject": "A subject",
        "--note": "A note",
        "--summary": "A summary",
        "--recording-url": "https://pbx.example/r",
        "--voicemail-url": "https://pbx.example/v",
        "--attestation": "b",
        "--attribute": "queue=sales",
    }
    call = ask("calls", "log", "--user", "alice", "--final", *(word for pair in options.items() for word in pair))[
        "call"
    ]
    assert call == {
        "id": "whole",
        "linked_id": "link",
        "direction": "CALL_DIRECTION_OUTBOUND",
        "caller": {"phone_number": "+12025550100", "name": "Alice"},
        "callee": {"phone_number": number, "name": "Ben"},
        "start_time": "2026-03-01T10:00:00Z",
        "answer_time": "2026-03-01T10:00:05Z",
        "end_time": "2026-03-01T10:03:10Z",
        "result": "CALL_RESULT_ANSWERED",
        "disposition": "Interested",
        "subject": "A subject",
        "note": "A note",
        "recording_url": "https://pbx.example/r",
        "voicemail_url": "https://pbx.example/v",
        "summary": "A summary",
        "attestation": "ATTESTATION_B",
        "is_final": True,
        "event_time": "2026-03-01T10:03:11Z",
        "legs": [],
        "attributes": {"queue": "sales"},
    }


def test_an_empty_option_clears_and_one_that_is_not_given_keeps(ask: Callable[..., Any], number: str) -> None:
    log = ("calls", "log", "--id", "cleared")
    ask(
        *log,
        "--user",
        "u",
        "--direction",
        "inbound",
        "--caller",
        number,
        "--note",
        "n",
        "--subject",
        "s",
        "--end",
        "1m",
    )
    call = ask(*log, "--note", "", "--end", "")["call"]
    assert (call.get("note", ""), call["subject"], "end_time" in call) == ("", "s", False)


def test_a_call_is_its_json_as_shown_by_another_command(ask: Callable[..., Any], number: str, tmp_path: Path) -> None:
    call = ask("calls", "log", "--user", "u", "--direction", "inbound", "--caller", number)["call"]
    file = tmp_path / "call.json"
    file.write_text(json.dumps(call | {"id": "copied"}))
    assert ask("calls", "log", "--user", "u", "--json-call", str(file))["call"] == call | {"id": "copied"}


def test_a_call_without_an_id_gets_a_new_one_each_time(ask: Callable[..., Any], number: str) -> None:
    log = ("calls", "log", "--user", "u", "--direction", "inbound", "--caller", number)
    assert ask(*log)["call"]["id"] != ask(*log)["call"]["id"]


def test_validate_only_writes_nothing(run: Run, number: str) -> None:
    asked = run(
        "calls", "log", "--user", "u", "--id", "asked", "--direction", "inbound", "--caller", number, "--validate-only"
    )
    assert asked.stdout.startswith("It would be UNLOGGED NO_CONTACT\n")
    assert "Changed" not in asked.stdout
    assert "Nothing was written" in asked.stdout
    run("calls", "show", "asked", code=3)


def test_a_person_overrides_what_holds_a_call_back_and_the_users_log_stays(
    run: Run, ask: Callable[..., Any], number: str
) -> None:
    ask("contacts", "create", "Manuela", number)
    run("preferences", "set", "off", "auto_log_calls=false")
    run("calls", "log", "--user", "off", "--id", "manual", "--direction", "inbound", "--caller", number)
    shown = run("calls", "show", "manual").stdout
    assert shown.startswith("UNLOGGED AUTO_LOGGING_OFF\n")
    [manual] = re.findall(r"(leadline calls log .*--manual)", shown)
    logged = ask(*shlex.split(manual)[1:])
    assert (logged["state"], logged["user_id"]) == ("CALL_LOG_STATE_LOGGED", "off")


def test_a_retry_decides_anew(run: Run, ask: Callable[..., Any], number: str) -> None:
    run("calls", "log", "--user", "again", "--id", "again", "--direction", "inbound", "--caller", number)
    run("preferences", "set", "again", "unknown_contact_action=create-placeholder")
    assert ask("calls", "retry", "again")["reason"] == "CALL_LOG_REASON_PLACEHOLDER_CREATED"


def test_a_call_that_the_crm_refuses_ends_the_command_with_the_code_of_a_refusal(
    run: Run, ask: Callable[..., Any], number: str
) -> None:
    run("preferences", "set", "ref", "unknown_contact_action=create_placeholder", "placeholder_contact_type=robot")
    report = ("--user", "ref", "--id", "refused", "--direction", "inbound", "--caller", number)
    shown = run("calls", "log", *report, code=1).stdout
    assert shown.startswith("FAILED CRM_REJECTED\n")
    assert suggested(shown, "calls retry") == ["calls", "retry", "refused"]
    assert json.loads(run("calls", "retry", "refused", "--json", code=1).stdout)["state"] == "CALL_LOG_STATE_FAILED"
    assert ask("calls", "show", "refused")["state"] == "CALL_LOG_STATE_FAILED"


def test_calls_are_filtered(ask: Callable[..., Any], number: str) -> None:
    contact = ask("contacts", "create", "Fil Tered", number)["id"]
    log = ("calls", "log", "--user", "filter", "--direction", "inbound", "--caller")
    ask(*log, number, "--id", "known", "--start", "2026-01-02T10:00Z")
    ask(*log, "anonymous", "--id", "hidden", "--start", "2026-01-03T10:00Z")

    def ids(*filters: str) -> list[str]:
        return [found["call"]["id"] for found in ask("calls", "list", "--user", "filter", *filters)]

    assert ids() == ["hidden", "known"]
    assert ids("--state", "logged") == ids("--number", number) == ids("--contact", contact) == ["known"]
    assert ids("--reason", "NUMBER_WITHHELD", "--reason", "no_contact") == ["hidden"]
    assert (ids("--since", "2026-01-03T00:00Z"), ids("--until", "2026-01-03T00:00Z")) == (["hidden"], ["known"])
