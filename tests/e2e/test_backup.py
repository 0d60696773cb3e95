"""`leadline backup` and `leadline restore`: with the embedded CRM, and with one that rotates tokens."""

import asyncio
import shutil
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fakes.connections import write_toml
from fakes.salesforce import REFRESH_TOKEN
from leadline import Client, errors
from leadline.v1.call_log_pb2 import CALL_LOG_STATE_PENDING
from support.backups import (
    KNOWN,
    PER_SECOND,
    Rotating,
    all_logged,
    calls_in,
    ids_until,
    log,
    log_at_a_rate,
    log_some,
    rotating_crm,
    saved,
)
from support.databases import rows
from support.servers import ServerProcess, leadline, server_process, until


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with server_process(tmp_path / "data") as running:
        yield running


def connected(server: ServerProcess) -> Client:
    return Client(server.address, account="demo", user="alice")


@pytest.fixture
def rotating(tmp_path: Path) -> Iterator[Rotating]:
    with rotating_crm(tmp_path) as crm:
        yield crm


def test_a_restored_copy_takes_over_with_nothing_lost_and_nothing_twice(rotating: Rotating, tmp_path: Path) -> None:
    folder, keys, second = tmp_path / "backup", tmp_path / "keys", tmp_path / "second" / "data"
    settings = {"LEADLINE_CONFIG": str(rotating.config)}
    accepted, is_saved = list[str](), threading.Event()
    with server_process(tmp_path / "data", settings=settings) as first:
        log_some(first.address, ["early"])
        with ThreadPoolExecutor(1) as pool:
            under_way = pool.submit(asyncio.run, log_at_a_rate(first.address, ids_until(is_saved), accepted))
            until(lambda: len(accepted) > PER_SECOND // 2)
            before = set(accepted)
            saved(folder, first.data_dir, "--keys", keys, "--config", rotating.config)
            is_saved.set()
            under_way.result()
        calls = list(accepted)
        assert before <= calls_in(folder / "ledger.db") < {*calls, "early"}  # it was made in the middle

        done = leadline("restore", folder, "--keys", keys, "--data-dir", second, "--config", rotating.config)
        assert (done.returncode, done.stderr) == (0, ""), done
        with server_process(second, settings=settings) as standby:
            log_some(first.address, ["on-the-first"])  # it has its tokens still
            until(lambda: all_logged(first.address, [*calls, "early", "on-the-first"]), 60)
            assert rotating.tokens == {"asked": 1, "refused": 0}
            first.kill()

            rotating.expire("the-second-token")
            with Client(standby.address, account="demo", user="alice") as client:
                assert log(client, "on-the-standby").state == CALL_LOG_STATE_PENDING
                with pytest.raises(errors.Unavailable, match="restored copy"):
                    client.find_contact(KNOWN, skip_cache=True)
            assert rotating.tokens == {"asked": 1, "refused": 0}  # it presents no refresh token
            assert "demo/on-the-standby" not in rotating.crm.written().logs

            done = leadline("restore", "--live", "--data-dir", second, "--config", rotating.config)
            assert (done.returncode, done.stdout) == (0, "It is live. Replay the calls since the backup.\n"), done
            replayed = [*calls, "on-the-first"]
            asyncio.run(log_at_a_rate(standby.address, replayed, accepted))
            every = [*replayed, "early", "on-the-standby"]
            until(lambda: all_logged(standby.address, every), 60)
    assert rotating.tokens == {"asked": 2, "refused": 0}
    logs = rotating.crm.written().logs
    assert set(logs) == {f"demo/{each}" for each in every}
    assert {len(each) for each in logs.values()} == {1}


def test_without_its_key_a_copy_says_which_is_missing_and_serves_nothing_that_needs_it(
    rotating: Rotating, tmp_path: Path
) -> None:
    folder, keys, second = tmp_path / "backup", tmp_path / "keys", tmp_path / "second" / "data"
    settings = {"LEADLINE_CONFIG": str(rotating.config)}
    with server_process(tmp_path / "data", settings=settings) as first:
        log_some(first.address, ["call-1"])
    printed = saved(folder, tmp_path / "data", "--config", rotating.config)
    key_id = rows(folder / "ledger.db", "SELECT secrets_key_id FROM ledger")[0][0]
    assert f"A restore needs the key {key_id}, which is not saved: {tmp_path / 'secrets.key'}" in printed
    assert REFRESH_TOKEN.encode() not in b"".join(file.read_bytes() for file in folder.iterdir())

    where = ["--data-dir", str(second), "--config", str(rotating.config)]
    settings |= {"LEADLINE_SECRETS_KEY_FILE": str(tmp_path / "second" / "secrets.key")}
    done = leadline("restore", folder, *where, settings=settings)
    assert done.returncode == 1
    assert f"Missing keys: {key_id}." in done.stderr
    refused = leadline("restore", "--live", *where, settings=settings)
    assert refused.returncode == 1
    assert f"Missing keys: {key_id}." in refused.stderr
    asked = rotating.tokens["asked"]
    with (
        server_process(second, settings=settings) as standby,
        Client(standby.address, account="demo", user="alice") as client,
    ):
        with pytest.raises(errors.Unavailable, match=key_id):
            client.find_contact(KNOWN)
        assert log(client, "call-2").state == CALL_LOG_STATE_PENDING
        assert rotating.tokens["asked"] == asked

        shutil.copy(tmp_path / "secrets.key", keys)
        done = leadline("restore", "--keys", keys, "--live", *where, settings=settings)
        assert (done.returncode, done.stderr) == (0, "")
        until(lambda: all_logged(standby.address, ["call-2"]))
        assert client.find_contact(KNOWN).matches


def test_a_lost_key_is_given_up_and_access_is_granted_again(rotating: Rotating, tmp_path: Path) -> None:
    folder, second = tmp_path / "backup", tmp_path / "second" / "data"
    settings = {"LEADLINE_CONFIG": str(rotating.config)}
    with server_process(tmp_path / "data", settings=settings) as first:
        log_some(first.address, ["call-1"])
    saved(folder, tmp_path / "data", "--config", rotating.config)
    where = ["--data-dir", str(second), "--config", str(rotating.config)]
    settings |= {"LEADLINE_SECRETS_KEY_FILE": str(tmp_path / "second" / "secrets.key")}
    assert leadline("restore", folder, *where, settings=settings).returncode == 1
    assert leadline("restore", "--live", "--without-keys", *where, settings=settings).returncode == 0
    assert rows(second / "ledger.db", "SELECT document FROM tokens") == [(None,)]
    write_toml(rotating.config, "salesforce", rotating.crm.url, refresh_token=f"{REFRESH_TOKEN}-1")  # granted anew
    with (
        server_process(second, settings=settings) as live,
        Client(live.address, account="demo", user="alice") as client,
    ):
        assert client.find_contact(KNOWN).matches


def test_a_backup_made_while_calls_are_logged_has_all_that_were_accepted_before(
    server: ServerProcess, tmp_path: Path
) -> None:
    before = [f"before-{number}" for number in range(20)]
    log_some(server.address, before)
    with ThreadPoolExecutor(1) as other:
        during = other.submit(log_some, server.address, [f"during-{number}" for number in range(100)])
        printed = saved(tmp_path / "b", server.data_dir)
        during.result()
    assert "A restore needs no key" in printed
    assert calls_in(tmp_path / "b" / "ledger.db") >= set(before)
    assert leadline("ledger", "check", "--ledger", tmp_path / "b" / "ledger.db").returncode == 0
    assert sorted(file.name for file in (tmp_path / "b").iterdir()) == ["backup.json", "ledger.db"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "b").iterdir()} == {0o600}


def test_older_watches_are_told_of_a_restore(server: ServerProcess, tmp_path: Path) -> None:
    with Client(server.address, account="demo", user="alice") as client:
        log(client, "call-1")
        watch = client.watch_call_logs()
        watch.start()
        saved(tmp_path / "b", server.data_dir)
        log(client, "call-2")
        next(iter(watch))
        token = watch.resume_token
        watch.close()
    server.stop()
    restored = tmp_path / "restored" / "data"
    assert leadline("restore", tmp_path / "b", "--live", "--data-dir", restored).returncode == 0
    with server_process(restored) as again, Client(again.address, account="demo", user="alice") as client:
        assert client.get_call_log("call-1").call.id == "call-1"
        for number in range(5):
            log(client, f"new-{number}")
        with pytest.raises(errors.OutOfRange):
            client.watch_call_logs(resume_token=token).start()
    assert calls_in(restored / "ledger.db") == {"call-1", *(f"new-{number}" for number in range(5))}


def test_a_backup_replaces_nothing_unless_it_is_told_to(server: ServerProcess, tmp_path: Path) -> None:
    folder = tmp_path / "b"
    folder.mkdir()
    (folder / "ledger.db").write_text("precious")
    refused = leadline("backup", folder, "--data-dir", server.data_dir)
    assert (refused.returncode, (folder / "ledger.db").read_text()) == (2, "precious")
    assert "--force" in refused.stderr
    saved(folder, server.data_dir, "--force")
    assert calls_in(folder / "ledger.db") == set()


@pytest.mark.parametrize(
    ("folder", "more", "told"),
    [("data", ["--force"], "in use"), ("b", ["--keys", "b/keys"], "apart"), ("no/b", [], "create the one above")],
)
def test_a_backup_to_a_wrong_place_writes_nothing(
    server: ServerProcess, tmp_path: Path, folder: str, more: list[str], told: str
) -> None:
    paths = [str(tmp_path / each) if "/" in each else each for each in more]
    done = leadline("backup", tmp_path / folder, "--data-dir", server.data_dir, *paths)
    assert done.returncode == 2
    assert told in done.stderr
    assert not (tmp_path / "b").exists()
