"""Webhooks over HTTP: which requests are taken, what strangers learn, and what a kill -9 leaves."""

import json
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from support.databases import rows
from support.servers import ServerProcess, leadline, until
from support.webhook_events import CUSTOMER, document, sign_twilio
from support.webhook_servers import call_logs, is_taken, post, prepare, rpc, send, toml, webhook_server
from support.webhooks import SYSTEMS

TWILIO = SYSTEMS["twilio"]
CALLS = 24
CALLS_AT_ONCE = 16
PATIENCE = 90.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("ingress")
    with webhook_server(folder / "data", toml(folder, *SYSTEMS.values())) as server:
        prepare(server.http_address)
        yield server


def metrics(server: ServerProcess) -> str:
    with urllib.request.urlopen(f"http://{server.metrics_address}/metrics", timeout=10) as answer:
        return str(answer.read().decode())


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_phone_system_reaches_its_route(name: str, server: ServerProcess) -> None:
    system = SYSTEMS[name]
    for body in system.events("7"):
        assert post(server.http_address, system, body).status // 100 == 2
    request = {"account_id": "demo", "call_id": system.call_id("7")}
    log = rpc(server.http_address, "CallLogService/GetCallLog", request)["call_log"]
    assert log["call"]["result"] == "CALL_RESULT_ANSWERED"
    assert log["call"]["is_final"] is True
    assert log["user_id"] == "alice"


def test_all_refusals_are_alike(server: ServerProcess) -> None:
    body = TWILIO.events("8")[0]
    path, address = TWILIO.path(), server.http_address
    signed = TWILIO.request(body).headers
    large = body + b"&Digits=" + b"5" * (512 * 1024 - len(body) - 7)
    forged = {**signed, **sign_twilio("https://elsewhere.example", body, {})}
    answers = [
        send(address, path, body, forged),
        send(address, path, body, {"content-type": "application/x-www-form-urlencoded"}),
        send(address, "/ingress/twilio/nobody", body, signed),
        send(address, "/ingress/twilio/other", body, signed),
        send(address, "/ingress/nothing/demo", body, signed),
        send(address, "/ingress/", body, signed),
        send(address, path, b"", signed, method="GET"),
        send(address, path, large, TWILIO.request(large).headers),
    ]
    kept = [(one.status, one.body, {k: v for k, v in one.headers.items() if k != "date"}) for one in answers]
    assert kept == [kept[0]] * len(kept)
    assert kept[0][:2] == (404, b"")
    assert 'leadline_ingress_total{outcome="refused_forged",route="twilio"}' in metrics(server)
    assert 'leadline_ingress_total{outcome="refused_unknown",route=""}' in metrics(server)
    assert "elsewhere" not in server.stderr


def test_another_host_reaches_no_route(server: ServerProcess) -> None:
    body = TWILIO.events("8")[0]
    headers = {**TWILIO.request(body).headers, "Host": "attacker.example"}
    assert send(server.http_address, TWILIO.path(), body, headers).status == 421


def test_the_handshake_of_ringcentral_is_echoed(server: ServerProcess) -> None:
    answer = send(server.http_address, "/ingress/ringcentral/demo", b"", {"Validation-Token": "abc"})
    assert (answer.status, answer.headers["validation-token"], answer.body) == (200, "abc", b"")


def test_an_event_that_cannot_be_stored_is_listed_with_its_body(server: ServerProcess) -> None:
    system = SYSTEMS["telnyx"]
    body = document({"data": {"event_type": "call.hangup", "payload": {"connection_id": "7267", "to": CUSTOMER}}})
    assert post(server.http_address, system, body).status == 200
    [(kept,)] = rows(server.data_dir / "ledger.db", "SELECT document FROM quarantine")
    assert CUSTOMER.encode() not in kept
    key = server.data_dir.with_name("secrets.key")
    settings = {"LEADLINE_DATA_DIR": str(server.data_dir), "LEADLINE_SECRETS_KEY_FILE": str(key)}
    listed = json.loads(leadline("ingress", "list", "--failed", "--json", settings=settings).stdout)
    assert [(row["route"], row["reason"]) for row in listed] == [("telnyx", "the event has no id of its call")]
    shown = json.loads(leadline("ingress", "list", "--failed", "--bodies", "--json", settings=settings).stdout)
    assert shown[0]["body"].encode() == body


def test_a_try_shows_the_call_and_the_decision_and_writes_nothing(server: ServerProcess, tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_bytes(SYSTEMS["telnyx"].events("tried")[0])
    arguments = ("ingress", "try", "telnyx", event, "--server", server.address, "--json")
    done = leadline(*arguments)
    [result] = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert result["call"]["id"] == "s-tried"
    assert result["decision"]["reason"] == "CALL_LOG_REASON_NO_CONTACT"
    assert all(log["call"]["id"] != "s-tried" for log in call_logs(server.http_address))


MASTER_CSV = (
    '"","+12025550147","101","from-trunk","""Jane"" <+12025550147>","PJSIP/trunk-1","PJSIP/101-2","Dial","PJSIP/101",'
    '"2026-11-24 14:00:00","2026-11-24 14:00:09","2026-11-24 14:01:10",70,61,'
    '"ANSWERED","DOCUMENTATION","1790000000.5",""'
)


def test_a_call_of_a_webhook_and_of_an_import_with_the_same_source_is_one(tmp_path: Path) -> None:
    system, records = SYSTEMS["asterisk"], tmp_path / "Master.csv"
    records.write_text(MASTER_CSV + "\n", encoding="utf-8")

    def ids(server: ServerProcess, *more: str) -> list[str]:
        options = ("--server", server.address, "--default-user", "alice", "--time-zone", "UTC", "--force", *more)
        done = leadline("calls", "import", records, *options)
        assert done.returncode == 0, done.stdout + done.stderr
        return [log["call"]["id"] for log in call_logs(server.http_address)]

    with webhook_server(tmp_path / "one", toml(tmp_path, system, source="berlin")) as server:
        prepare(server.http_address)
        for body in system.events("5"):
            assert post(server.http_address, system, body).status == 200
        assert ids(server, "--source", "berlin") == ["berlin/1790000000.5"]
    with webhook_server(tmp_path / "two", toml(tmp_path, system, source="berlin")) as server:
        prepare(server.http_address)
        # A call that was imported before there was a source keeps its id, whichever way it is reported again.
        assert ids(server) == ["1790000000.5"]
        assert ids(server, "--source", "berlin") == ["1790000000.5"]
        for body in system.events("5"):
            assert post(server.http_address, system, body).status == 200
        assert ids(server, "--source", "berlin") == ["1790000000.5"]


def test_kill_9_during_a_burst_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    """Each sender repeats an event until it is taken, as Twilio does with `#rc=5&rp=all`; two servers are killed."""
    config, data_dir = toml(tmp_path, TWILIO), tmp_path / "data"
    events = [body for number in range(CALLS) for body in TWILIO.events(str(number))]
    sent = list[bytes]()

    def deliver(body: bytes) -> None:
        end = time.monotonic() + PATIENCE
        while not is_taken(address, TWILIO, body):
            assert time.monotonic() < end, "an event was never taken"
            time.sleep(0.1)
        sent.append(body)

    with webhook_server(data_dir, config) as server:
        address, port = server.http_address, int(server.http_address.rpartition(":")[2])
        prepare(address)
        jane = {"account_id": "demo", "name": "Jane Roe", "phone_number": CUSTOMER}
        rpc(address, "ContactService/CreateContact", jane)
        with ThreadPoolExecutor(CALLS_AT_ONCE) as senders:
            deliveries = [senders.submit(deliver, body) for body in events]
            until(lambda: len(sent) >= len(events) // 4, PATIENCE)
            server.kill()
            with webhook_server(data_dir, config, port) as second:
                until(lambda: len(sent) >= len(events) // 2, PATIENCE)
                second.kill()
            with webhook_server(data_dir, config, port) as third:
                for delivery in deliveries:
                    delivery.result()
                until(lambda: all(is_settled(log) for log in call_logs(third.http_address)), PATIENCE)
                logs = {log["call"]["id"]: log for log in call_logs(third.http_address)}
    assert logs.keys() == {TWILIO.call_id(str(number)) for number in range(CALLS)}
    for log in logs.values():
        call = log["call"]
        assert (call["result"], call["is_final"], len(call["legs"])) == ("CALL_RESULT_ANSWERED", True, 3)
        assert call["recording_url"] == "https://api.twilio.com/recordings/RE1"
    in_crm = rows(data_dir / "ledger.db", "SELECT call_id, id FROM crm_call_logs")
    assert sorted(in_crm) == sorted((call_id, log["crm_log_id"]) for call_id, log in logs.items())
    assert rows(data_dir / "ledger.db", "SELECT count(*) FROM quarantine") == [(0,)]


def is_settled(log: Any) -> bool:
    return log["state"] == "CALL_LOG_STATE_LOGGED" and not log.get("update_pending")
