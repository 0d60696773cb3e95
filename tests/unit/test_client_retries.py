"""The requests that the client sends again after a failure, and those that it never does."""

import json
from pathlib import Path

import grpc
import pytest
from leadline import errors
from leadline._retries import service_config
from leadline.v1 import call_log_service_pb2 as logs_pb
from leadline.v1 import contact_service_pb2 as contacts_pb
from leadline.v1.contact_pb2 import Contact
from leadline.v1.preferences_pb2 import Preferences
from leadline.v1.preferences_service_pb2 import UpdatePreferencesRequest, UpdatePreferencesResponse
from unit.client_servers import Flaky, asking

DOCS = Path(__file__).parents[2] / "docs" / "clients.md"

READS_AND_SAFE_WRITES = {
    ("leadline.v1.ContactService", "FindContact"),
    ("leadline.v1.ContactService", "SearchContacts"),
    ("leadline.v1.ContactService", "CreateContact"),
    ("leadline.v1.CallLogService", "LogCall"),
    ("leadline.v1.CallLogService", "GetCallLog"),
    ("leadline.v1.CallLogService", "ListCallLogs"),
    ("leadline.v1.CallLogService", "CountCallLogs"),
    ("leadline.v1.DirectoryService", "GetUser"),
    ("leadline.v1.DirectoryService", "ListUsers"),
    ("leadline.v1.DirectoryService", "ListCrmUsers"),
    ("leadline.v1.DirectoryService", "UpsertUser"),
    ("leadline.v1.PlaceholderService", "ListPlaceholders"),
    ("leadline.admin.v1.KeyService", "ListKeys"),
    ("leadline.admin.v1.KeyService", "RevokeKey"),
    ("leadline.admin.v1.KeyService", "DenyTokens"),
    ("leadline.admin.v1.AuditService", "ListAuditEntries"),
    ("leadline.v1.PreferencesService", "GetPreferences"),
    ("leadline.v1.PreferencesService", "GetAccountSettings"),
}


def test_reads_and_safe_writes_are_tried_again_and_nothing_else() -> None:
    methods = json.loads(service_config())["methodConfig"]
    assert {(name["service"], name["method"]) for config in methods for name in config["name"]} == READS_AND_SAFE_WRITES


def test_only_calls_that_a_server_could_not_take_are_tried_again_a_few_times() -> None:
    (config,) = json.loads(service_config())["methodConfig"]
    assert config["retryPolicy"]["retryableStatusCodes"] == ["UNAVAILABLE", "CANCELLED"]
    assert config["retryPolicy"]["maxAttempts"] == 4


def test_the_documentation_gives_other_clients_the_same_service_config() -> None:
    documented, used = json.loads(DOCS.read_text().split("```json\n")[1].split("```")[0]), json.loads(service_config())
    for config in (documented, used):
        config["methodConfig"][0]["name"].sort(key=str)
    assert documented == used


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED])
async def test_a_lookup_outlasts_three_failures(code: grpc.StatusCode) -> None:
    flaky = Flaky(contacts_pb.FindContactResponse(), failures=3, code=code)
    async with asking("ContactService/FindContact", contacts_pb.FindContactRequest, flaky.handle) as client:
        await client.find_contact("+14155550123")
    assert len(flaky.requests) == 4


async def test_after_the_fourth_failure_the_error_is_raised() -> None:
    flaky = Flaky(logs_pb.LogCallResponse(), failures=99)
    async with asking("CallLogService/LogCall", logs_pb.LogCallRequest, flaky.handle) as client:
        with pytest.raises(errors.Unavailable, match="Not now"):
            await client.log_call(id="c1", direction="INBOUND")
    assert len(flaky.requests) == 4


async def test_every_try_of_a_creation_has_the_same_request_id_and_the_next_creation_another() -> None:
    flaky = Flaky(contacts_pb.CreateContactResponse(contact=Contact(id="p1")), failures=1)
    async with asking("ContactService/CreateContact", contacts_pb.CreateContactRequest, flaky.handle) as client:
        await client.create_contact("Ann", "+14155550123")
        await client.create_contact("Ann", "+14155550123")
    first, again, other = (request.request_id for request in flaky.requests)
    assert first
    assert first == again
    assert first != other


async def test_a_write_of_preferences_is_not_repeated() -> None:
    flaky = Flaky(UpdatePreferencesResponse(), failures=1)
    async with asking("PreferencesService/UpdatePreferences", UpdatePreferencesRequest, flaky.handle) as client:
        with pytest.raises(errors.Unavailable):
            await client.update_preferences(Preferences(auto_log_calls=False))
    assert len(flaky.requests) == 1


async def test_other_errors_are_not_tried_again() -> None:
    flaky = Flaky(contacts_pb.FindContactResponse(), failures=1, code=grpc.StatusCode.INTERNAL)
    async with asking("ContactService/FindContact", contacts_pb.FindContactRequest, flaky.handle) as client:
        with pytest.raises(errors.Internal):
            await client.find_contact("+14155550123")
    assert len(flaky.requests) == 1
