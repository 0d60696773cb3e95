"""`leadline ledger check` and `version`, on the files of a server that runs, or ran."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from leadline import Client
from leadline.v1.call_pb2 import Call, CallDirection, Party
from support.servers import ServerProcess, leadline, server_process


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with server_process(tmp_path / "data") as running:
        yield running


def log(client: Client, call_id: str) -> None:
    call = Call(
        id=call_id,
        direction=CallDirection.CALL_DIRECTION_INBOUND,
        caller=Party(phone_number="+12025550147"),
    )
    client.log_call(call)


def log_some(server: ServerProcess, *call_ids: str) -> None:
    with Client(server.address, account="demo", user="alice") as client:
        for call_id in call_ids:
            log(client, call_id)


def alter(database: Path, statement: str) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(statement)


def test_a_ledger_that_is_served_is_sound(server: ServerProcess) -> None:
    log_some(server, "call-1", "call-2")
    done = leadline("ledger", "check", "--data-dir", server.data_dir)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 calls" in done.stdout
    assert "BAD" not in done.stdout
    assert done.stdout.endswith("The ledger is sound.\n")


def test_a_ledger_is_named_as_the_server_is_told_it(server: ServerProcess) -> None:
    ledger = f"sqlite:{server.data_dir / 'ledger.db'}"
    assert leadline("ledger", "check", "--ledger", ledger).returncode == 0
    assert leadline("ledger", "check", settings={"LEADLINE_LEDGER": ledger}).returncode == 0


DAMAGE = {
    "documents": "UPDATE call_logs SET body = substr(body, 1, 40)",
    "columns": "UPDATE call_logs SET contact_id = 'c_other'",
    "due": "UPDATE call_logs SET body = json_set(CAST(body AS TEXT), '$.state', 3), shown_state = 3",
    "attempts": "UPDATE call_logs SET next_attempt_time = 101768227200000000,"
    " body = json_set(CAST(body AS TEXT), '$.next_attempt_time', '5194-11-28T00:00:00Z')",
    "logged": "UPDATE call_logs SET shown_state = 1,"
    " body = json_set(CAST(body AS TEXT), '$.state', 1, '$.delivered_revision', 1)",
    "sequences": "UPDATE ledger SET call_log_sequence = 0",
    "settings": "UPDATE accounts SET body = '{'",
    "claims": "INSERT INTO claims (account_id, number_key, contact_id) VALUES ('demo', '+12025550101', 'c_1')",
    "requests": "INSERT INTO requests VALUES ('demo', 'r-1', 0, 'f', '{')",
    "secret": "UPDATE ledger SET secret = x'00'",
    "audit": "UPDATE audit_chains SET sequence = sequence + 1",
    "schema": "INSERT INTO schema_migrations VALUES (99, 'future', '')",
}


@pytest.fixture(scope="module")
def ledger_of_a_server(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with one unlogged call, whose server has stopped."""
    with server_process(tmp_path_factory.mktemp("made") / "data") as server:
        log_some(server, "call-1")
    return server.data_dir / "ledger.db"


@pytest.mark.parametrize("part", DAMAGE)
def test_what_is_wrong_is_named_with_what_to_do(ledger_of_a_server: Path, tmp_path: Path, part: str) -> None:
    ledger = Path(shutil.copy(ledger_of_a_server, tmp_path))
    alter(ledger, DAMAGE[part])
    done = leadline("ledger", "check", "--ledger", ledger)
    assert done.returncode == 1, done.stdout
    assert [line.split()[1] for line in done.stdout.splitlines() if line.startswith("  BAD")] == [part]
    assert "What to do: " in done.stdout


def test_a_file_that_is_torn_is_told(ledger_of_a_server: Path, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.db"
    content = ledger_of_a_server.read_bytes()
    ledger.write_bytes(content[:20_000] + os.urandom(40_000) + content[60_000:])
    done = leadline("ledger", "check", "--ledger", ledger)
    assert done.returncode == 1
    assert "BAD" in done.stdout
    assert "restore a backup" in done.stdout


def test_a_ledger_that_is_not_there_is_a_wrong_usage(tmp_path: Path) -> None:
    done = leadline("ledger", "check", "--ledger", tmp_path / "none.db")
    assert done.returncode == 2
    assert "there is no such file" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        ("UPDATE ledger SET is_standby = 0", 0, "It is live.\n"),
        ("UPDATE ledger SET is_standby = 1", 0, "It is a standby: `leadline restore --live` makes it the live one.\n"),
        (DAMAGE["schema"], 1, "This leadline is too old for it. Run the newer one"),
        ("UPDATE schema_migrations SET version = 0", 1, "The next start of the server migrates it."),
    ],
)
def test_the_version_of_a_file_is_shown_against_the_programs(
    ledger_of_a_server: Path, tmp_path: Path, change: str, code: int, told: str
) -> None:
    ledger = Path(shutil.copy(ledger_of_a_server, tmp_path))
    alter(ledger, change)
    done = leadline("ledger", "version", "--ledger", ledger)
    assert (done.returncode, done.stderr) == (code, "")
    assert f"Ledger {ledger}: version " in done.stdout
    assert told in done.stdout
