"""Commands that open the ledger themselves, on a ledger in PostgreSQL."""

import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from support.postgres import PostgresServer
from support.servers import ServerProcess, leadline, server_process, until

pytestmark = pytest.mark.system

AUTHENTICATED: Final[Mapping[str, str]] = {
    "LEADLINE_AUTHENTICATION": "true",
    "LEADLINE_LISTEN": "127.0.0.1:0",
    "LEADLINE_METRICS_LISTEN": "127.0.0.1:0",
    "LEADLINE_HTTP_LISTEN": "127.0.0.1:0",
}
SOUND: Final = "The audit trail is sound.\n"
CRM: Final = """
check_connections = false
[connections.crm]
adapter = "hubspot"
api_url = "http://127.0.0.1:1"
token = "t"
"""


@pytest.fixture
def ledger(postgres: PostgresServer, tmp_path: Path) -> dict[str, str]:
    return {"LEADLINE_LEDGER": postgres.create(), "LEADLINE_SECRETS_KEY_FILE": str(tmp_path / "keys" / "secrets.key")}


def done(ledger: Mapping[str, str], *arguments: Any, code: int = 0) -> str:
    """The standard output of a command, which ends with `code`."""
    ended = leadline(*arguments, settings=ledger, seconds=60)
    assert ended.returncode == code, ended.stderr
    return ended.stdout


def test_the_first_key_is_made_once_and_a_server_accepts_it(ledger: dict[str, str], tmp_path: Path) -> None:
    file, second = tmp_path / "platform.key", tmp_path / "second.key"
    done(ledger, "keys", "bootstrap", "--file", file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    done(ledger, "keys", "bootstrap", "--file", second, code=1)
    assert not second.exists()
    with server_process(tmp_path / "data", settings={**ledger, **AUTHENTICATED}) as server:
        key = {"LEADLINE_API_KEY": file.read_text().strip()}
        issued = done(key, "keys", "issue", "--role", "monitor", "--server", server.address)
        assert issued.startswith("leadline_")


def test_a_database_that_does_not_answer_leaves_no_key(tmp_path: Path) -> None:
    file = tmp_path / "platform.key"
    done({"LEADLINE_LEDGER": "postgresql://leadline@127.0.0.1:1/none"}, "keys", "bootstrap", "--file", file, code=1)
    assert not file.exists()


def test_checks_of_connections_are_listed(ledger: dict[str, str], tmp_path: Path) -> None:
    config = tmp_path / "leadline.toml"
    config.write_text(CRM)
    assert done(ledger, "connections", "list") == "No connection was checked yet.\n"
    done(ledger, "connections", "check", "crm", "--config", config, code=4)
    [row] = json.loads(done(ledger, "connections", "list", "--json"))
    assert (row["connection"], row["state"]) == ("crm", "failing")


def test_secrets_keys_are_rotated_and_listed(ledger: dict[str, str]) -> None:
    file = Path(ledger["LEADLINE_SECRETS_KEY_FILE"])
    file.parent.mkdir(mode=0o700)
    file.touch(mode=0o600)
    file.write_text(done(ledger, "secrets", "generate"))
    assert "is in use" in done(ledger, "secrets", "rotate")
    [key] = json.loads(done(ledger, "secrets", "list", "--json"))["keys"]
    assert (key["present"], key["current"]) == (True, True)


def test_the_quarantine_is_listed(ledger: dict[str, str]) -> None:
    assert json.loads(done(ledger, "ingress", "list", "--failed", "--json")) == []


def exported(ledger: Mapping[str, str], file: Path, *arguments: str) -> list[str]:
    """The actions of an export of the audit trail, each with its account."""
    done(ledger, "audit", "export", file, "--force", *arguments)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    return [f"{line['account_id']} {line['entry']['action']}" for line in lines if "entry" in line]


def set_preferences(server: ServerProcess, *users: str) -> None:
    for user in users:
        done({"LEADLINE_SERVER": server.address}, "preferences", "set", user, "auto_log_calls=false")


def test_the_audit_trail_is_exported_and_verified_while_a_server_uses_the_ledger(
    ledger: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "audit.jsonl"
    with server_process(tmp_path / "data", settings=ledger) as server:
        set_preferences(server, "alice")
        until(lambda: "demo preferences.updated" in exported(ledger, file))
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert done(ledger, "audit", "verify", file) == SOUND
        assert done(ledger, "audit", "verify", "--anchors", file) == SOUND
        assert exported(ledger, tmp_path / "none.jsonl", "--account", "none") == []


def test_tampering_with_the_audit_trail_is_found_in_postgresql(
    ledger: dict[str, str], postgres: PostgresServer, tmp_path: Path
) -> None:
    file, database = tmp_path / "audit.jsonl", ledger["LEADLINE_LEDGER"].rpartition("/")[2].partition("?")[0]
    with server_process(tmp_path / "data", settings=ledger) as server:
        set_preferences(server, "alice", "bob", "carol")
        until(lambda: exported(ledger, file).count("demo preferences.updated") == 3)
    postgres.sql("ALTER TABLE audit DISABLE TRIGGER USER", database)
    postgres.sql("DELETE FROM audit WHERE position(convert_to('bob', 'UTF8') IN document) > 0", database)
    assert "is missing" in done(ledger, "audit", "verify", code=1)
    assert "is missing" in done(ledger, "audit", "verify", "--anchors", file, code=1)


def test_that_an_operator_made_a_ledger_live_is_in_the_audit_trail(ledger: dict[str, str], tmp_path: Path) -> None:
    done(ledger, "keys", "bootstrap", "--file", tmp_path / "platform.key")
    done(ledger, "restore", "--standby")
    done(ledger, "restore", "--live")
    with server_process(tmp_path / "data", settings=ledger):  # it gives entries their places in the chain
        until(lambda: " ledger.made_live" in exported(ledger, tmp_path / "audit.jsonl", "--account", ""))
    assert '{"action": "ledger.made_live", "actor": "operator", "count": 1}' in (tmp_path / "audit.jsonl").read_text()


@pytest.mark.parametrize("command", [("audit", "export", "-"), ("audit", "verify")])
def test_a_database_without_a_ledger_and_one_that_is_down_are_said(
    ledger: dict[str, str], command: tuple[str, ...]
) -> None:
    down = {"LEADLINE_LEDGER": "postgresql://leadline:secret@127.0.0.1:1/none"}
    for settings, sentence in ((ledger, "It has no ledger yet"), (down, "cannot be read")):
        ended = leadline(*command, settings=settings, seconds=60)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert sentence in ended.stderr
        assert "secret" not in ended.stderr
