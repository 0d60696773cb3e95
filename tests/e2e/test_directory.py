"""The directory, over the wire: users, reports that name none, and the account's own numbers."""

from collections.abc import Iterator
from typing import Any, Final

import grpc
import pytest
from support.grpcurl import Grpcurl
from support.servers import server_process

USERS: Final = "DirectoryService"
LOG: Final = "CallLogService/LogCall"
STRANGER, JANES, BOBS, MAIN = "+12025550161", "+12025550162", "+12025550163", "+12025550100"
DEMO: Final = {"account_id": "demo"}
NOT_FOUND, INVALID, EXISTS = grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.ALREADY_EXISTS


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grpcurl]:
    with server_process(tmp_path_factory.mktemp("directory") / "data") as process:
        server = Grpcurl(process.address)
        put(
            server,
            "jane",
            name="Jane",
            extensions=["101"],
            phone_numbers=["(202) 555-0162"],
            emails=["Jane@Example.com"],
        )
        put(server, "bob", extensions=["102"], phone_numbers=[BOBS])
        put(server, "gone", extensions=["109"], is_active=False)
        settings = {"own_numbers": ["202-555-0100"]}
        server.call("PreferencesService/UpdateAccountSettings", DEMO | {"settings": settings})
        yield server


def put(server: Grpcurl, user_id: str, **fields: Any) -> dict[str, Any]:
    user: dict[str, Any] = server.call(f"{USERS}/UpsertUser", DEMO | {"user": {"user_id": user_id, **fields}})["user"]
    return user


def report(server: Grpcurl, call_id: str, direction: str, **call: Any) -> dict[str, Any]:
    call = {"id": call_id, "direction": f"CALL_DIRECTION_{direction}", **call}
    log: dict[str, Any] = server.call(LOG, DEMO | {"call": call})["call_log"]
    return log


def test_a_user_is_stored_with_numbers_in_e164_and_addresses_in_lower_case(server: Grpcurl) -> None:
    user = server.call(f"{USERS}/GetUser", DEMO | {"user_id": "jane"})["user"]
    assert (user["phone_numbers"], user["emails"], user["is_active"]) == ([JANES], ["jane@example.com"], True)


def test_users_are_listed_in_pages(server: Grpcurl) -> None:
    first = server.call(f"{USERS}/ListUsers", DEMO | {"page_size": 2})
    rest = server.call(f"{USERS}/ListUsers", DEMO | {"page_size": 2, "page_token": first["next_page_token"]})
    assert [user["user_id"] for user in (*first["users"], *rest["users"])] == ["bob", "gone", "jane"]
    assert not rest.get("next_page_token")


def test_an_extension_belongs_to_one_user(server: Grpcurl) -> None:
    request = DEMO | {"user": {"user_id": "carl", "extensions": ["101"]}}
    assert server.refusal(f"{USERS}/UpsertUser", request).code is EXISTS


def test_what_is_no_number_or_address_is_named(server: Grpcurl) -> None:
    request = DEMO | {"user": {"user_id": "carl", "phone_numbers": ["x"], "emails": ["nobody"], "extensions": [" "]}}
    refused = server.refusal(f"{USERS}/UpsertUser", request)
    assert refused.code is INVALID
    assert all(f"user.{field}[0]" in refused.message for field in ("phone_numbers", "emails", "extensions"))


def test_a_user_who_is_not_there_is_not_found(server: Grpcurl) -> None:
    for rpc in ("GetUser", "DeleteUser"):
        assert server.refusal(f"{USERS}/{rpc}", DEMO | {"user_id": "nobody"}).code is NOT_FOUND


@pytest.mark.parametrize(
    ("call_id", "direction", "parties"),
    [
        ("by-extension", "INBOUND", {"caller": {"phone_number": STRANGER}, "callee": {"extension": "101"}}),
        ("by-number", "INBOUND", {"caller": {"phone_number": STRANGER}, "callee": {"phone_number": "2025550162"}}),
        (
            "by-address",
            "INBOUND",
            {"caller": {"phone_number": STRANGER}, "callee": {"phone_number": "sip:jane@example.com"}},
        ),
        ("outbound", "OUTBOUND", {"caller": {"extension": "101"}, "callee": {"phone_number": STRANGER}}),
        (
            "answered",
            "INBOUND",
            {
                "caller": {"phone_number": STRANGER},
                "callee": {"extension": "102"},
                "legs": [
                    {"id": "a", "party": {"extension": "102"}, "result": "CALL_RESULT_NO_ANSWER"},
                    {"id": "b", "party": {"extension": "101"}, "result": "CALL_RESULT_ANSWERED"},
                ],
            },
        ),
    ],
)
def test_a_report_without_a_user_finds_the_user_by_the_parties(
    server: Grpcurl, call_id: str, direction: str, parties: dict[str, Any]
) -> None:
    assert report(server, call_id, direction, **parties)["user_id"] == "jane"


def test_a_later_report_without_parties_stays_with_the_calls_user(server: Grpcurl) -> None:
    report(server, "twice", "INBOUND", caller={"phone_number": STRANGER}, callee={"extension": "101"})
    log = server.call(LOG, DEMO | {"call": {"id": "twice", "result": "CALL_RESULT_ANSWERED"}})["call_log"]
    assert (log["user_id"], log["call"]["result"]) == ("jane", "CALL_RESULT_ANSWERED")


@pytest.mark.parametrize("extension", ["999", "109"], ids=["unknown", "not active"])
def test_where_nobody_is_found_the_error_says_what_was_looked_for(server: Grpcurl, extension: str) -> None:
    call = {"id": "nobody", "direction": "CALL_DIRECTION_INBOUND", "callee": {"extension": extension}}
    refused = server.refusal(LOG, DEMO | {"call": call})
    assert refused.code is INVALID
    assert "user_id" in refused.message
    assert "Looked for: extension" in refused.message


@pytest.mark.parametrize(
    ("call_id", "caller"),
    [
        ("own-main", {"phone_number": MAIN}),
        ("own-mobile", {"phone_number": BOBS}),
        ("own-extension", {"extension": "102"}),
        ("own-inactive", {"extension": "109"}),
    ],
)
def test_a_call_between_two_own_parties_is_internal_and_makes_no_contact(
    server: Grpcurl, call_id: str, caller: dict[str, str]
) -> None:
    server.call(
        "PreferencesService/UpdatePreferences",
        DEMO
        | {
            "user_id": "jane",
            "preferences": {"unknown_contact_action": "UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER"},
        },
    )
    log = report(server, call_id, "INBOUND", caller=caller, callee={"extension": "101"})
    assert (log["state"], log["reason"]) == ("CALL_LOG_STATE_UNLOGGED", "CALL_LOG_REASON_INTERNAL_CALL")
    assert "contact" not in log


def test_a_strangers_call_to_a_user_still_makes_a_placeholder(server: Grpcurl) -> None:
    server.call(
        "PreferencesService/UpdatePreferences",
        DEMO
        | {
            "user_id": "bob",
            "preferences": {"unknown_contact_action": "UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER"},
        },
    )
    log = report(
        server, "new-stranger", "INBOUND", caller={"phone_number": "+12025550169"}, callee={"extension": "102"}
    )
    assert log["reason"] == "CALL_LOG_REASON_PLACEHOLDER_CREATED"


def test_the_default_user_takes_reports_that_name_none(server: Grpcurl) -> None:
    update = "PreferencesService/UpdateAccountSettings"
    server.call(update, DEMO | {"settings": {"default_user_id": "reception"}})
    log = report(server, "defaulted", "INBOUND", caller={"phone_number": STRANGER}, callee={"extension": "999"})
    assert log["user_id"] == "reception"
    server.call(update, DEMO | {"update_mask": {"paths": ["default_user_id"]}})
    assert "default_user_id" not in server.call("PreferencesService/GetAccountSettings", DEMO)["settings"]


def test_own_numbers_are_read_in_the_accounts_region(server: Grpcurl) -> None:
    settings = server.call("PreferencesService/GetAccountSettings", DEMO)["settings"]
    assert settings["own_numbers"] == [MAIN]
    bad = DEMO | {"settings": {"own_numbers": ["101"]}}
    refused = server.refusal("PreferencesService/UpdateAccountSettings", bad)
    assert "settings.own_numbers[0]" in refused.message
