"""Planted tokens, numbers and names: no log, trace, metric, error, audit entry or process argument has them.

Objects in memory are in tests/unit/test_secrets_unshown.py.
"""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from fakes.connections import write_toml
from fakes.misbehaviour import GOOD_TOKEN, Mode
from fakes.process import FakeProcess, fake_process
from leadline import Client, errors
from leadline.v1.call_pb2 import CALL_DIRECTION_INBOUND, Call, Party
from leadline.v1.directory_pb2 import User
from leadline.v1.preferences_pb2 import UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER, Preferences
from support.otlp_receiver import Received, attributes, otlp_receiver
from support.servers import ServerProcess, leadline, server_process, until

NUMBER: Final = "+12025550147"
SPELLED: Final = "(202) 555-0147"
OTHER: Final = "+12025550199"
NAMES: Final = ("Planted-Ada", "Planted-Lovelace")
NAME: Final = " ".join(NAMES)
NOTE: Final = "Planted-Note"
MAIL: Final = "planted@example.com"
KEY: Final = "leadline_0123456789abcdef_PlantedKeyThatDoesNotExistAtAllAtAllAtAllAt"
JWT: Final = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJQbGFudGVkIn0.UGxhbnRlZFNpZ25hdHVyZQ"
SECRETS: Final = (GOOD_TOKEN, "PlantedKey", "UGxhbnRlZFNpZ25hdHVyZQ")
PLANTED: Final = ("555-0147", "5550147", *NAMES, NOTE, MAIL, *SECRETS)


def found_in(text: str, planted: tuple[str, ...] = PLANTED) -> list[str]:
    return [secret for secret in planted if secret.lower() in text.lower()]


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeProcess]:
    with fake_process("hubspot", tmp_path_factory.mktemp("crm") / "hubspot") as process:
        yield process


class Used:
    """A server that was used in every way, and what came out of it.

    Attributes:
        server: it still runs.
        received: its traces, and its audit trail by OTLP.
        told: the texts of the errors that its callers got.
    """

    def __init__(self, server: ServerProcess, received: Received, config: Path) -> None:
        self.server = server
        self.received = received
        self.config = config
        self.told: list[str] = []

    @property
    def metrics(self) -> str:
        address = f"http://{self.server.metrics_address}/metrics"
        request = urllib.request.Request(address, headers={"Accept": "application/openmetrics-text"})
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - a constant scheme
            return str(answer.read().decode())

    def use(self, crm: FakeProcess) -> None:
        """Everything that a client can do, with planted texts in every field; also while the CRM fails."""
        for mode in (Mode.OK, Mode.TELLTALE, Mode.GARBAGE):
            crm.misbehave(mode=mode)
            self._calls(mode)
        crm.misbehave()

    def _calls(self, mode: Mode) -> None:
        party = Party(phone_number=NUMBER, name=NAME)
        call = Call(id=f"call-{mode}", direction=CALL_DIRECTION_INBOUND, caller=party, note=NOTE, subject=NAME)
        bad = Call(id="bad", caller=Party(phone_number=NAME), attributes={NOTE: NAME})
        creating = Preferences(unknown_contact_action=UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER, placeholder_name=NAME)
        with Client(self.server.address, account="demo", user="alice", timeout=3) as client:
            for work in (
                lambda: client.update_preferences(creating),
                lambda: client.upsert_user(User(user_id="jane", name=NAME, phone_numbers=[OTHER], emails=[MAIL])),
                lambda: client.log_call(call),
                lambda: client.log_call(bad),
                lambda: client.find_contact(NUMBER, skip_cache=True),
                lambda: client.find_contact(NAME),
                lambda: client.create_contact(NAME, SPELLED, email=MAIL),
                lambda: client.create_contact(NAME, NAME),
                lambda: list(client.search_contacts(NAME)),
                lambda: list(client.list_call_logs(phone_number=NUMBER)),
                lambda: client.get_user(NAME),
            ):
                try:
                    work()
                except errors.LeadlineError as error:
                    self.told += [str(error), repr(error)]


def refusal(address: str, credential: str) -> grpc.RpcError:
    """The error of a lookup with a credential that is not accepted."""
    with grpc.insecure_channel(address) as channel:
        call: Any = channel.unary_unary("/leadline.v1.ContactService/FindContact")
        with pytest.raises(grpc.RpcError) as caught:
            call(NAME.encode(), metadata=[("authorization", f"Bearer {credential}")], timeout=5)
        return caught.value


@pytest.fixture(scope="module")
def used(crm: FakeProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Used]:
    folder = tmp_path_factory.mktemp("planted")
    with otlp_receiver() as received:
        config = write_toml(folder / "leadline.toml", "hubspot", crm.url)
        settings = {
            "LEADLINE_CONFIG": str(config),
            "LEADLINE_LOG_LEVEL": "debug",
            "LEADLINE_LOG_FORMAT": "json",
            "LEADLINE_OTLP_ENDPOINT": received.address,
            "LEADLINE_TRACE_RATIO": "1",
        }
        with server_process(folder / "data", settings=settings, is_executed=True) as server:
            one = Used(server, received, config)
            one.use(crm)
            yield one


def test_the_log_has_none_of_it_at_level_debug(used: Used) -> None:
    log = used.server.stderr
    assert '"event": "rpc_refused"' in log
    assert found_in(log) == []


def test_a_refused_credential_is_in_no_log_and_no_error(tmp_path: Path) -> None:
    settings = {"LEADLINE_AUTHENTICATION": "true", "LEADLINE_LOG_LEVEL": "debug", "LEADLINE_LOG_FORMAT": "json"}
    with server_process(tmp_path / "data", settings=settings, is_executed=True) as server:
        refused = [refusal(server.address, credential) for credential in (KEY, JWT)]
    assert [error.code() for error in refused] == [grpc.StatusCode.UNAUTHENTICATED] * 2
    assert "rpc_refused" in server.stderr
    assert found_in("".join((server.stderr, *map(str, refused))), SECRETS) == []


def test_lines_of_a_traced_call_have_the_ids_of_its_trace(used: Used) -> None:
    lines = [json.loads(line) for line in used.server.stderr.splitlines() if line.startswith("{")]
    ids = {line["trace_id"] for line in lines if line["event"] == "rpc_refused" and "trace_id" in line}
    assert ids
    until(lambda: ids <= {span.trace_id.hex() for span in used.received.spans})


def test_traces_and_exported_entries_have_none_of_it(used: Used) -> None:
    until(lambda: any(span.name == "crm find_contacts" for span in used.received.spans))
    until(lambda: bool(used.received.records))
    assert found_in("".join(data.decode("latin-1") for data in used.received.requests)) == []
    [first] = [span for span in used.received.spans if span.name == "crm find_contacts"][:1]
    assert attributes(first)["adapter"] == "hubspot"
    assert {record.event_name for record in used.received.records} == {"leadline.audit"}


def test_metrics_have_none_of_it(used: Used) -> None:
    metrics = used.metrics
    assert "# {trace_id=" in metrics
    assert found_in(metrics) == []


def test_errors_have_no_token_and_nothing_that_the_caller_did_not_send(used: Used) -> None:
    assert used.told
    assert found_in("\n".join(used.told), (*SECRETS, NOTE)) == []


def test_the_audit_trail_has_none_of_it(used: Used, tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    assert leadline("audit", "export", file, "--data-dir", used.server.data_dir).returncode == 0
    text = file.read_text()
    assert "preferences.updated" in text
    assert found_in(text) == []


def test_a_backup_has_no_token(used: Used, tmp_path: Path) -> None:
    done = leadline("backup", tmp_path / "backup", "--data-dir", used.server.data_dir, "--config", used.config)
    assert done.returncode == 0, done.stderr
    for file in (tmp_path / "backup").iterdir():
        assert GOOD_TOKEN.encode() not in file.read_bytes()


def test_the_arguments_of_the_process_have_none_of_it(used: Used) -> None:
    arguments = Path(f"/proc/{used.server.pid}/cmdline").read_bytes().decode()
    assert "serve" in arguments
    assert found_in(arguments) == []


def test_an_exception_of_a_bug_is_logged_without_its_text() -> None:
    """Such as one that an adapter raises with what it was given."""
    script = f"""
import logging, structlog
from leadline_server.logs import configure_logs
configure_logs("debug", "json")
log = structlog.get_logger("x")
for error in (RuntimeError({NAME!r}), KeyError({NAME!r}), ValueError("no number: {SPELLED}")):
    try:
        try:
            raise error
        except Exception as first:
            raise TypeError("bad operand: 'Planted-Ada'") from first
    except TypeError as second:
        log.error("rpc_failed", exc_info=second, detail="key {KEY} {SPELLED}")
        logging.getLogger("asyncio").error("Task failed: %s", {NAME!r}, exc_info=second)
        log.warning("odd", fields=["{MAIL}", "{NUMBER}"], token="Bearer {JWT}")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    text = done.stderr + done.stdout
    lines = [json.loads(line) for line in text.splitlines()]
    assert len(lines) == 9
    assert found_in(text) == []
    assert "RuntimeError" in lines[0]["exception"]
    assert "TypeError: bad operand: '***'" in lines[0]["exception"]
