"""The client against `leadline serve`: every method, every kind of error, a watch over a restart."""

import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from leadline import AsyncClient, Client, errors
from leadline._client import BlockingWatch
from leadline.v1.call_log_pb2 import (
    CALL_LOG_REASON_CONTACT_CHOSEN,
    CALL_LOG_REASON_CONTACT_MATCHED,
    CALL_LOG_REASON_NO_CONTACT,
    CALL_LOG_REASON_PLACEHOLDER_CREATED,
    CALL_LOG_STATE_LOGGED,
    CALL_LOG_STATE_UNLOGGED,
    LOG_TRIGGER_MANUAL,
    CallLog,
    LogTrigger,
)
from leadline.v1.call_pb2 import CALL_DIRECTION_INBOUND, Call, Party
from leadline.v1.preferences_pb2 import (
    PREFERENCE_SOURCE_USER,
    UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER,
    UNKNOWN_CONTACT_ACTION_DO_NOTHING,
    AccountSettings,
    Preferences,
)
from support.servers import ServerProcess, server_process

_numbers = count()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with server_process(tmp_path_factory.mktemp("client") / "data") as running:
        yield running


@pytest.fixture
def client(server: ServerProcess) -> Iterator[Client]:
    with Client(server.address, account="demo", user="alice") as opened:
        yield opened


@pytest.fixture
def number() -> str:
    """A number that no other test uses."""
    return f"+1{201 + next(_numbers)}5550123"


def test_a_contact_is_created_and_found_by_its_number_and_by_its_name(client: Client, number: str) -> None:
    created = client.create_contact("Ann Finder", number, company="Finders")
    (match,) = client.find_contact(number, skip_cache=True).matches
    assert (match.contact.id, match.contact.company) == (created.id, "Finders")
    assert [contact.id for contact in client.search_contacts("Ann Finder")] == [created.id]


def test_nobody_is_an_answer_and_no_error(client: Client, number: str) -> None:
    assert list(client.find_contact(number).matches) == []


def test_a_search_goes_on_over_pages(client: Client) -> None:
    created = {client.create_contact(f"Paige {index}", f"+1415555010{index}").id for index in range(5)}
    assert {contact.id for contact in client.search_contacts("Paige", page_size=2)} == created


def test_a_call_by_keyword_is_logged_against_the_contact(client: Client, number: str) -> None:
    contact = client.create_contact("Bob", number)
    log = client.log_call(id="by-keyword", direction="INBOUND", caller=number, start_time=datetime.now(UTC))
    assert (log.state, log.reason) == (CALL_LOG_STATE_LOGGED, CALL_LOG_REASON_CONTACT_MATCHED)
    assert (log.contact.id, log.user_id, log.call.caller.phone_number) == (contact.id, "alice", number)


def test_a_call_as_a_message_is_the_same_call(client: Client, number: str) -> None:
    first = client.log_call(id="as-message", direction="INBOUND", caller=number)
    again = client.log_call(Call(id="as-message", direction=CALL_DIRECTION_INBOUND, caller=Party(phone_number=number)))
    assert again == first


def test_a_person_chooses_the_contact(client: Client, number: str) -> None:
    contact = client.create_contact("Carol", "+442079460001", allow_duplicate=True)
    unlogged = client.log_call(id="chosen", direction="INBOUND", caller=number)
    assert (unlogged.state, unlogged.reason) == (CALL_LOG_STATE_UNLOGGED, CALL_LOG_REASON_NO_CONTACT)
    logged = client.log_call(id="chosen", contact_id=contact.id)
    assert (logged.reason, logged.contact.id) == (CALL_LOG_REASON_CONTACT_CHOSEN, contact.id)


@pytest.mark.parametrize("trigger", ["MANUAL", LOG_TRIGGER_MANUAL])
def test_a_person_asks_for_the_log(client: Client, number: str, trigger: "LogTrigger.ValueType | str") -> None:
    client.create_contact("Dora", number)
    user = client.using(user=f"off-{trigger}")
    user.update_preferences(Preferences(auto_log_calls=False))
    assert user.log_call(id=f"m-{trigger}", direction="INBOUND", caller=number).state == CALL_LOG_STATE_UNLOGGED
    assert user.log_call(id=f"m-{trigger}", trigger=trigger).state == CALL_LOG_STATE_LOGGED


def test_validate_only_stores_nothing(client: Client, number: str) -> None:
    assert client.log_call(id="only-asked", direction="INBOUND", caller=number, validate_only=True).revision == 0
    with pytest.raises(errors.NotFound):
        client.get_call_log("only-asked")


def test_a_call_log_is_read_back(client: Client, number: str) -> None:
    log = client.log_call(id="read-back", direction="OUTBOUND", callee=number)
    assert client.get_call_log("read-back") == log


def test_a_retry_decides_anew_with_the_preferences_now_in_force(client: Client, number: str) -> None:
    user = client.using(user="retrying")
    assert user.log_call(id="retried", direction="INBOUND", caller=number).reason == CALL_LOG_REASON_NO_CONTACT
    user.update_preferences(Preferences(unknown_contact_action=UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER))
    assert user.retry_call_log("retried").reason == CALL_LOG_REASON_PLACEHOLDER_CREATED


def test_call_logs_are_listed_over_pages_and_filtered(client: Client, number: str) -> None:
    start, user = datetime(2026, 3, 1, 9, tzinfo=UTC), client.using(user="lister")
    for index in range(5):
        user.log_call(
            id=f"listed-{index}", direction="INBOUND", caller=number, start_time=start + timedelta(minutes=index)
        )
    newest_first = [log.call.id for log in client.list_call_logs(user_id="lister", page_size=2)]
    assert newest_first == [f"listed-{index}" for index in (4, 3, 2, 1, 0)]
    assert list(client.list_call_logs(user_id="lister", states=["LOGGED"])) == []
    in_time = client.list_call_logs(
        phone_number=number, start_time=start + timedelta(minutes=3), reasons=["NO_CONTACT"]
    )
    assert [log.call.id for log in in_time] == ["listed-4", "listed-3"]


def test_preferences_are_written_read_and_inherited_again(client: Client) -> None:
    user = client.using(user="preferring")
    written = user.update_preferences(Preferences(placeholder_name="Somebody", auto_log_calls=False))
    read = user.get_preferences()
    assert read.effective.placeholder_name == written.effective.placeholder_name == "Somebody"
    assert read.sources["placeholder_name"] == PREFERENCE_SOURCE_USER
    user.update_preferences(Preferences(), update_mask=["placeholder_name"])
    assert user.get_preferences().effective.placeholder_name == "Unknown Caller"
    assert not user.get_preferences().effective.auto_log_calls


def test_account_settings_are_written_and_read(client: Client) -> None:
    assert client.get_account_settings().default_region == "US"
    defaults = Preferences(unknown_contact_action=UNKNOWN_CONTACT_ACTION_DO_NOTHING)
    client.update_account_settings(AccountSettings(defaults=defaults, locked=["distrust_failed_attestation"]))
    assert list(client.get_account_settings().locked) == ["distrust_failed_attestation"]
    client.update_account_settings(AccountSettings(), update_mask=["locked", "defaults"])
    assert list(client.get_account_settings().locked) == []


def test_an_unknown_account_is_not_found(client: Client) -> None:
    with pytest.raises(errors.NotFound) as caught:
        client.using(account="nobody").get_account_settings()
    assert (caught.value.reason, caught.value.metadata) == ("ACCOUNT_NOT_FOUND", {"account_id": "nobody"})


def test_all_fields_at_fault_are_named(client: Client) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        client.find_contact("+14155550123", "?!", "x" * 300)
    assert caught.value.reason == "INVALID_REQUEST"
    assert {violation.field for violation in caught.value.field_violations} == {"phone_numbers[1]", "phone_numbers[2]"}


def test_a_number_with_a_contact_is_already_exists_and_names_it(client: Client, number: str) -> None:
    contact = client.create_contact("Erin", number)
    with pytest.raises(errors.AlreadyExists) as caught:
        client.create_contact("Erin again", number)
    assert caught.value.contact_ids == (contact.id,)


def test_a_request_id_of_the_callers_own_gives_the_first_answer_again(client: Client, number: str) -> None:
    request_id = "6f1f2f53-52a4-4e60-8a3b-7a3a1ad9f1c8"
    first = client.create_contact("Frank", number, request_id=request_id)
    assert client.create_contact("Frank", number, request_id=request_id) == first
    with pytest.raises(errors.FailedPrecondition) as caught:
        client.create_contact("Other", number, request_id=request_id)
    assert caught.value.reason == "REQUEST_ID_REUSED"


def test_a_locked_preference_is_a_failed_precondition(client: Client) -> None:
    client.update_account_settings(AccountSettings(locked=["wait_until_final"]))
    with pytest.raises(errors.FailedPrecondition) as caught:
        client.update_preferences(Preferences(wait_until_final=True))
    client.update_account_settings(AccountSettings(), update_mask=["locked"])
    assert (caught.value.reason, caught.value.metadata["fields"]) == ("PREFERENCE_LOCKED", "wait_until_final")


def test_a_forged_resume_token_is_an_invalid_argument(client: Client) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        next(client.watch_call_logs(resume_token="forged"))
    assert caught.value.reason == "INVALID_RESUME_TOKEN"


def test_a_message_too_large_is_resource_exhausted(client: Client) -> None:
    with pytest.raises(errors.ResourceExhausted) as caught:
        client.log_call(id="large", direction="INBOUND", note="n" * 2_000_000)
    assert caught.value.reason == "MESSAGE_TOO_LARGE"


def test_a_deadline_too_short_to_be_met_is_deadline_exceeded(client: Client) -> None:
    with pytest.raises(errors.DeadlineExceeded):
        client.log_call(id="late", direction="INBOUND", timeout=1e-6)


def test_a_watch_sees_only_what_changes_after_it_began(client: Client, number: str) -> None:
    client.log_call(id="before", direction="INBOUND", caller=number)
    watch = client.watch_call_logs()
    watch.start()
    client.log_call(id="after", direction="INBOUND", caller=number)
    assert next(watch).call.id == "after"


def test_a_watch_of_one_user_sees_that_users_calls(client: Client, number: str) -> None:
    watch = client.watch_call_logs(user_id="watched")
    watch.start()
    client.log_call(id="of-alice", direction="INBOUND", caller=number)
    client.using(user="watched").log_call(id="of-watched", direction="INBOUND", caller=number)
    assert next(watch).call.id == "of-watched"
    watch.close()


def log_until_seen(watch: BlockingWatch, call_id: str) -> CallLog:
    return next(log for log in watch if log.call.id == call_id)


@pytest.mark.parametrize("end", [ServerProcess.stop, ServerProcess.kill], ids=["SIGTERM", "SIGKILL"])
def test_a_watch_goes_on_over_a_restart_of_the_server(
    tmp_path: Path, number: str, end: Callable[[ServerProcess], object]
) -> None:
    data_dir = tmp_path / "data"
    with server_process(data_dir) as first:
        address = first.address
        client = Client(address, account="demo", user="alice")
        watch = client.watch_call_logs(give_up_after=30)
        watch.start()
        client.log_call(id="first", direction="INBOUND", caller=number)
        assert next(watch).call.id == "first"
        client.log_call(id="unseen", direction="INBOUND", caller=number)
        end(first)
    flags = ("--listen", address, "--metrics-listen", "127.0.0.1:0", "--http-listen", "")
    with client, server_process(data_dir, *flags, has_addresses=True):
        client.log_call(id="second", direction="INBOUND", caller=number)
        assert log_until_seen(watch, "unseen").revision >= 1
        assert log_until_seen(watch, "second").revision >= 1


def test_a_lookup_outlasts_a_restart_on_a_new_connection(tmp_path: Path, number: str) -> None:
    with server_process(tmp_path / "data") as first:
        client = Client(first.address, account="demo", user="alice")
        client.find_contact(number)
    flags = ("--listen", first.address, "--metrics-listen", "127.0.0.1:0", "--http-listen", "")
    with client, server_process(tmp_path / "data", *flags, has_addresses=True):
        assert list(client.find_contact(number).matches) == []


async def test_the_asynchronous_client_does_the_same(server: ServerProcess, number: str) -> None:
    async with AsyncClient(server.address, account="demo", user="ada") as client:
        watch = client.watch_call_logs(user_id="ada")
        await watch.start()
        contact = await client.create_contact("Ada", number)
        log = await client.log_call(id="async", direction="INBOUND", caller=number)
        assert (log.state, log.contact.id) == (CALL_LOG_STATE_LOGGED, contact.id)
        assert (await anext(watch)).call.id == "async"
        assert [listed.call.id async for listed in client.list_call_logs(user_id="ada")] == ["async"]
        with pytest.raises(errors.NotFound):
            await client.retry_call_log("never-reported")


def test_a_program_that_does_not_close_its_client_ends(server: ServerProcess) -> None:
    program = f"""
        from leadline import Client
        client = Client({server.address!r}, account="demo", user="alice")
        print(client.log_call(id="unclosed", direction="INBOUND").call.id)
        watch = client.watch_call_logs()
        watch.start()
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=20, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "unclosed\n", "")
