"""The table of roles, as the pure functions answer it. Every case is made from the table's own signs."""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import leadline.admin.v1
import leadline.v1
import pytest
from google.protobuf.descriptor import MethodDescriptor
from leadline.v1 import contact_service_pb2
from leadline_server.domain.access.principals import (
    EVERYONE,
    GRANTS_OF,
    WITHOUT_ACCOUNT,
    ApiKey,
    Grant,
    Principal,
    Role,
    VerifiedToken,
    principal,
)
from leadline_server.domain.access.rules import Permission, allowed, may_open
from leadline_server.domain.access.table import ACCESS, BY_HAND, METRICS, Extent
from leadline_server.transport.admission.guard import check_row

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OWN, OTHER = "acme", "globex"
ALICE, BOB = "alice", "bob"

YES, NO, HIDDEN = Permission.ALLOWED, Permission.DENIED, Permission.HIDDEN

# The page with the metrics belongs to no account; a test of its own has it.
RPCS = [rpc for rpc in ACCESS if rpc != METRICS]

# own account and own user, own account and other user, other account (whatever user)
EXPECTED = {
    "-": (NO, NO, HIDDEN),
    "A": (YES, YES, YES),
    "A*": (NO, NO, NO),
    "A* granted": (YES, YES, YES),
    "o": (YES, YES, HIDDEN),
    "o*": (YES, YES, HIDDEN),
    "U": (YES, YES, HIDDEN),
    "U*": (NO, NO, HIDDEN),
    "U* granted": (YES, YES, HIDDEN),
    "S": (YES, NO, HIDDEN),
    "R": (YES, YES, HIDDEN),
}


def methods() -> Iterator[MethodDescriptor]:
    for package in (leadline.v1, leadline.admin.v1):
        for module in pkgutil.iter_modules(package.__path__):
            loaded: ModuleType = importlib.import_module(f"{package.__name__}.{module.name}")
            for service in (getattr(loaded, "DESCRIPTOR", None) and loaded.DESCRIPTOR.services_by_name.values()) or ():
                if module.name.endswith("_pb2"):
                    yield from service.methods


def of(role: Role, *, granted: bool = False) -> Principal:
    grants = {GRANTS_OF[role]} if granted and role in GRANTS_OF else set[Grant]()
    return Principal(
        id="key:0",
        role=role,
        account_id="" if role is Role.PLATFORM else OWN,
        user_id=ALICE if role is Role.USER else "",
        grants=frozenset(grants),
    )


def test_every_rpc_has_a_row_and_every_row_an_rpc() -> None:
    assert {method.name for method in methods()} | {BY_HAND, METRICS} == set(ACCESS)


def test_names_of_rpcs_are_unique_over_all_services() -> None:
    names = [method.name for method in methods()]
    assert len(names) == len(set(names)) > 20


def test_an_rpc_without_a_row_keeps_the_server_from_starting() -> None:
    method: Any = contact_service_pb2.DESCRIPTOR.services_by_name["ContactService"].methods[0]
    check_row(method)
    with pytest.raises(ValueError, match="has no row"):
        check_row(type("Method", (), {"name": "NewRpc", "full_name": "leadline.v1.NewService.NewRpc"})())


@pytest.mark.parametrize("granted", [False, True])
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("rpc", RPCS)
def test_the_answer_is_that_of_the_sign(rpc: str, role: Role, granted: bool) -> None:  # noqa: FBT001
    extent = ACCESS[rpc][role]
    sign = f"{extent} granted" if granted and extent.endswith("*") and f"{extent} granted" in EXPECTED else str(extent)
    who = of(role, granted=granted)
    own_user, other_user, other_account = EXPECTED[sign]
    assert allowed(who, rpc, OWN, ALICE) is own_user
    assert allowed(who, rpc, OWN, "") is own_user
    assert allowed(who, rpc, OWN, BOB) is other_user
    for user in (ALICE, BOB, ""):
        assert allowed(who, rpc, OTHER, user) is other_account


def test_nobody_of_an_account_gets_into_the_keys_of_none() -> None:
    for role in set(Role) - WITHOUT_ACCOUNT:
        assert allowed(of(role), "IssueKey", "", "") is HIDDEN


def test_a_monitor_without_account_may_call_nothing() -> None:
    monitor = replace(of(Role.MONITOR), account_id="")
    assert {allowed(monitor, rpc, OWN, "") for rpc in ACCESS} == {HIDDEN}
    assert {rpc for rpc in ACCESS if allowed(monitor, rpc, "", "") is not NO} == {METRICS}
    assert {role for role in Role if allowed(replace(of(role), account_id=""), METRICS, "", "") is YES} == {
        Role.MONITOR
    }


def test_everyone_may_do_everything_while_authentication_is_off() -> None:
    assert {allowed(EVERYONE, rpc, OWN, BOB) for rpc in ACCESS if rpc != METRICS} == {YES}
    assert all(may_open(EVERYONE, rpc, BOB, ()) for rpc in ACCESS)


def test_a_user_opens_own_logs_and_a_reporter_its_reports() -> None:
    user, reporter = of(Role.USER), of(Role.REPORTER)
    for rpc in ("GetCallLog", "RetryCallLog"):
        assert may_open(user, rpc, ALICE, ())
        assert not may_open(user, rpc, BOB, (user.id,))
    assert may_open(reporter, "GetCallLog", BOB, ("key:1", reporter.id))
    assert not may_open(reporter, "GetCallLog", ALICE, ("key:1",))


def test_a_credential_is_one_principal() -> None:
    key = ApiKey(key_id="0" * 16, digest=b"", role=Role.SERVICE, account_id=OWN, create_time=NOW)
    assert principal(key) == Principal(id="key:0000000000000000", role=Role.SERVICE, account_id=OWN)
    assert principal(replace(key, certificate_name="DNS:pbx")).id == "certificate:0000000000000000"
    token = VerifiedToken(
        issuer="https://id.example",
        subject="alice",
        token_id="",
        expire_time=0.0,
        role=Role.USER,
        account_id=OWN,
        user_id=ALICE,
    )
    assert principal(token) == Principal(
        id="token:https://id.example#alice", role=Role.USER, account_id=OWN, user_id=ALICE
    )


def test_a_key_is_live_from_issue_to_its_end_or_its_revocation() -> None:
    key = ApiKey(key_id="0" * 16, digest=b"", role=Role.MONITOR, create_time=NOW)
    assert key.is_live(NOW + timedelta(days=9999))
    assert not replace(key, expire_time=NOW).is_live(NOW)
    assert replace(key, expire_time=NOW + timedelta(seconds=1)).is_live(NOW)
    assert not replace(key, revoke_time=NOW + timedelta(days=1)).is_live(NOW)


@pytest.mark.parametrize(
    ("role", "grants", "short"),
    [
        (Role.REPORTER, set(), True),
        (Role.PLATFORM, set(), True),
        (Role.PLATFORM, {Grant.CALL_DATA}, False),
        (Role.USER, set(), False),
        (Role.SERVICE, set(), False),
    ],
)
def test_who_gets_short_answers(role: Role, grants: set[Grant], short: bool) -> None:  # noqa: FBT001
    assert replace(of(role), grants=frozenset(grants)).has_short_answers is short


def test_every_sign_of_the_table_is_explained_and_used() -> None:
    from leadline_server.domain.access.table import MEANINGS

    assert set(MEANINGS) == set(Extent) == {extent for row in ACCESS.values() for extent in row.values()}
