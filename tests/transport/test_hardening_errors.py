"""Every reason that the service can give for an error, each brought about in the real service and read by a client."""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import grpc
import leadline_server
import pytest
from leadline.v1 import contact_service_pb2 as pb
from leadline.v1 import directory_service_pb2
from leadline_server.domain import crm_errors, errors
from leadline_server.domain.errors import ErrorReason
from leadline_server.ports.crm import CrmAdapter
from support.crms import Switch
from transport.real import real_server, report
from transport.scenes import (
    Act,
    Scene,
    a_locked_preference,
    a_lookup_that_hangs,
    a_quota_that_is_used_up,
    a_token_from_the_future,
    a_watch_on_a_server_that_stops,
    a_watch_that_falls_behind,
    after,
    another_contact_for_a_logged_call,
    create,
    crm_raises,
    directory,
    find,
    get_log,
    list_logs,
    one_user_too_many,
    raw,
    storage_fails,
    upsert,
    watch,
)
from transport.serving import Refused, refused

REQUEST_ID: Final = "123e4567-e89b-42d3-a456-426614174000"
NOT_EMITTED: Final = {
    ErrorReason.UNIMPLEMENTED: "all RPCs exist; one that does not is gRPC's own UNIMPLEMENTED, without details",
}
"""Reasons that the contract has and this server never gives, and why."""


IN_OTHER_FILES: Final = {
    ErrorReason.UNAUTHENTICATED: "tests/transport/test_access.py",
    ErrorReason.PERMISSION_DENIED: "tests/transport/test_access.py",
    ErrorReason.ACCOUNT_ALREADY_EXISTS: "tests/transport/test_accounts.py",
    ErrorReason.ACCOUNT_DISABLED: "tests/transport/test_accounts.py",
    ErrorReason.ACCOUNT_NOT_CHANGEABLE: "tests/transport/test_accounts.py",
    ErrorReason.CONNECTION_NOT_FOUND: "tests/transport/test_accounts.py",
    ErrorReason.KEY_NOT_FOUND: "tests/transport/test_access.py",
    ErrorReason.KEY_CONFLICT: "tests/transport/test_access.py",
    ErrorReason.TOO_MANY_KEYS: "tests/transport/test_access.py",
}
"""Reasons that need accounts or credentials: the files whose tests bring them about, over the wire."""


@dataclass(frozen=True)
class Case:
    """How a reason comes about, and what must come with it: the code, metadata (by key), a delay, violations."""

    reason: ErrorReason
    code: grpc.StatusCode
    act: Act
    metadata: frozenset[str] = frozenset()
    retry_seconds: float | None = None
    violations: frozenset[str] = frozenset()


R, Code = ErrorReason, grpc.StatusCode
CASES: Final = [
    Case(
        R.INVALID_REQUEST,
        Code.INVALID_ARGUMENT,
        find(pb.FindContactRequest()),
        violations=frozenset({"account_id", "phone_numbers"}),
    ),
    Case(R.MALFORMED_MESSAGE, Code.INVALID_ARGUMENT, raw(b"\xff"), violations=frozenset({"request"})),
    Case(R.MESSAGE_TOO_LARGE, Code.RESOURCE_EXHAUSTED, raw(bytes(1024 * 1024 + 1)), frozenset({"limit"})),
    Case(
        R.INVALID_PAGE_TOKEN,
        Code.INVALID_ARGUMENT,
        list_logs("forged"),
        violations=frozenset({"page_token"}),
    ),
    Case(
        R.INVALID_RESUME_TOKEN, Code.INVALID_ARGUMENT, watch(lambda _: "forged"), violations=frozenset({"resume_token"})
    ),
    Case(R.RESUME_TOKEN_EXPIRED, Code.OUT_OF_RANGE, watch(a_token_from_the_future)),
    Case(R.ACCOUNT_NOT_FOUND, Code.NOT_FOUND, create(account_id="acme"), frozenset({"account_id"})),
    Case(R.CALL_LOG_NOT_FOUND, Code.NOT_FOUND, get_log("never"), frozenset({"call_id"})),
    Case(
        R.CONTACT_NOT_FOUND,
        Code.NOT_FOUND,
        lambda it: it.real.calls.LogCall(report("call-1", contact_id="c_0")),
        frozenset({"contact_id"}),
    ),
    Case(R.CONTACT_ALREADY_EXISTS, Code.ALREADY_EXISTS, after(create(), create()), frozenset({"contact_ids"})),
    Case(
        R.REQUEST_ID_REUSED,
        Code.FAILED_PRECONDITION,
        after(create(request_id=REQUEST_ID), create(request_id=REQUEST_ID, company="Acme")),
        frozenset({"request_id"}),
    ),
    Case(R.PREFERENCE_LOCKED, Code.FAILED_PRECONDITION, a_locked_preference, frozenset({"fields"})),
    Case(
        R.CALL_LOG_NOT_MOVABLE, Code.FAILED_PRECONDITION, another_contact_for_a_logged_call, frozenset({"contact_id"})
    ),
    Case(R.CRM_UNAVAILABLE, Code.UNAVAILABLE, crm_raises(crm_errors.CrmUnavailable("Down."), find()), retry_seconds=1),
    Case(
        R.CRM_RATE_LIMITED,
        Code.UNAVAILABLE,
        crm_raises(crm_errors.CrmRateLimited("Slower.", retry_after=7), find()),
        retry_seconds=7,
    ),
    Case(R.CRM_REJECTED, Code.FAILED_PRECONDITION, create(contact_type="no such type")),
    Case(R.CRM_AUTH_FAILED, Code.UNAVAILABLE, crm_raises(crm_errors.CrmAuthFailed("Renew."), find()), retry_seconds=60),
    Case(
        R.CRM_OUTCOME_UNKNOWN,
        Code.UNAVAILABLE,
        crm_raises(crm_errors.CrmOutcomeUnknown("Perhaps."), create()),
        retry_seconds=1,
    ),
    Case(R.DEADLINE_EXCEEDED, Code.DEADLINE_EXCEEDED, a_lookup_that_hangs, retry_seconds=1),
    Case(R.LEDGER_UNAVAILABLE, Code.UNAVAILABLE, storage_fails("PRAGMA query_only = ON"), retry_seconds=5),
    Case(R.LEDGER_FULL, Code.RESOURCE_EXHAUSTED, storage_fails("PRAGMA max_page_count = 1"), retry_seconds=30),
    Case(
        R.WATCHER_TOO_SLOW,
        Code.RESOURCE_EXHAUSTED,
        a_watch_that_falls_behind,
        frozenset({"resume_token"}),
        retry_seconds=1,
    ),
    Case(R.SHUTTING_DOWN, Code.UNAVAILABLE, a_watch_on_a_server_that_stops, retry_seconds=1),
    Case(
        R.USER_NOT_FOUND,
        Code.NOT_FOUND,
        directory("GetUser", directory_service_pb2.GetUserRequest(account_id="demo", user_id="jane")),
        frozenset({"account_id", "user_id"}),
    ),
    Case(
        R.USER_CONFLICT,
        Code.ALREADY_EXISTS,
        after(upsert("jane", extensions=["101"]), upsert("bob", extensions=["101"])),
        frozenset({"user_ids"}),
    ),
    Case(R.TOO_MANY_USERS, Code.RESOURCE_EXHAUSTED, one_user_too_many, frozenset({"limit"})),
    Case(
        R.QUOTA_EXCEEDED,
        Code.RESOURCE_EXHAUSTED,
        a_quota_that_is_used_up,
        frozenset({"account_id", "quota", "limit"}),
        retry_seconds=1,
    ),
    Case(R.INTERNAL, Code.INTERNAL, crm_raises(ZeroDivisionError("s3cret"), find()), frozenset({"correlation_id"})),
]


@pytest.fixture
async def scene(tmp_path: Path, crm: Switch) -> AsyncIterator[Scene]:
    """The service on an embedded CRM that cannot move logs, so that refusing to is seen too."""

    def wrap(adapter: CrmAdapter) -> CrmAdapter:
        switched: Any = crm.wrap(adapter)
        switched.capabilities = replace(adapter.capabilities, moves_log=False)
        wrapped: CrmAdapter = switched
        return wrapped

    async with real_server(tmp_path / "data", wrap) as real:
        yield Scene(real, crm)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason.value)
async def test_a_reason_arrives_with_its_code_and_its_details(scene: Scene, case: Case) -> None:
    answer: Refused = await refused(case.act(scene))
    assert (answer.code, answer.info.reason, answer.info.domain) == (case.code, case.reason, "leadline")
    assert set(answer.info.metadata) == case.metadata
    assert all(answer.info.metadata.values())
    assert answer.violations.keys() == case.violations
    assert answer.retry_seconds == case.retry_seconds
    assert answer.message
    assert b"s3cret" not in answer.raw


def test_every_reason_that_the_server_can_give_is_covered() -> None:
    covered = [case.reason for case in CASES]
    assert len(covered) == len(set(covered))
    assert set(covered) | NOT_EMITTED.keys() | IN_OTHER_FILES.keys() == set(ErrorReason)
    assert not set(covered) & NOT_EMITTED.keys()
    for reason, file in IN_OTHER_FILES.items():
        assert f'"{reason}"' in Path(file).read_text(encoding="utf-8"), reason


@pytest.mark.parametrize("reason", NOT_EMITTED, ids=lambda reason: reason.value)
def test_a_reason_that_is_not_covered_is_raised_nowhere_in_the_server(reason: ErrorReason) -> None:
    classes = {kind.__name__ for kind in _subclasses(errors.LeadlineError) if kind.reason is reason}
    assert not classes & _called()


def test_the_search_for_what_is_raised_finds_what_is() -> None:
    assert {"AccountNotFound", "ShuttingDown", "LedgerFull"} <= _called()


def _subclasses(parent: type[errors.LeadlineError]) -> Iterator[type[errors.LeadlineError]]:
    for child in parent.__subclasses__():
        yield child
        yield from _subclasses(child)


def _called() -> set[str]:
    """The names of everything that the server's source calls, and so of every error that it makes."""
    sources = (path.read_text() for path in Path(leadline_server.__file__).parent.rglob("*.py"))
    return {name for source in sources for name in re.findall(r"(?<!class )\b(\w+)\(", source)}
