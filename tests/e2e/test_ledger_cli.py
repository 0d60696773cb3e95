"""`leadline ledger check` and `backup`, on the files of a server that runs, or ran."""

import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from leadline import Client, errors
from leadline.v1.call_pb2 import Call, CallDirection, Party
from support.databases import rows
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


def calls_in(ledger: Path) -> set[str]:
    return {call_id for (call_id,) in rows(ledger, "SELECT call_id FROM call_logs")}


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
    "due": "UPDATE call_logs SET body = replace(CAST(body AS TEXT), '\"state\":2', '\"state\":3'), shown_state = 3",
    "attempts": "UPDATE call_logs SET next_attempt_time = 101768227200000000,"
    " body = replace(CAST(body AS TEXT), '\"next_attempt_time\":null',"
    ' \'"next_attempt_time":"5194-11-28T00:00:00Z"\')',
    "logged": "UPDATE call_logs SET shown_state = 1, body = replace(replace(CAST(body AS TEXT), '\"state\":2',"
    " '\"state\":1'), '\"delivered_revision\":0', '\"delivered_revision\":1')",
    "sequences": "UPDATE ledger SET call_log_sequence = 0",
    "settings": "UPDATE accounts SET body = '{'",
    "claims": "INSERT INTO claims (account_id, number_key, contact_id) VALUES ('demo', '+12025550101', 'c_1')",
    "requests": "INSERT INTO requests VALUES ('demo', 'r-1', 0, 'f', '{')",
    "secret": "UPDATE ledger SET secret = x'00'",
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


def test_a_backup_made_while_calls_are_logged_has_all_that_were_accepted_before(
    server: ServerProcess, tmp_path: Path
) -> None:
    before = [f"before-{number}" for number in range(20)]
    log_some(server, *before)
    with ThreadPoolExecutor(1) as other:
        during = other.submit(log_some, server, *(f"during-{number}" for number in range(100)))
        done = leadline(
            "ledger", "backup", tmp_path / "b.db", "--crm", tmp_path / "c.db", "--data-dir", server.data_dir
        )
        during.result()
    assert done.returncode == 0, done.stderr
    assert "To restore: stop the server" in done.stdout
    assert calls_in(tmp_path / "b.db") >= set(before)
    assert leadline("ledger", "check", "--ledger", tmp_path / "b.db").returncode == 0
    for name in ("b.db", "c.db"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir() if "partial" in file.name] == []


def test_a_backup_is_restored_as_it_says_and_older_watches_are_told(server: ServerProcess, tmp_path: Path) -> None:
    with Client(server.address, account="demo", user="alice") as client:
        log(client, "call-1")
        watch = client.watch_call_logs()
        watch.start()
        saved = leadline(
            "ledger", "backup", tmp_path / "b.db", "--crm", tmp_path / "c.db", "--data-dir", server.data_dir
        )
        assert saved.returncode == 0, saved.stderr
        log(client, "call-2")
        next(iter(watch))
        token = watch.resume_token
        watch.close()
    server.stop()
    restored = tmp_path / "restored"
    restored.mkdir(mode=0o700)
    shutil.copy(tmp_path / "b.db", restored / "ledger.db")
    shutil.copy(tmp_path / "c.db", restored / "crm.db")
    with server_process(restored) as again, Client(again.address, account="demo", user="alice") as client:
        assert client.get_call_log("call-1").call.id == "call-1"
        for number in range(5):
            log(client, f"new-{number}")
        with pytest.raises(errors.OutOfRange):
            client.watch_call_logs(resume_token=token).start()
    assert calls_in(restored / "ledger.db") == {"call-1", *(f"new-{number}" for number in range(5))}


def test_a_backup_replaces_nothing_unless_it_is_told_to(server: ServerProcess, tmp_path: Path) -> None:
    target = tmp_path / "b.db"
    target.write_text("precious")
    refused = leadline("ledger", "backup", target, "--data-dir", server.data_dir)
    assert (refused.returncode, target.read_text()) == (2, "precious")
    assert "--force" in refused.stderr
    assert leadline("ledger", "backup", target, "--force", "--data-dir", server.data_dir).returncode == 0
    assert calls_in(target) == set()


def test_a_backup_never_goes_over_the_ledger_itself(server: ServerProcess) -> None:
    ledger = server.data_dir / "ledger.db"
    done = leadline("ledger", "backup", ledger, "--force", "--data-dir", server.data_dir)
    assert done.returncode == 2
    assert "in use" in done.stderr


def test_a_torn_ledger_does_not_replace_a_good_backup(ledger_of_a_server: Path, tmp_path: Path) -> None:
    torn, target = tmp_path / "torn.db", tmp_path / "b.db"
    assert leadline("ledger", "backup", target, "--ledger", ledger_of_a_server).returncode == 0
    good = target.read_bytes()
    content = ledger_of_a_server.read_bytes()
    torn.write_bytes(content[:20_000] + os.urandom(40_000) + content[60_000:])
    done = leadline("ledger", "backup", target, "--force", "--ledger", torn)
    assert done.returncode == 1
    assert "was not copied" in done.stderr
    assert target.read_bytes() == good


def test_a_ledger_with_a_fault_is_saved_as_it_is_and_that_is_said(ledger_of_a_server: Path, tmp_path: Path) -> None:
    ledger = Path(shutil.copy(ledger_of_a_server, tmp_path))
    alter(ledger, DAMAGE["columns"])
    done = leadline("ledger", "backup", tmp_path / "b.db", "--ledger", ledger)
    assert done.returncode == 1
    assert "demo/call-1: contact_id" in done.stderr
    assert calls_in(tmp_path / "b.db") == {"call-1"}
