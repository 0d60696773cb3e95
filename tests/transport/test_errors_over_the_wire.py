"""The error that a client gets over a real connection when a command fails."""

import asyncio
from typing import Any, NoReturn, TypeAlias

import grpc
import pytest
import structlog
from leadline.v1 import call_log_service_pb2 as logs_pb
from leadline.v1 import contact_service_pb2 as pb
from leadline.v1.call_log_service_pb2_grpc import CallLogServiceStub
from leadline.v1.contact_service_pb2_grpc import ContactServiceStub
from leadline_server.domain import account_errors, crm_errors, errors, ledger_errors
from leadline_server.transport import endpoint
from transport.serving import refused, serving

ASKED = pb.FindContactRequest(account_id="demo", phone_numbers=["+14155550123"])
FIND_CONTACT = "/leadline.v1.ContactService/FindContact"
RawUnary: TypeAlias = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
RawStream: TypeAlias = grpc.aio.UnaryStreamMultiCallable[bytes, bytes]
_VIOLATION = errors.FieldViolation("page_token", "Not ours.")

ERRORS = [
    (errors.InvalidPageToken([_VIOLATION]), grpc.StatusCode.INVALID_ARGUMENT, None),
    (errors.InvalidResumeToken([_VIOLATION]), grpc.StatusCode.INVALID_ARGUMENT, None),
    (account_errors.AccountNotFound("nobody"), grpc.StatusCode.NOT_FOUND, None),
    (errors.CallLogNotFound("c1"), grpc.StatusCode.NOT_FOUND, None),
    (errors.ContactNotFound("p1"), grpc.StatusCode.NOT_FOUND, None),
    (errors.ContactAlreadyExists(["p1", "p2"]), grpc.StatusCode.ALREADY_EXISTS, None),
    (errors.RequestIdReused("r1"), grpc.StatusCode.FAILED_PRECONDITION, None),
    (errors.PreferenceLocked(["auto_log_calls"]), grpc.StatusCode.FAILED_PRECONDITION, None),
    (errors.CallLogNotMovable("No.", metadata={"contact_id": "p1"}), grpc.StatusCode.FAILED_PRECONDITION, None),
    (errors.ResumeTokenExpired("Too old."), grpc.StatusCode.OUT_OF_RANGE, None),
    (errors.WatcherTooSlow("Slow.", metadata={"resume_token": "t"}), grpc.StatusCode.RESOURCE_EXHAUSTED, 1.0),
    (crm_errors.CrmUnavailable("Down."), grpc.StatusCode.UNAVAILABLE, 1.0),
    (crm_errors.CrmRateLimited("Slower.", retry_after=7.25), grpc.StatusCode.UNAVAILABLE, 7.25),
    (crm_errors.CrmRejected("The CRM says no."), grpc.StatusCode.FAILED_PRECONDITION, None),
    (crm_errors.CrmAuthFailed("Renew."), grpc.StatusCode.UNAVAILABLE, 60.0),
    (crm_errors.CrmOutcomeUnknown("Perhaps."), grpc.StatusCode.UNAVAILABLE, 1.0),
    (ledger_errors.LedgerUnavailable("Locked."), grpc.StatusCode.UNAVAILABLE, 1.0),
    (ledger_errors.LedgerFull("Full."), grpc.StatusCode.RESOURCE_EXHAUSTED, 60.0),
    (errors.BudgetExhausted("Late."), grpc.StatusCode.DEADLINE_EXCEEDED, 1.0),
    (errors.ShuttingDown("Bye."), grpc.StatusCode.UNAVAILABLE, 1.0),
]


@pytest.mark.parametrize(("error", "code", "retry"), ERRORS, ids=lambda value: type(value).__name__)
async def test_an_error_of_a_command_arrives_with_its_code_reason_metadata_and_delay(
    error: errors.LeadlineError, code: grpc.StatusCode, retry: float | None
) -> None:
    async def fail(*_: object, **__: object) -> NoReturn:
        raise error

    async with serving(find_contact=fail) as it:
        answer = await refused(ContactServiceStub(it.channel).FindContact(ASKED))
    assert (answer.code, answer.message, answer.retry_seconds) == (code, error.message, retry)
    assert (answer.info.domain, answer.info.reason) == ("leadline", error.reason)
    assert dict(answer.info.metadata) == error.metadata


async def test_every_violation_of_a_request_is_named_at_once() -> None:
    async with serving() as it:
        request = pb.FindContactRequest(account_id="demo", user_id="u" * 129, phone_numbers=["+14155550123", "?!"])
        answer = await refused(ContactServiceStub(it.channel).FindContact(request))
    assert answer.code is grpc.StatusCode.INVALID_ARGUMENT
    assert answer.info.reason == "INVALID_REQUEST"
    assert set(answer.violations) == {"user_id", "phone_numbers[1]"}


async def test_an_unknown_account_is_not_found_only_when_nothing_else_is_wrong() -> None:
    async with serving() as it:
        stub = ContactServiceStub(it.channel)
        alone = await refused(stub.FindContact(pb.FindContactRequest(account_id="none", phone_numbers=["?!"])))
        both = await refused(stub.FindContact(pb.FindContactRequest(account_id="none")))
    assert (alone.code, alone.info.reason) == (grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND")
    assert (both.code, set(both.violations)) == (grpc.StatusCode.INVALID_ARGUMENT, {"phone_numbers"})


@pytest.mark.parametrize(
    "rpc", ["ContactService/FindContact", "CallLogService/WatchCallLogs", "CallLogService/LogCall"]
)
async def test_bytes_that_are_no_message_are_a_bad_request(rpc: str) -> None:
    async with serving() as it:
        raw: RawStream = it.channel.unary_stream(f"/leadline.v1.{rpc}")
        call = raw(b"\xff\xff\xff")
        answer = await refused(anext(aiter(call)))
    assert answer.code is grpc.StatusCode.INVALID_ARGUMENT
    assert answer.info.reason == "MALFORMED_MESSAGE"
    assert len(answer.violations) == 1


async def test_a_request_above_one_mebibyte_is_refused_and_one_just_below_is_read() -> None:
    async with serving() as it:
        send: RawUnary = it.channel.unary_unary(FIND_CONTACT)
        big = pb.FindContactRequest(account_id="demo", user_id="u" * (1024 * 1024)).SerializeToString()
        answer = await refused(send(big))
        almost = pb.FindContactRequest(account_id="demo", user_id="u" * (1024 * 1024 - 20)).SerializeToString()
        read = await refused(send(almost))
    assert answer.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert (answer.info.reason, answer.info.metadata["limit"]) == ("MESSAGE_TOO_LARGE", "1048576")
    assert read.info.reason == "INVALID_REQUEST"


async def test_an_unexpected_exception_tells_the_caller_nothing_but_an_id_that_the_log_has_too() -> None:
    async def fail(*_: object, **__: object) -> NoReturn:
        raise ValueError("s3cret token")

    with structlog.testing.capture_logs() as lines:
        async with serving(find_contact=fail) as it:
            answer = await refused(ContactServiceStub(it.channel).FindContact(ASKED))
    correlation_id = answer.info.metadata["correlation_id"]
    assert (answer.code, answer.info.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert answer.message == "Something went wrong inside leadline; the log has the details under this id."
    assert b"s3cret" not in answer.raw
    assert answer.retry_seconds is None
    [line] = lines
    assert (line["log_level"], line["correlation_id"]) == ("error", correlation_id)
    assert isinstance(line["exc_info"], ValueError)


async def test_the_log_of_a_refused_request_has_no_text_of_the_request() -> None:
    request = logs_pb.LogCallRequest(account_id="demo", user_id="u1")
    request.call.id = "c1"
    request.call.attributes["+14155550199"] = "\0"
    request.call.caller.name = "Ada\0"
    with structlog.testing.capture_logs() as lines:
        async with serving() as it:
            answer = await refused(CallLogServiceStub(it.channel).LogCall(request))
    assert set(answer.violations) == {'call.attributes["+14155550199"]', "call.caller.name"}
    [line] = lines
    assert line["log_level"] == "info"
    assert "0199" not in str(line)
    assert "Ada" not in str(line)


async def test_a_command_that_outlasts_the_deadline_is_given_up_in_time_to_say_so() -> None:
    given_up = asyncio.Event()

    async def hang(*_: object, **__: object) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()

    async with serving(find_contact=hang) as it:
        answer = await refused(ContactServiceStub(it.channel).FindContact(ASKED, timeout=0.5))
        await asyncio.wait_for(given_up.wait(), 5)
    assert (answer.code, answer.info.reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")


async def test_without_a_deadline_a_command_has_the_default_time_and_logging_a_call_keeps_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(endpoint, "MOST_SECONDS", 0.05)
    started, go_on = asyncio.Event(), asyncio.Event()

    async def hang(*_: object, **__: object) -> NoReturn:
        await asyncio.Event().wait()
        raise AssertionError("Nobody sets it.")

    async def wait(*_: object, **__: object) -> NoReturn:
        started.set()
        await go_on.wait()
        raise ledger_errors.LedgerFull("Full.")

    request = logs_pb.LogCallRequest(account_id="demo", user_id="u1")
    request.call.id = "c1"
    async with serving(find_contact=hang, log_call=wait) as it:
        logging = asyncio.create_task(refused(CallLogServiceStub(it.channel).LogCall(request)))
        await asyncio.wait_for(started.wait(), 5)
        found = await refused(ContactServiceStub(it.channel).FindContact(ASKED))
        go_on.set()
        logged = await logging
    assert (found.info.reason, logged.info.reason) == ("DEADLINE_EXCEEDED", "LEDGER_FULL")


async def test_a_timeout_inside_a_command_is_not_taken_for_the_callers_deadline() -> None:
    async def fail(*_: object, **__: object) -> NoReturn:
        raise TimeoutError

    async with serving(find_contact=fail) as it:
        answer = await refused(ContactServiceStub(it.channel).FindContact(ASKED, timeout=5))
    assert answer.code is grpc.StatusCode.INTERNAL


async def test_logging_a_call_gets_the_callers_deadline_as_its_budget() -> None:
    seen: list[float | None] = []

    async def fail(_: object, report: object, budget: Any, **__: object) -> NoReturn:
        seen.append(budget.remaining())
        raise ledger_errors.LedgerFull("Full.")

    request = logs_pb.LogCallRequest(account_id="demo", user_id="u1")
    request.call.id = "c1"
    async with serving(log_call=fail) as it:
        stub = CallLogServiceStub(it.channel)
        await refused(stub.LogCall(request, timeout=30))
        await refused(stub.LogCall(request))
    assert seen[0] is not None
    assert 20 < seen[0] < 31  # gRPC rounds a deadline up on its way: from 10 s on, to the next tenth of a second
    assert seen[1] is None


async def test_a_caller_who_leaves_cancels_the_command_and_is_counted_as_cancelled() -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def hang(*_: object, **__: object) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with serving(find_contact=hang) as it:
        call = ContactServiceStub(it.channel).FindContact(ASKED)
        await asyncio.wait_for(started.wait(), 5)
        call.cancel()
        await asyncio.wait_for(cancelled.wait(), 5)
        labels = {"rpc": "FindContact", "code": "CANCELLED"}
        async with asyncio.timeout(5):
            while it.registry.get_sample_value("leadline_rpc_seconds_count", labels) != 1:
                await asyncio.sleep(0)


async def test_fields_that_the_server_does_not_know_are_no_error() -> None:
    async def fail(*_: object, **__: object) -> NoReturn:
        raise crm_errors.CrmUnavailable("Down.")

    newer = ASKED.SerializeToString() + b"\xfa\x3f\x03abc"  # field 1023, a string
    async with serving(find_contact=fail) as it:
        send: RawUnary = it.channel.unary_unary(FIND_CONTACT)
        answer = await refused(send(newer))
    assert answer.info.reason == "CRM_UNAVAILABLE"
