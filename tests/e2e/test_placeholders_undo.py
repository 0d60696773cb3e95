"""`leadline placeholders list` and `undo`, and the limit of a replay, against a server."""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from leadline import Client
from leadline.errors import InvalidArgument, NotFound
from leadline.v1.call_log_pb2 import CallLog, CallLogReason, CallLogState
from leadline.v1.placeholder_service_pb2 import PLACEHOLDER_STATE_GONE, PLACEHOLDER_STATE_TOUCHED
from leadline.v1.preferences_pb2 import UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER, AccountSettings, Preferences
from leadline_server.cli import app
from support.databases import rows
from support.servers import ServerProcess, server_of_accounts
from typer.testing import CliRunner, Result

ACCOUNTS = 16
_numbers = count()
RECORDS = "id,caller_number,callee_extension,start_time,duration\n" + "".join(
    f"T{index},20255506{index:02},101,2026-10-05 09:10:00,60\n" for index in range(5)
)


@dataclass(frozen=True)
class Stage:
    """A server, and an account of its own for each test."""

    server: ServerProcess
    account: str

    def run(self, *words: str, answer: str = "") -> Result:
        """Run a command."""
        given = [*words, "--server", self.server.address, "--account", self.account]
        done = CliRunner(env={"COLUMNS": "200"}).invoke(app, given, input=answer)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done

    def contacts(self) -> set[str]:
        """The ids of all contacts in the CRM."""
        return {row[0] for row in rows(self.server.data_dir / "ledger.db", "SELECT id FROM crm_contacts")}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with server_of_accounts(tmp_path_factory.mktemp("undo"), ACCOUNTS) as running:
        yield running


@pytest.fixture
def stage(server: ServerProcess) -> Stage:
    return Stage(server, f"a{next(_numbers)}")


@pytest.fixture
def client(stage: Stage) -> Iterator[Client]:
    """An administrator whose account wants placeholders."""
    with Client(stage.server.address, account=stage.account, user="alice") as opened:
        wish = Preferences(unknown_contact_action=UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER)
        opened.update_account_settings(AccountSettings(defaults=wish))
        yield opened


def ring(client: Client, index: int) -> CallLog:
    return client.log_call(id=f"call-{index}", direction="INBOUND", caller=f"+120255501{index:02}")


def reason(log: CallLog) -> str:
    return CallLogReason.Name(log.reason).removeprefix("CALL_LOG_REASON_")


def test_placeholders_are_listed(stage: Stage, client: Client) -> None:
    ids = [ring(client, index).contact.id for index in range(3)]
    client.create_contact("", "+12025550188")  # a person's, so it is not listed
    assert [one.contact_id for one in client.list_placeholders(page_size=2)] == ids
    shown = stage.run("placeholders", "list", "--since", "1h").stdout
    assert all(contact_id in shown for contact_id in ids)
    assert "+12025550100" in shown
    assert "created no placeholders since then" in stage.run("placeholders", "list", "--since", "now").stdout


def test_undo_shows_and_asks_before_it_removes(stage: Stage, client: Client) -> None:
    contact = ring(client, 1).contact
    refused = stage.run("placeholders", "undo", "--since", "1h", answer="n\n")
    assert refused.exit_code == 1
    assert contact.id in refused.stdout
    assert "To be removed: 1." in refused.stdout
    assert stage.run("placeholders", "undo", "--since", "1h", "--dry-run").exit_code == 0
    assert contact.id in stage.contacts()
    agreed = stage.run("placeholders", "undo", "--since", "1h", answer="y\n")
    assert agreed.exit_code == 0
    assert "Removed: 1." in agreed.stdout
    assert contact.id not in stage.contacts()


def test_the_log_of_a_removed_placeholder_says_so_and_can_be_moved(stage: Stage, client: Client) -> None:
    contact = ring(client, 1).contact
    stage.run("placeholders", "undo", "--since", "1h", "--yes")
    log = client.get_call_log("call-1")
    assert (log.state, reason(log)) == (CallLogState.CALL_LOG_STATE_LOGGED, "CONTACT_REMOVED")
    assert contact.id in log.explanation
    ann = client.create_contact("Ann", "+12025550199")
    moved = client.log_call(id="call-1", contact_id=ann.id)
    assert (reason(moved), moved.contact.id) == ("CONTACT_CHOSEN", ann.id)
    assert reason(ring(client, 1)) == "CONTACT_CHOSEN"


def test_the_next_call_of_a_removed_placeholder_creates_another(stage: Stage, client: Client) -> None:
    contact = ring(client, 1).contact
    stage.run("placeholders", "undo", "--since", "1h", "--yes")
    again = client.log_call(id="again", direction="INBOUND", caller="+12025550101")
    assert (reason(again), again.contact.id != contact.id) == ("PLACEHOLDER_CREATED", True)


def test_a_placeholder_that_a_person_uses_stays(stage: Stage, client: Client) -> None:
    contact, other = ring(client, 1).contact, ring(client, 2).contact
    client.log_call(id="by hand", direction="INBOUND", caller="+12025550177", contact_id=contact.id)
    told = json.loads(stage.run("placeholders", "undo", "--since", "1h", "--dry-run", "--json").stdout)
    assert [(row["contact_id"], row["state"]) for row in told] == [(contact.id, "TOUCHED"), (other.id, "UNTOUCHED")]
    stage.run("placeholders", "undo", "--since", "1h", "--yes")
    assert contact.id in stage.contacts()
    assert other.id not in stage.contacts()
    assert client.remove_placeholder(contact.id).state == PLACEHOLDER_STATE_TOUCHED


def test_a_contact_that_no_call_created_is_never_removed(client: Client) -> None:
    contact = client.create_contact("", "+12025550188")
    with pytest.raises(NotFound):
        client.remove_placeholder(contact.id)


def test_removing_it_again_is_not_found_and_one_that_is_gone_is_forgotten(stage: Stage, client: Client) -> None:
    contact = ring(client, 1).contact
    stage.run("placeholders", "undo", "--since", "1h", "--yes")
    with pytest.raises(NotFound):
        client.remove_placeholder(contact.id, validate_only=True)
    assert list(client.list_placeholders()) == []


def test_a_replay_has_a_limit_of_its_own(stage: Stage, client: Client, tmp_path: Path) -> None:
    client.update_account_settings(AccountSettings(placeholder_limit_per_hour=1))
    file = tmp_path / "calls.csv"
    file.write_text(RECORDS)
    words = ("calls", "import", str(file), "--user", "101=alice", "--time-zone", "America/New_York")
    stage.run(*words, "--placeholder-limit", "3")
    reasons = sorted(reason(log) for log in client.list_call_logs())
    assert reasons == ["PLACEHOLDER_CREATED"] * 3 + ["PLACEHOLDER_LIMIT"] * 2
    assert reason(ring(client, 1)) == "PLACEHOLDER_CREATED"  # the live limit is untouched
    stage.run(*words, "--placeholder-limit", "3")  # decides those again that the limit held back
    assert sorted(reason(log) for log in client.list_call_logs()) == ["PLACEHOLDER_CREATED"] * 6
    assert "replay opened" in stage.server.stderr


def test_a_replay_that_was_not_opened_is_refused(client: Client) -> None:
    with pytest.raises(InvalidArgument, match="replay"):
        client.log_call(id="c", direction="INBOUND", caller="+12025550101", replay_id="made up")
    assert list(client.list_call_logs()) == []


def test_a_retry_counts_against_the_accounts_limits(client: Client) -> None:
    replay_id = client.open_replay(0)
    client.log_call(id="c", direction="INBOUND", caller="+12025550101", replay_id=replay_id)
    assert reason(client.get_call_log("c")) == "PLACEHOLDER_LIMIT"
    assert reason(client.retry_call_log("c")) == "PLACEHOLDER_CREATED"


def test_a_placeholder_that_is_gone_is_marked(stage: Stage, client: Client) -> None:
    contact = ring(client, 1).contact
    with sqlite3.connect(stage.server.data_dir / "ledger.db") as book:
        book.execute(
            "DELETE FROM crm_contact_numbers WHERE contact = (SELECT pk FROM crm_contacts WHERE id = ?)", (contact.id,)
        )
        book.execute("UPDATE crm_contacts SET id = 'other' WHERE id = ?", (contact.id,))
    assert client.remove_placeholder(contact.id).state == PLACEHOLDER_STATE_GONE
    assert reason(client.get_call_log("call-1")) == "CONTACT_REMOVED"
