"""`leadline doctor`: processes on files, disks and limits that are in order, and on ones that are not."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from support.disks import full, in_memory
from support.servers import leadline, server_process, until


def diagnosed(data: Path, *arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and the results by the name of the check."""
    ended = leadline("doctor", "--data-dir", str(data), "--json", *arguments, seconds=30)
    return ended.returncode, {one["check"]: one for one in json.loads(ended.stdout)}


def test_a_served_folder_is_in_order_also_while_it_is_served(tmp_path: Path) -> None:
    with server_process(tmp_path / "data"):
        code, checks = diagnosed(tmp_path / "data")
    wrong = {name: one for name, one in checks.items() if one["state"] == "problem" and name != "disk"}
    assert wrong == {}
    assert code == (checks["disk"]["state"] == "problem")
    assert checks.keys() == {
        "settings",
        "ledger",
        "clock",
        "descriptors",
        "disk",
        "key",
        "audit",
        "traces",
        "servers",
        "settings of servers",
        "clocks of servers",
    }
    assert checks["servers"]["found"].startswith("1, version ")


def test_a_new_folder_is_not_created(tmp_path: Path) -> None:
    _, checks = diagnosed(tmp_path / "data")
    assert "does not exist yet" in checks["ledger"]["found"]
    assert not (tmp_path / "data").exists()


def test_bad_settings_are_named_and_end_the_checks(tmp_path: Path) -> None:
    config = tmp_path / "leadline.toml"
    config.write_text("listn = 'x'")
    code, checks = diagnosed(tmp_path, "--config", str(config))
    assert (code, list(checks)) == (1, ["settings"])
    assert checks["settings"]["found"] == f"listn: no such setting; did you mean listen? ({config}:1)"


def test_only_the_last_of_several_bad_settings_says_what_to_do() -> None:
    ended = leadline("doctor", settings={"LEADLINE_WORKERS": "0", "LEADLINE_LOG_LEVEL": "loud"}, seconds=30)
    first, last = ended.stdout.splitlines()
    assert "must be" in first
    assert "Correct" not in first
    assert last.endswith(". Correct these; the other checks need valid settings.")


def test_a_data_directory_that_is_a_file_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    code, checks = diagnosed(tmp_path / "data")
    assert (code, checks["ledger"]["state"]) == (1, "problem")
    assert checks["ledger"]["found"] == f"{tmp_path}/data is not a folder"


def test_no_sentence_ends_twice(tmp_path: Path) -> None:
    ledger = "postgresql://leadline:s3cret@127.0.0.1:1/none"
    ended = leadline("doctor", "--ledger", ledger, "--data-dir", str(tmp_path), seconds=60)
    assert ended.returncode == 1
    assert "cannot be reached. Check the setting ledger" in ended.stdout
    assert "s3cret" not in ended.stdout


def test_a_damaged_ledger_and_a_key_that_others_can_read_are_problems(tmp_path: Path) -> None:
    data, key, config = tmp_path / "data", tmp_path / "secrets.key", tmp_path / "leadline.toml"
    config.touch()
    with server_process(data):
        pass
    key.write_text("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
    key.chmod(0o644)
    (data / "ledger.db").write_bytes(b"no database" * 1000)
    code, checks = diagnosed(data, "--config", str(config))
    assert (code, checks["ledger"]["state"], checks["key"]["state"]) == (1, "problem", "problem")
    assert checks["key"]["action"] == f"Run: chmod 600 {key}"
    key.write_text("no key")
    assert "is not a key" in diagnosed(data, "--config", str(config))[1]["key"]["found"]


def test_a_ledger_from_the_future_shows_a_wrong_clock(tmp_path: Path) -> None:
    with server_process(tmp_path):
        pass
    later = time.time() + 86_400
    os.utime(tmp_path / "ledger.db", (later, later))
    code, checks = diagnosed(tmp_path)
    assert (code, checks["clock"]["state"]) == (1, "problem")


def test_a_full_disk_is_a_problem(tmp_path: Path) -> None:
    with in_memory(tmp_path / "disk") as disk, full(disk):
        code, checks = diagnosed(disk)
    assert (code, checks["disk"]["state"]) == (1, "problem")
    assert checks["disk"]["found"].startswith("0 MB are free")


def test_few_descriptors_are_a_warning_with_the_number_of_connections(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "leadline_server.cli", "doctor", "--data-dir", str(tmp_path)]
    ended = subprocess.run(
        ["/bin/sh", "-c", 'ulimit -n 512 && exec "$@"', "sh", *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    [line] = [line for line in ended.stdout.splitlines() if line.startswith("descriptors")]
    assert line.split()[1] == "warning"
    assert "of 10,000 gRPC connections. Raise the hard limit" in line


def test_entries_of_the_audit_trail_that_wait_and_a_receiver_that_is_away_are_warnings(tmp_path: Path) -> None:
    with server_process(tmp_path):
        pass
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        connection.execute("INSERT INTO audit (account_id, time, document) VALUES ('demo', 0, '{}')")
        connection.commit()
    config = tmp_path / "leadline.toml"
    config.write_text("otlp_endpoint = 'http://127.0.0.1:1'")
    code, checks = diagnosed(tmp_path, "--config", str(config))
    assert code == 0
    assert checks["audit"]["found"] == "1 entries wait for their place in a chain"
    assert (checks["audit"]["state"], checks["traces"]["state"]) == ("warning", "warning")
    assert checks["traces"]["found"] == "127.0.0.1:1 does not answer: Connection refused"


def test_servers_with_other_settings_are_named_and_one_that_stopped_is_not(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with server_process(data) as first:
        with server_process(data, settings={"LEADLINE_KEEP_CALLS_DAYS": "30"}):
            until(lambda: diagnosed(data)[1]["servers"]["found"].startswith("2, "))
            code, checks = diagnosed(data)
            assert (code, checks["settings of servers"]["state"]) == (1, "problem")
            assert checks["settings of servers"]["found"] == "servers differ in keep_calls_days"
        assert diagnosed(data)[1]["servers"]["found"].startswith("1, ")
        first.kill()
