"""API keys as an administrator has them: real processes, the command line, and both ports."""

import json
import os
import stat
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from leadline import Client, errors
from support.servers import ServerProcess, leadline, server_process

SETTINGS = {
    "LEADLINE_AUTHENTICATION": "true",
    "LEADLINE_LISTEN": "127.0.0.1:0",
    "LEADLINE_METRICS_LISTEN": "127.0.0.1:0",
    "LEADLINE_HTTP_LISTEN": "127.0.0.1:0",
}
NUMBER = "+12025550147"
FIND = "leadline.v1.ContactService/FindContact"


@pytest.fixture
def first_key(tmp_path: Path) -> str:
    file = tmp_path / "platform.key"
    made = leadline("keys", "bootstrap", "--file", file, "--data-dir", tmp_path / "data")
    assert made.returncode == 0, made.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    key = file.read_text().strip()
    assert key not in made.stdout + made.stderr
    return key


@pytest.fixture
def server(tmp_path: Path, first_key: str) -> Iterator[ServerProcess]:
    with server_process(tmp_path / "data", settings=SETTINGS, has_addresses=True) as running:
        yield running


def keys(server: ServerProcess, key: str, *arguments: str) -> Any:
    return leadline(
        "keys", *arguments, "--server", server.address, settings={"LEADLINE_API_KEY": key, "LEADLINE_ACCOUNT": "demo"}
    )


def post(server: ServerProcess, path: str, body: bytes, key: str | None) -> tuple[int, Any]:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    request = urllib.request.Request(f"http://{server.http_address}/{path}", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - ours
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        text = error.read()
        return error.code, json.loads(text) if text else {}


def caller_name(server: ServerProcess, key: str | None) -> int:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    url = f"http://{server.http_address}/v1/caller-name?account_id=demo&number=%2B12025550147"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_the_first_key_is_made_once(tmp_path: Path, first_key: str) -> None:
    again = leadline("keys", "bootstrap", "--file", tmp_path / "second.key", "--data-dir", tmp_path / "data")
    assert again.returncode == 1
    assert "has had a key already" in again.stderr
    assert not (tmp_path / "second.key").exists()
    over = leadline("keys", "bootstrap", "--file", tmp_path / "platform.key", "--data-dir", tmp_path / "data")
    assert over.returncode == 2
    assert (tmp_path / "platform.key").read_text().strip() == first_key


def test_the_life_of_a_key(server: ServerProcess, first_key: str) -> None:
    issued = keys(server, first_key, "issue", "--role", "service", "--label", "office PBX")
    assert issued.returncode == 0, issued.stderr
    key = issued.stdout.strip()
    assert key.startswith("leadline_")
    key_id = key.split("_")[1]
    with Client(server.address, account="demo", api_key=key) as client:
        assert not client.find_contact(NUMBER).matches
        rotated = keys(server, first_key, "rotate", key_id, "--overlap", "1")
        assert rotated.returncode == 0, rotated.stderr
        with Client(server.address, account="demo", api_key=rotated.stdout.strip()) as second:
            assert not second.find_contact(NUMBER).matches
            third = keys(server, first_key, "rotate", key_id)
            assert third.returncode == 1
            assert "Two keys of this rotation are accepted" in third.stderr
            assert keys(server, first_key, "revoke", key_id).returncode == 0
            with pytest.raises(errors.LeadlineError) as caught:
                client.find_contact(NUMBER)
            assert caught.value.code is grpc.StatusCode.UNAUTHENTICATED
            assert not second.find_contact(NUMBER).matches
    listed = json.loads(keys(server, first_key, "list", "--json").stdout)
    assert [one["label"] for one in listed] == ["office PBX"] * 2
    shown = keys(server, first_key, "list")
    assert "revoked" in shown.stdout
    everything = json.dumps(listed) + shown.stdout + server.stderr
    assert not [secret for secret in (key, rotated.stdout.strip(), first_key) if secret[-20:] in everything]


def test_http_wants_the_same_keys(server: ServerProcess, first_key: str) -> None:
    key = keys(server, first_key, "issue", "--role", "service").stdout.strip()
    body = json.dumps({"account_id": "demo", "phone_numbers": [NUMBER]}).encode()
    assert post(server, FIND, body, key)[0] == 200
    for wrong in (None, "leadline_0123456789abcdef_" + "A" * 43, key[:-1]):
        status, answer = post(server, FIND, body, wrong)
        assert (status, answer["code"]) == (401, "unauthenticated")
        # JSON that cannot be read is not even read.
        assert post(server, FIND, b"{", wrong)[0] == 401
    assert post(server, FIND, b"{", key)[0] == 400
    other = json.dumps({"account_id": "other", "phone_numbers": [NUMBER]}).encode()
    assert post(server, FIND, other, key)[1]["code"] == "not_found"
    assert caller_name(server, key) == 200
    assert caller_name(server, None) == 401
    reporter = keys(server, first_key, "issue", "--role", "reporter").stdout.strip()
    assert caller_name(server, reporter) == 403


def scraped(server: ServerProcess, path: str, key: str | None) -> int:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    url = f"http://{server.metrics_address}{path}"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_metrics_want_the_key_of_a_monitor(server: ServerProcess, first_key: str) -> None:
    monitor = keys(server, first_key, "issue", "--role", "monitor").stdout.strip()
    assert [scraped(server, "/metrics", key) for key in (None, first_key, monitor)] == [401, 403, 200]
    assert scraped(server, "/healthz", None) == 200


def test_a_setting_lets_the_platform_read_metrics(tmp_path: Path, first_key: str) -> None:
    settings = SETTINGS | {"LEADLINE_PLATFORM_METRICS": "true"}
    with server_process(tmp_path / "data", settings=settings, has_addresses=True) as server:
        service = keys(server, first_key, "issue", "--role", "service").stdout.strip()
        assert [scraped(server, "/metrics", key) for key in (None, service, first_key)] == [401, 403, 200]


def test_a_command_without_a_key_says_what_to_do(server: ServerProcess) -> None:
    refused = leadline("contacts", "find", NUMBER, "--server", server.address)
    assert refused.returncode == 1
    assert "Set LEADLINE_API_KEY" in refused.stderr


def test_a_second_process_refuses_a_revoked_key_at_once(tmp_path: Path, server: ServerProcess, first_key: str) -> None:
    with server_process(tmp_path / "data", settings=SETTINGS, has_addresses=True) as second:
        issued = keys(server, first_key, "issue", "--role", "service").stdout.strip()
        with Client(second.address, account="demo", api_key=issued) as client:
            watch = client.watch_call_logs(give_up_after=0.1)
            watch.start()
            assert not client.find_contact(NUMBER).matches
            assert keys(server, first_key, "revoke", issued.split("_")[1]).returncode == 0
            with pytest.raises(errors.LeadlineError) as caught:
                client.find_contact(NUMBER)
            assert caught.value.code is grpc.StatusCode.UNAUTHENTICATED
            with pytest.raises(errors.LeadlineError) as ended:
                next(watch)
            assert ended.value.code is grpc.StatusCode.UNAUTHENTICATED


def test_no_key_is_in_the_files_of_the_server(tmp_path: Path, server: ServerProcess, first_key: str) -> None:
    key = keys(server, first_key, "issue", "--role", "service").stdout.strip()
    with Client(server.address, account="demo", api_key=key) as client:
        client.find_contact(NUMBER)
    server.stop()
    for folder, _, names in os.walk(tmp_path / "data"):
        for name in names:
            content = (Path(folder) / name).read_bytes()
            assert key.split("_", 2)[2].encode() not in content
            assert first_key.split("_", 2)[2].encode() not in content


def test_a_test_call_over_http_has_the_key_of_its_server(server: ServerProcess, first_key: str) -> None:
    key = keys(server, first_key, "issue", "--role", "service").stdout.strip()
    words = ["ring", "--via", "http", "--seconds", "0", "--server", server.address]
    here = f"http://{server.http_address}"
    rung = leadline(*words, "--http", here, "--json", settings={"LEADLINE_API_KEY": key, "LEADLINE_ACCOUNT": "demo"})
    assert (rung.returncode, json.loads(rung.stdout)["account_id"]) == (0, "demo"), rung.stderr
    elsewhere = here.replace("127.0.0.1", "localhost")  # another host by its name, which must not get the key
    refused = leadline(*words, "--http", elsewhere, settings={"LEADLINE_API_KEY": key, "LEADLINE_ACCOUNT": "demo"})
    assert refused.returncode == 1
    assert "requires a credential" in refused.stderr
