"""Who may call what, over a socket, with keys of every role."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2
from leadline.admin.v1 import key_pb2, key_service_pb2
from leadline.v1 import (
    call_log_pb2,
    call_log_service_pb2,
    contact_service_pb2,
    preferences_service_pb2,
)
from leadline_server.auth.issuers import IssuerConfig
from leadline_server.domain.access.principals import Role
from leadline_server.domain.access.table import ACCESS, BY_HAND, METRICS
from leadline_server.ports.ledger.credentials import DenialKind
from support.access import ALICE, BOB, MISSING, OTHER, OWN, Guarded, bearer, guarded
from support.tokens import AUDIENCE, ISSUER, claims, key_set, signed
from transport.access_calls import FIND, GET, LIST, LOG, NUMBER, RETRY, SETTINGS, WATCH, find, outcome, refusal, report
from transport.serving import read_refusal


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Guarded]:
    async with guarded(tmp_path) as server:
        yield server


# Own account and own user, own account and other user, other account.
CASES = {
    "-": ("PERMISSION_DENIED", "PERMISSION_DENIED", "ACCOUNT_NOT_FOUND"),
    "A": ("", "", ""),
    "o": ("", "", "ACCOUNT_NOT_FOUND"),
    "U": ("", "", "ACCOUNT_NOT_FOUND"),
    "S": ("", "PERMISSION_DENIED", "ACCOUNT_NOT_FOUND"),
    "R": ("", "", "ACCOUNT_NOT_FOUND"),
}
REFUSALS = {"PERMISSION_DENIED", "ACCOUNT_NOT_FOUND", "UNAUTHENTICATED"}


async def test_the_matrix_holds_over_the_wire(served: Guarded) -> None:
    for rpc in set(ACCESS) - {METRICS}:
        await check_row(served, rpc)


async def check_row(served: Guarded, rpc: str) -> None:
    name = "LogCall" if rpc == BY_HAND else rpc
    [method] = [method for method in served.server.methods.values() if method.name == name]
    for role in Role:
        key = await served.key(role)
        sign = ACCESS[rpc][role].removesuffix("*")
        own, other_user, other_account = CASES[sign]
        has_user = "user_id" in method.input_type.DESCRIPTOR.fields_by_name
        asked = [(OWN, ALICE, own), (OWN, BOB, other_user if has_user else own), (OTHER, ALICE, other_account)]
        if role is Role.MONITOR:  # it belongs to no account, so every account is another's
            asked = [(account, user, "ACCOUNT_NOT_FOUND") for account, user, _ in asked]
        for account_id, user_id, expected in asked:
            request: Any = method.input_type(account_id=account_id)
            if has_user:
                request.user_id = user_id
            if rpc == BY_HAND:
                request.trigger = call_log_pb2.LOG_TRIGGER_MANUAL
            reason = await refusal(served, f"/{method.service}/{method.name}", request, key, is_stream=method.is_stream)
            assert (reason if reason in REFUSALS else "") == expected, (rpc, role, account_id, user_id, reason)


@pytest.mark.parametrize(
    "metadata",
    [
        (),
        (("authorization", ""),),
        (("authorization", "Bearer"),),
        (("authorization", "Bearer "),),
        (("authorization", "Basic YWxpY2U6cHc="),),
        (("authorization", "Bearer leadline_0123456789abcdef_" + "A" * 43),),
        (("authorization", "Bearer leadline_"),),
        (("authorization", "Bearer a.b.c"),),
        (("authorization", "Bearer x"), ("authorization", "Bearer y")),
        (("x-api-key", "leadline_0123456789abcdef_" + "A" * 43),),
    ],
)
async def test_without_a_good_credential_nothing_is_answered(served: Guarded, metadata: Any) -> None:
    call: Any = served.channel.unary_unary(FIND)
    for data in (find().SerializeToString(), b"\xff\xff not a message"):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(data, metadata=metadata, timeout=10.0)
        refused = read_refusal(caught.value)
        assert (refused.code, refused.info.reason) == (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")
        assert "0123456789abcdef" not in refused.message


async def test_a_good_key_reads_its_own_account(served: Guarded) -> None:
    key = await served.key(Role.SERVICE)
    assert await outcome(served, FIND, find(), key) == ("OK", "")
    assert await outcome(served, FIND, find(OTHER), key) == ("NOT_FOUND", "ACCOUNT_NOT_FOUND")


@pytest.mark.parametrize("size", [10, 5000])
async def test_another_account_is_as_one_that_does_not_exist(served: Guarded, size: int) -> None:
    key = await served.key(Role.ACCOUNT_ADMIN)
    answers = []
    for account_id in (OTHER, MISSING):
        request = contact_service_pb2.SearchContactsRequest(account_id=account_id, query="q" * size)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await served.call("/leadline.v1.ContactService/SearchContacts", request, key)
        refused = read_refusal(caught.value)
        answers.append(
            (refused.code, refused.message.replace(account_id, "?"), refused.raw.replace(account_id.encode(), b"?"))
        )
    assert answers[0] == answers[1]
    assert answers[0][0] is grpc.StatusCode.NOT_FOUND


async def test_health_is_open_and_reflection_is_closed(served: Guarded) -> None:
    check: Any = served.channel.unary_unary(
        "/grpc.health.v1.Health/Check", response_deserializer=health_pb2.HealthCheckResponse.FromString
    )
    assert (await check(b"")).status == health_pb2.HealthCheckResponse.SERVING
    reflect: Any = served.channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await reflect(iter([b""])).read()
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_revoked_key_is_refused_at_once_on_an_open_connection(served: Guarded) -> None:
    issued = await served.issue(Role.SERVICE)
    assert (await outcome(served, FIND, find(), issued.secret))[0] == "OK"
    await served.app.commands.keys.revoke(OWN, issued.key.key_id)
    assert (await outcome(served, FIND, find(), issued.secret))[0] == "UNAUTHENTICATED"


async def test_an_open_watch_ends_within_a_second_of_the_revocation(served: Guarded) -> None:
    issued = await served.issue(Role.USER)
    stream: Any = served.channel.unary_stream(WATCH)
    request = call_log_service_pb2.WatchCallLogsRequest(account_id=OWN)
    watch = stream(request.SerializeToString(), metadata=bearer(issued.secret))
    await watch.read()
    other = stream(request.SerializeToString(), metadata=bearer(await served.key(Role.ACCOUNT_ADMIN)))
    await other.read()
    await served.app.commands.keys.revoke(OWN, issued.key.key_id)
    await ends(watch)
    assert (await outcome(served, LOG, report(), await served.key(Role.SERVICE)))[0] == "OK"
    assert await other.read()
    other.cancel()


async def test_tokens_are_accepted_denied_and_end_with_their_watches(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_bytes(key_set())
    issuer = IssuerConfig(issuer=ISSUER, audiences=(AUDIENCE,), jwks_file=file, roles=(Role.SERVICE,))
    async with guarded(tmp_path / "data", issuers={"id": issuer}) as served:
        token, other = signed(claims(jti="one")), signed(claims(jti="two"))
        short = signed(claims(exp=time.time() + 2.5))
        for good in (token, other, short):
            assert await outcome(served, FIND, find(), good) == ("OK", "")
            assert await outcome(served, FIND, find(OTHER), good) == ("NOT_FOUND", "ACCOUNT_NOT_FOUND")
        assert (await outcome(served, FIND, find(), token[:-9]))[0] == "UNAUTHENTICATED"
        watches = [await watching(served, one) for one in (token, other, short)]
        keys = served.app.commands.keys
        await keys.deny(OTHER, ISSUER, (DenialKind.TOKEN, "one"), None)
        assert (await outcome(served, FIND, find(), token))[0] == "OK"  # another account's denial
        await keys.deny(OWN, ISSUER, (DenialKind.TOKEN, "one"), None)
        assert (await outcome(served, FIND, find(), token))[0] == "UNAUTHENTICATED"
        await ends(watches[0])
        assert (await outcome(served, FIND, find(), other))[0] == "OK"
        await ends(watches[2], within=4.0)
        assert (await outcome(served, FIND, find(), short))[0] == "UNAUTHENTICATED"
        await keys.deny("", ISSUER, (DenialKind.SUBJECT, "alice"), None)
        await ends(watches[1])


async def watching(served: Guarded, key: str) -> Any:
    stream: Any = served.channel.unary_stream(WATCH)
    request = call_log_service_pb2.WatchCallLogsRequest(account_id=OWN)
    watch = stream(request.SerializeToString(), metadata=bearer(key))
    await watch.read()
    return watch


async def ends(watch: Any, within: float = 1.0) -> None:
    async with asyncio.timeout(within):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await watch.read()
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_user_sees_and_changes_own_calls_alone(served: Guarded) -> None:
    service, user = await served.key(Role.SERVICE), await served.key(Role.USER)
    assert (await outcome(served, LOG, report(call_id="hers"), service))[0] == "OK"
    assert (await outcome(served, LOG, report(call_id="his", user_id=BOB), service))[0] == "OK"
    get = call_log_service_pb2.GetCallLogRequest
    assert (await outcome(served, GET, get(account_id=OWN, call_id="hers"), user))[0] == "OK"
    for path in (GET, RETRY):
        for call_id in ("his", "nobody's"):
            asked = await outcome(served, path, get(account_id=OWN, call_id=call_id), user)
            assert asked == ("NOT_FOUND", "CALL_LOG_NOT_FOUND")
    for extra in ({}, {"validate_only": True}, {"trigger": call_log_pb2.LOG_TRIGGER_MANUAL}):
        taken = await outcome(served, LOG, report(call_id="his", **extra), user)
        assert taken == ("PERMISSION_DENIED", "PERMISSION_DENIED")
    everything = call_log_service_pb2.ListCallLogsRequest(account_id=OWN)
    listed = await served.call(LIST, everything, user, call_log_service_pb2.ListCallLogsResponse)
    assert [log.call.id for log in listed.call_logs] == ["hers"]
    listed = await served.call(LIST, everything, service, call_log_service_pb2.ListCallLogsResponse)
    assert {log.call.id for log in listed.call_logs} == {"hers", "his"}


async def test_a_users_report_without_user_is_that_users(served: Guarded) -> None:
    user = await served.key(Role.USER)
    answer = await served.call(LOG, report(user_id=""), user, call_log_service_pb2.LogCallResponse)
    assert answer.call_log.user_id == ALICE


async def test_a_reporter_writes_and_reads_its_own_reports_without_contacts(served: Guarded) -> None:
    reporter, other = await served.key(Role.REPORTER), await served.issue(Role.REPORTER)
    admin = await served.key(Role.ACCOUNT_ADMIN)
    created = contact_service_pb2.CreateContactRequest(account_id=OWN, name="Jane Roe", phone_number=NUMBER)
    await served.call("/leadline.v1.ContactService/CreateContact", created, admin)
    answer = await served.call(LOG, report(), reporter, call_log_service_pb2.LogCallResponse)
    assert answer.call_log.state == call_log_pb2.CALL_LOG_STATE_LOGGED
    assert "Jane" not in str(answer)
    assert not answer.call_log.HasField("contact")
    get = call_log_service_pb2.GetCallLogRequest(account_id=OWN, call_id="c1")
    again = await served.call(GET, get, reporter, call_log_service_pb2.GetCallLogResponse)
    assert again.call_log.call.id == "c1"
    assert "Jane" not in str(again)
    assert await outcome(served, GET, get, other.secret) == ("NOT_FOUND", "CALL_LOG_NOT_FOUND")
    seen = await served.call(GET, get, admin, call_log_service_pb2.GetCallLogResponse)
    assert seen.call_log.contact.name == "Jane Roe"


async def test_a_platform_reads_call_data_only_with_the_grant(served: Guarded) -> None:
    plain = await served.issue(Role.PLATFORM, granted=False)
    assert await outcome(served, FIND, find(), plain.secret) == ("PERMISSION_DENIED", "PERMISSION_DENIED")
    answer = await served.call(LOG, report(), plain.secret, call_log_service_pb2.LogCallResponse)
    assert not answer.call_log.explanation
    assert (await outcome(served, FIND, find(), await served.key(Role.PLATFORM)))[0] == "OK"


async def test_a_user_sees_the_settings_without_lists_of_numbers(served: Guarded) -> None:
    admin = await served.key(Role.ACCOUNT_ADMIN)
    settings: Any = {"own_numbers": [NUMBER], "defaults": {"excluded_numbers": {"values": [NUMBER]}}}
    written = preferences_service_pb2.UpdateAccountSettingsRequest(account_id=OWN, settings=settings)
    await served.call("/leadline.v1.PreferencesService/UpdateAccountSettings", written, admin)
    request = preferences_service_pb2.GetAccountSettingsRequest(account_id=OWN)
    answer = preferences_service_pb2.GetAccountSettingsResponse
    shown = await served.call(SETTINGS, request, await served.key(Role.USER), answer)
    assert NUMBER not in str(shown)
    assert str(await served.call(SETTINGS, request, admin, answer)).count(NUMBER) == 2


async def test_an_administrator_issues_no_key_above_itself(served: Guarded) -> None:
    admin = await served.key(Role.ACCOUNT_ADMIN)
    path = "/leadline.admin.v1.KeyService/IssueKey"
    platform = key_service_pb2.IssueKeyRequest(role=key_pb2.ROLE_PLATFORM)
    assert await outcome(served, path, platform, admin) == ("NOT_FOUND", "ACCOUNT_NOT_FOUND")
    platform.account_id = OWN
    assert await outcome(served, path, platform, admin) == ("INVALID_ARGUMENT", "INVALID_REQUEST")
    granted = key_service_pb2.IssueKeyRequest(
        account_id=OWN, role=key_pb2.ROLE_ACCOUNT_ADMIN, grants=[key_pb2.GRANT_CALL_DATA]
    )
    assert await outcome(served, path, granted, admin) == ("INVALID_ARGUMENT", "INVALID_REQUEST")
    own = key_service_pb2.IssueKeyRequest(account_id=OWN, role=key_pb2.ROLE_ACCOUNT_ADMIN, label="deputy")
    answer = await served.call(path, own, admin, key_service_pb2.IssueKeyResponse)
    assert (await outcome(served, FIND, find(), answer.secret))[0] == "OK"
    assert answer.key.creator == f"key:{served.keys[Role.ACCOUNT_ADMIN, OWN].key.key_id}"


async def test_keys_that_cannot_be_changed_say_why(served: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    admin, service = await served.key(Role.ACCOUNT_ADMIN), "/leadline.admin.v1.KeyService/"
    unknown = key_service_pb2.RevokeKeyRequest(account_id=OWN, key_id="0123456789abcdef")
    assert await outcome(served, service + "RevokeKey", unknown, admin) == ("NOT_FOUND", "KEY_NOT_FOUND")
    issued = await served.issue(Role.SERVICE)
    rotation = key_service_pb2.RotateKeyRequest(account_id=OWN, key_id=issued.key.key_id)
    rotation.overlap.FromTimedelta(timedelta(hours=1))
    assert (await outcome(served, service + "RotateKey", rotation, admin))[0] == "OK"
    refused = await outcome(served, service + "RotateKey", rotation, admin)
    assert refused[1] == "KEY_CONFLICT"
    monkeypatch.setattr("leadline_server.commands.keys.MOST_KEYS", 1)
    another = key_service_pb2.IssueKeyRequest(account_id=OWN, role=key_pb2.ROLE_SERVICE)
    assert (await outcome(served, service + "IssueKey", another, admin))[1] == "TOO_MANY_KEYS"
