"""`leadline backup` and `leadline restore` where something is wrong: a damaged ledger, a backup that is not whole."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.backups import calls_in, log_some, saved
from support.servers import leadline, server_process


@pytest.fixture
def ledger_of_a_server(tmp_path: Path) -> Path:
    """A ledger with one unlogged call, whose server has stopped."""
    with server_process(tmp_path / "made" / "data") as running:
        log_some(running.address, ["call-1"])
    return running.data_dir / "ledger.db"


def test_a_torn_ledger_does_not_replace_a_good_backup(ledger_of_a_server: Path, tmp_path: Path) -> None:
    torn, folder = tmp_path / "torn.db", tmp_path / "b"
    where = ledger_of_a_server.parent
    saved(folder, where)
    good = (folder / "ledger.db").read_bytes()
    content = ledger_of_a_server.read_bytes()
    torn.write_bytes(content[:20_000] + os.urandom(40_000) + content[60_000:])
    done = leadline("backup", folder, "--force", "--ledger", torn, "--data-dir", where)
    assert done.returncode == 1
    assert "was not copied" in done.stderr
    assert (folder / "ledger.db").read_bytes() == good


def test_a_ledger_with_a_fault_is_saved_as_it_is_and_that_is_said(ledger_of_a_server: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(ledger_of_a_server)) as connection, connection:
        connection.execute("UPDATE call_logs SET contact_id = 'c_other'")
    done = leadline("backup", tmp_path / "b", "--data-dir", ledger_of_a_server.parent)
    assert done.returncode == 1
    assert "demo/call-1: contact_id" in done.stderr
    assert calls_in(tmp_path / "b" / "ledger.db") == {"call-1"}


def test_only_a_whole_backup_is_restored_and_only_into_an_empty_folder(
    ledger_of_a_server: Path, tmp_path: Path
) -> None:
    folder, target = tmp_path / "b", tmp_path / "new"
    saved(folder, ledger_of_a_server.parent)
    done = leadline("restore", folder, "--data-dir", ledger_of_a_server.parent)
    assert (done.returncode, "is not empty" in done.stderr) == (1, True), done
    with (folder / "ledger.db").open("ab") as file:
        file.write(b"more")
    done = leadline("restore", folder, "--data-dir", target)
    assert (done.returncode, "ledger.db is not the file" in done.stderr, target.exists()) == (1, True, False), done
    (folder / "backup.json").unlink()
    done = leadline("restore", folder, "--data-dir", target)
    assert (done.returncode, "not a complete backup" in done.stderr, target.exists()) == (1, True, False), done
