"""The service as a developer meets it: through grpcurl and reflection, nothing else in hand."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import grpc
import pytest
from support.grpcurl import Grpcurl
from support.servers import server_process

CONTACTS, CALLS, PREFERENCES = "ContactService", "CallLogService", "PreferencesService"
RPCS = {
    CONTACTS: ["CreateContact", "FindContact", "SearchContacts"],
    CALLS: ["CountCallLogs", "GetCallLog", "ListCallLogs", "LogCall", "RetryCallLog", "WatchCallLogs"],
    "DirectoryService": ["DeleteUser", "GetUser", "ListCrmUsers", "ListUsers", "UpsertUser"],
    "PlaceholderService": ["ListPlaceholders", "OpenReplay", "RemovePlaceholder"],
    PREFERENCES: ["GetAccountSettings", "GetPreferences", "UpdateAccountSettings", "UpdatePreferences"],
}
ADMIN = {
    "AccountService": [
        "CheckConnection",
        "CreateAccount",
        "DeleteAccount",
        "DisableAccount",
        "ExportAccount",
        "GetAccount",
        "GetConnection",
        "ListAccounts",
        "SetConnection",
        "UpdateAccount",
    ],
    "AuditService": ["ListAuditEntries"],
    "KeyService": ["DenyTokens", "IssueKey", "ListKeys", "RevokeKey", "RotateKey"],
}
INVALID, NOT_FOUND = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND
FAILED_PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
DEMO = {"account_id": "demo"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grpcurl]:
    """One server for the module: each test keeps to users, calls and numbers of its own."""
    with server_process(tmp_path_factory.mktemp("grpcurl") / "data") as process:
        yield Grpcurl(process.address)


def report(call_id: str, user: str, caller: str, **more: Any) -> dict[str, Any]:
    call = {"id": call_id, "direction": "CALL_DIRECTION_INBOUND", "caller": {"phone_number": caller}}
    return {"account_id": "demo", "user_id": user, "call": call, **more}


def log(server: Grpcurl, call_id: str, user: str, caller: str, **more: Any) -> dict[str, Any]:
    """The call log after a report; its state and reason without their prefixes."""
    answer: dict[str, Any] = server.call(f"{CALLS}/LogCall", report(call_id, user, caller, **more))["call_log"]
    return short(answer)


def short(call_log: dict[str, Any]) -> dict[str, Any]:
    state, reason = call_log["state"], call_log["reason"]
    return call_log | {
        "state": state.removeprefix("CALL_LOG_STATE_"),
        "reason": reason.removeprefix("CALL_LOG_REASON_"),
    }


def create(server: Grpcurl, name: str, number: str, **more: Any) -> dict[str, Any]:
    request = DEMO | {"name": name, "phone_number": number} | more
    contact: dict[str, Any] = server.call(f"{CONTACTS}/CreateContact", request)["contact"]
    return contact


def test_reflection_lists_the_services_with_all_their_rpcs(server: Grpcurl) -> None:
    assert set(server.services()) == {
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
        *(f"leadline.v1.{service}" for service in RPCS),
        *(f"leadline.admin.v1.{service}" for service in ADMIN),
    }
    for service, rpcs in ADMIN.items():
        assert server.rpcs(f"leadline.admin.v1.{service}") == [f"leadline.admin.v1.{service}.{rpc}" for rpc in rpcs]
    for service, rpcs in RPCS.items():
        assert server.rpcs(f"leadline.v1.{service}") == [f"leadline.v1.{service}.{rpc}" for rpc in rpcs]


@pytest.mark.parametrize("service", RPCS)
def test_every_rpc_its_request_and_its_response_can_be_described(server: Grpcurl, service: str) -> None:
    declaration = server.describe(f"leadline.v1.{service}")
    for rpc in RPCS[service]:
        stream = "stream " if rpc == "WatchCallLogs" else ""
        assert f"rpc {rpc} ( .leadline.v1.{rpc}Request ) returns ( {stream}.leadline.v1.{rpc}Response )" in declaration
    assert "string account_id = 1;" in server.describe(f"leadline.v1.{RPCS[service][0]}Request")


def test_the_first_steps_of_the_readme_lead_from_a_stranger_to_a_logged_call(server: Grpcurl) -> None:
    number, user = "+1 202-555-0101", "reader"
    find = DEMO | {"phone_numbers": [number]}
    assert server.call(f"{CONTACTS}/FindContact", find).keys() == {"as_of"}

    unlogged = log(server, "readme-1", user, number)
    assert (unlogged["state"], unlogged["reason"]) == ("UNLOGGED", "NO_CONTACT")
    assert "contact" not in unlogged

    ada = create(server, "Ada Lovelace", "(202) 555-0101")
    [match] = server.call(f"{CONTACTS}/FindContact", find)["matches"]
    assert (match["contact"], match["phone_number"], match["kind"]) == (ada, number, "MATCH_KIND_EXACT")

    logged = log(server, "readme-1", user, number, contact_id=ada["id"])
    assert (logged["state"], logged["reason"]) == ("LOGGED", "CONTACT_CHOSEN")
    assert logged["contact"]["id"] == ada["id"]
    assert logged["crm_log_id"]
    assert "Ada Lovelace" in logged["explanation"]

    again = log(server, "readme-2", user, number)
    assert (again["state"], again["reason"]) == ("LOGGED", "CONTACT_MATCHED")


def test_a_user_who_wants_placeholders_gets_one_a_number_however_often_it_calls(server: Grpcurl) -> None:
    user, number = "collector", "+12025550102"
    wish = {"unknown_contact_action": "UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER"}
    answer = server.call(f"{PREFERENCES}/UpdatePreferences", DEMO | {"user_id": user, "preferences": wish})
    assert answer["user"] == wish
    assert answer["sources"]["unknown_contact_action"] == "PREFERENCE_SOURCE_USER"

    first = log(server, "placeholder-1", user, number)
    second = log(server, "placeholder-2", user, number)

    assert (first["state"], first["reason"]) == ("LOGGED", "PLACEHOLDER_CREATED")
    assert (second["state"], second["reason"]) == ("LOGGED", "PLACEHOLDER_REUSED")
    assert first["contact"]["name"] == "Unknown Caller"
    assert first["contact"]["is_placeholder"]
    assert second["contact"]["id"] == first["contact"]["id"]
    assert second["crm_log_id"] != first["crm_log_id"]


def test_a_contact_is_created_once_for_one_request_id_and_found_by_name(server: Grpcurl) -> None:
    request_id = str(uuid4())
    first = create(server, "Grace Hopper", "+12025550103", request_id=request_id)
    assert create(server, "Grace Hopper", "+12025550103", request_id=request_id) == first

    found = server.call(f"{CONTACTS}/SearchContacts", DEMO | {"query": "hopp"})
    assert found == {"contacts": [first]}

    other = DEMO | {"request_id": request_id, "name": "Somebody Else", "phone_number": "+12025550104"}
    reused = server.refusal(f"{CONTACTS}/CreateContact", other)
    assert (reused.code, reused.reason) == (FAILED_PRECONDITION, "REQUEST_ID_REUSED")
    assert reused.metadata == {"request_id": request_id}


def test_a_number_that_has_a_contact_gets_no_second_one_unless_asked_for(server: Grpcurl) -> None:
    katherine = create(server, "Katherine Johnson", "+12025550105")
    refused = server.refusal(f"{CONTACTS}/CreateContact", DEMO | {"name": "K. J.", "phone_number": "202 555 0105"})
    assert (refused.code, refused.reason) == (grpc.StatusCode.ALREADY_EXISTS, "CONTACT_ALREADY_EXISTS")
    assert refused.metadata == {"contact_ids": katherine["id"]}
    assert create(server, "K. J.", "202 555 0105", allow_duplicate=True)["id"] != katherine["id"]

    several = log(server, "several-1", "anybody", "+12025550105")
    assert (several["state"], several["reason"]) == ("UNLOGGED", "SEVERAL_CONTACTS")
    assert {candidate["contact"]["name"] for candidate in several["candidates"]} == {"Katherine Johnson", "K. J."}


def test_call_logs_are_got_and_listed_page_by_page(server: Grpcurl) -> None:
    user = "lister"
    logs = [log(server, f"list-{number}", user, "+12025550106") for number in range(3)]
    got = server.call(f"{CALLS}/GetCallLog", DEMO | {"call_id": "list-1"})["call_log"]
    assert short(got) == logs[1]

    wanted = DEMO | {"user_id": user, "states": ["CALL_LOG_STATE_UNLOGGED"], "reasons": ["CALL_LOG_REASON_NO_CONTACT"]}
    first = server.call(f"{CALLS}/ListCallLogs", wanted | {"page_size": 2})
    rest = server.call(f"{CALLS}/ListCallLogs", wanted | {"page_token": first["next_page_token"]})
    assert len(first["call_logs"]) == 2
    assert rest.keys() == {"call_logs"}
    listed = [call_log["call"]["id"] for call_log in first["call_logs"] + rest["call_logs"]]
    assert listed == ["list-2", "list-1", "list-0"]

    bent = server.refusal(f"{CALLS}/ListCallLogs", DEMO | {"page_token": first["next_page_token"]})
    assert (bent.code, bent.reason, set(bent.violations)) == (INVALID, "INVALID_PAGE_TOKEN", {"page_token"})


def test_an_unlogged_call_is_decided_anew_on_retry(server: Grpcurl) -> None:
    assert log(server, "retry-1", "retrier", "+12025550107")["state"] == "UNLOGGED"
    mary = create(server, "Mary Jackson", "+12025550107")
    retried = short(server.call(f"{CALLS}/RetryCallLog", DEMO | {"call_id": "retry-1"})["call_log"])
    assert (retried["state"], retried["reason"]) == ("LOGGED", "CONTACT_MATCHED")
    assert retried["contact"]["id"] == mary["id"]


def test_a_watch_shows_calls_as_they_are_logged_and_goes_on_from_a_token(server: Grpcurl) -> None:
    watch = DEMO | {"user_id": "watcher"}
    with server.stream(f"{CALLS}/WatchCallLogs", watch) as messages:
        assert next(messages).keys() == {"resume_token"}
        logged = log(server, "watch-1", "watcher", "+12025550108")
        seen = [next(messages)]
        while seen[-1]["call_log"]["revision"] != logged["revision"]:
            seen.append(next(messages))
    assert short(seen[-1]["call_log"]) == logged

    missed = log(server, "watch-2", "watcher", "+12025550108")
    with server.stream(f"{CALLS}/WatchCallLogs", watch | {"resume_token": seen[-1]["resume_token"]}) as messages:
        resumed = next(message["call_log"] for message in messages if "call_log" in message)
    assert resumed["call"]["id"] == missed["call"]["id"] == "watch-2"

    foreign = server.refusal(f"{CALLS}/WatchCallLogs", DEMO | {"resume_token": seen[-1]["resume_token"]})
    assert (foreign.code, foreign.reason, set(foreign.violations)) == (
        INVALID,
        "INVALID_RESUME_TOKEN",
        {"resume_token"},
    )


def test_preferences_show_what_applies_and_where_it_comes_from(server: Grpcurl) -> None:
    me = DEMO | {"user_id": "chooser"}
    update = me | {"preferences": {"log_internal_calls": True}, "update_mask": {"paths": ["log_internal_calls"]}}
    server.call(f"{PREFERENCES}/UpdatePreferences", update)
    shown = server.call(f"{PREFERENCES}/GetPreferences", me)
    assert shown["user"] == {"log_internal_calls": True}
    assert shown["effective"]["placeholder_name"] == "Unknown Caller"
    assert shown["sources"]["log_internal_calls"] == "PREFERENCE_SOURCE_USER"
    assert shown["sources"]["placeholder_name"] == "PREFERENCE_SOURCE_BUILT_IN"

    cleared = server.call(f"{PREFERENCES}/UpdatePreferences", me | {"update_mask": {"paths": ["log_internal_calls"]}})
    assert not cleared.get("user")


def test_an_administrator_sets_defaults_and_locks_them(server: Grpcurl) -> None:
    mask = {"paths": ["defaults.placeholder_name", "locked"]}
    change = {"defaults": {"placeholder_name": "New Caller"}, "locked": ["placeholder_name"]}
    try:
        changed = server.call(f"{PREFERENCES}/UpdateAccountSettings", DEMO | {"settings": change, "update_mask": mask})[
            "settings"
        ]
        assert (changed["defaults"], changed["locked"]) == (change["defaults"], change["locked"])
        assert server.call(f"{PREFERENCES}/GetAccountSettings", DEMO)["settings"] == changed

        write = DEMO | {"user_id": "locked-out", "preferences": {"placeholder_name": "Mine"}}
        refused = server.refusal(f"{PREFERENCES}/UpdatePreferences", write)
        assert (refused.code, refused.reason) == (FAILED_PRECONDITION, "PREFERENCE_LOCKED")
        assert refused.metadata == {"fields": "placeholder_name"}
    finally:
        restored = server.call(f"{PREFERENCES}/UpdateAccountSettings", DEMO | {"settings": {}, "update_mask": mask})
    assert "locked" not in restored["settings"]


@pytest.mark.parametrize("rpc", [f"{service}/{rpc}" for service, rpcs in RPCS.items() for rpc in rpcs])
def test_every_rpc_names_what_an_empty_request_lacks(server: Grpcurl, rpc: str) -> None:
    refused = server.refusal(rpc, "{}")
    assert (refused.code, refused.reason) == (INVALID, "INVALID_REQUEST")
    assert refused.violations["account_id"] == "Required."


def test_what_is_not_there_is_not_found_and_named(server: Grpcurl) -> None:
    account = server.refusal(f"{CONTACTS}/FindContact", {"account_id": "acme", "phone_numbers": ["+12025550109"]})
    assert (account.code, account.reason, account.metadata) == (NOT_FOUND, "ACCOUNT_NOT_FOUND", {"account_id": "acme"})
    call = server.refusal(f"{CALLS}/GetCallLog", DEMO | {"call_id": "never"})
    assert (call.code, call.reason, call.metadata) == (NOT_FOUND, "CALL_LOG_NOT_FOUND", {"call_id": "never"})
    chosen = report("missing-1", "anybody", "+12025550109", contact_id="c_none")
    contact = server.refusal(f"{CALLS}/LogCall", chosen)
    assert (contact.code, contact.reason, contact.metadata) == (
        NOT_FOUND,
        "CONTACT_NOT_FOUND",
        {"contact_id": "c_none"},
    )
