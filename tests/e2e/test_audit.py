"""`leadline audit`: the trail of two servers on one ledger, exported while they serve, and verified."""

import json
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from leadline import Client
from leadline.v1.call_pb2 import CALL_DIRECTION_INBOUND, Call, Party
from leadline.v1.preferences_pb2 import UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER, Preferences
from support.servers import ServerProcess, leadline, server_process, until

STRANGER: Final = "+12025550147"
ACTIONS: Final = ("account.created", "preferences.updated", "placeholder.created")
NAME: Final = "Secret Placeholder"


def call(call_id: str, number: str = STRANGER) -> Call:
    return Call(id=call_id, direction=CALL_DIRECTION_INBOUND, caller=Party(phone_number=number))


def exported(data: Path, file: Path) -> list[dict[str, Any]]:
    """The entries of an export."""
    done = leadline("audit", "export", file, "--force", "--data-dir", data)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    return [line["entry"] | {"account_id": line["account_id"]} for line in lines if "entry" in line]


def work(server: ServerProcess, user: str, numbers: Sequence[str]) -> None:
    with Client(server.address, account="demo", user=user) as client:
        action = UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER
        client.update_preferences(Preferences(unknown_contact_action=action, placeholder_name=NAME))
        for number in numbers:
            client.log_call(call(f"call-{user}-{number[-1]}", number))
        list(client.list_call_logs())


def test_two_servers_make_one_trail_that_is_exported_while_they_serve(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "audit.jsonl"
    with server_process(data) as one, server_process(data) as two:
        work(one, "alice", ["+12025550141", "+12025550142"])
        work(two, "bob", ["+12025550143", "+12025550144"])
        until(lambda: len(exported(data, file)) >= 7)
        entries = exported(data, file)
        assert leadline("audit", "verify", file).returncode == 0
        one.kill()  # what it noted in the last seconds may be lost; what it changed is not
        work(two, "carol", ["+12025550145"])
    later = exported(data, tmp_path / "later.jsonl")
    by_action = {
        name: [entry for entry in entries if entry["action"] == name] for name in {e["action"] for e in entries}
    }
    assert [entry["actor"] for entry in by_action["account.created"]] == ["settings"]
    assert [entry["subject"] for entry in by_action["preferences.updated"]] == ["alice", "bob"]
    assert by_action["preferences.updated"][0]["fields"] == ["unknown_contact_action", "placeholder_name"]
    placeholders = by_action["placeholder.created"]
    assert {entry["on_behalf_of"] for entry in placeholders} == {"alice", "bob"}
    assert {entry["call_id"] for entry in placeholders} == {"call-alice-1", "call-alice-2", "call-bob-3", "call-bob-4"}
    assert "carol" in {entry["subject"] for entry in later if entry["action"] == "preferences.updated"}
    reads = [entry for entry in later if entry["action"] == "read.in_bulk"]
    assert {(entry["subject"], entry["actor"]) for entry in reads} == {("ListCallLogs", "everyone")}
    text = (tmp_path / "later.jsonl").read_text()
    assert NAME not in text
    assert "202555" not in text
    check = leadline("audit", "verify", "--data-dir", data, "--anchors", file)
    assert (check.returncode, check.stdout) == (0, "The audit trail is sound.\n"), check.stdout
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a server that has stopped."""
    data = tmp_path_factory.mktemp("audited") / "data"
    with server_process(data) as server:
        for user in ("alice", "bob", "carol"):
            work(server, user, [])
    return data


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET document = replace(CAST(document AS TEXT), 'bob', 'eve') WHERE sequence = 3",
        "DELETE FROM audit WHERE sequence = 3",
        "UPDATE audit SET sequence = 5 - sequence WHERE sequence IN (2, 3)",
    ],
)
def test_tampering_is_found_by_verify(served: Path, tmp_path: Path, statement: str) -> None:
    ledger = Path(shutil.copy(served / "ledger.db", tmp_path))
    assert leadline("audit", "verify", "--ledger", ledger).returncode == 0
    with closing(sqlite3.connect(ledger)) as connection:
        for trigger in ("audit_never_changes", "audit_is_kept"):
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("DROP INDEX audit_by_sequence")
        connection.execute(statement)
        connection.commit()
    done = leadline("audit", "verify", "--ledger", ledger)
    assert done.returncode == 1
    assert done.stdout.startswith("demo: entry ")


def test_files_that_are_no_exports_and_files_that_exist_are_refused(served: Path, tmp_path: Path) -> None:
    file = tmp_path / "some.txt"
    file.write_text("text\n")
    assert leadline("audit", "export", file, "--data-dir", served).returncode == 2
    assert file.read_text() == "text\n"
    assert "line 1 is not one of an audit export" in leadline("audit", "verify", file).stderr
    assert "it has no anchors" in leadline("audit", "verify", "--anchors", file, "--data-dir", served).stderr
    assert leadline("audit", "export", "-", "--account", "none", "--data-dir", served).stdout.count("\n") == 1
