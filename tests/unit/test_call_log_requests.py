"""Requests and answers of CallLogService."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from leadline.v1 import call_log_pb2, call_pb2
from leadline.v1 import call_log_service_pb2 as pb
from leadline_server.commands.list_call_logs import CallLogList
from leadline_server.commands.watch_call_logs import Watch
from leadline_server.domain.call import Call
from leadline_server.domain.call_log import CallLog, Decision
from leadline_server.domain.call_log_states import CallLogReason, CallLogState, LogTrigger
from leadline_server.domain.contact import Contact, ContactMatch, MatchKind
from leadline_server.domain.errors import InvalidRequest
from leadline_server.ports.ledger import CallKey, CallLogFilter
from leadline_server.transport import call_log_service as mapping
from leadline_server.watch.batch import WatchItem
from leadline_server.wire.call import call_report
from leadline_server.wire.call_log import CALL_LOG
from support.accounts import read_request
from support.changes import Changed

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
POSITION = "position-1"
ADA = Contact(id="p1", name="Ada")
PENDING = CallLog(
    account_id="us",
    user_id="u1",
    call=Call(id="c1"),
    pending_since=NOW,
    last_news_time=NOW,
    create_time=NOW,
    update_time=NOW,
)


def violations(error: pytest.ExceptionInfo[InvalidRequest]) -> set[str]:
    return {violation.field for violation in error.value.violations}


def report_request(**fields: Any) -> pb.LogCallRequest:
    return pb.LogCallRequest(account_id="us", user_id="u1", call=call_pb2.Call(id="c1"), **fields)


@pytest.mark.parametrize(
    ("fields", "trigger"),
    [
        ({}, LogTrigger.AUTOMATIC),
        ({"trigger": call_log_pb2.LOG_TRIGGER_AUTOMATIC}, LogTrigger.AUTOMATIC),
        ({"trigger": call_log_pb2.LOG_TRIGGER_MANUAL}, LogTrigger.MANUAL),
        ({"trigger": call_log_pb2.LOG_TRIGGER_AUTOMATIC, "contact_id": "p1"}, LogTrigger.MANUAL),
    ],
)
def test_a_chosen_contact_or_the_trigger_makes_a_report_a_persons(fields: Any, trigger: LogTrigger) -> None:
    assert call_report(report_request(**fields)).trigger is trigger


def test_a_report_carries_who_reports_what() -> None:
    report = call_report(report_request(contact_id="p1"))
    assert (report.account_id, report.user_id, report.contact_id) == ("us", "u1", "p1")
    assert report.event.call_id == "c1"


def test_a_report_names_all_that_is_missing() -> None:
    # Not user_id: the directory may find the user.
    with pytest.raises(InvalidRequest) as error:
        call_report(pb.LogCallRequest(contact_id="p" * 129, trigger=99))  # type: ignore[arg-type] # no such trigger
    assert violations(error) == {"account_id", "call.id", "contact_id", "trigger"}


@pytest.mark.parametrize("request_type", [pb.GetCallLogRequest, pb.RetryCallLogRequest])
def test_one_call_is_named_by_account_and_id(
    request_type: type[pb.GetCallLogRequest | pb.RetryCallLogRequest],
) -> None:
    assert mapping.call_key(request_type(account_id="us", call_id="c1")) == CallKey("us", "c1")
    with pytest.raises(InvalidRequest) as error:
        mapping.call_key(request_type())
    assert violations(error) == {"account_id", "call_id"}


async def test_a_list_is_filtered_by_what_the_request_names() -> None:
    request = pb.ListCallLogsRequest(
        account_id="us",
        user_id="u1",
        states=[call_log_pb2.CALL_LOG_STATE_PENDING, call_log_pb2.CALL_LOG_STATE_PENDING],
        reasons=[call_log_pb2.CALL_LOG_REASON_NOT_FINAL],
        phone_number="(415) 555-0123 x12",
        contact_id="p1",
        start_time=Timestamp(seconds=0),
        end_time=Timestamp(seconds=60),
        page_size=7,
        page_token=POSITION,
    )
    query = await read_request(mapping.call_log_query, request)
    assert query.selection == CallLogFilter(
        account_id="us",
        user_id="u1",
        states=(CallLogState.PENDING,),
        reasons=(CallLogReason.NOT_FINAL,),
        phone_number="+14155550123;ext=12",
        contact_id="p1",
        start_time=datetime(1970, 1, 1, tzinfo=UTC),
        end_time=datetime(1970, 1, 1, 0, 1, tzinfo=UTC),
    )
    assert (query.page_size, query.page_token) == (7, POSITION)


async def test_a_list_without_filters_restricts_nothing() -> None:
    query = await read_request(mapping.call_log_query, pb.ListCallLogsRequest(account_id="us"))
    assert (query.selection, query.page_size) == (CallLogFilter(account_id="us"), 50)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (pb.ListCallLogsRequest(states=[call_log_pb2.CALL_LOG_STATE_UNSPECIFIED]), "states[0]"),
        (pb.ListCallLogsRequest(reasons=[call_log_pb2.CALL_LOG_REASON_EXCLUDED, 99]), "reasons[1]"),  # type: ignore[list-item] # no such reason
        (pb.ListCallLogsRequest(phone_number="anonymous"), "phone_number"),
        (pb.ListCallLogsRequest(phone_number="911"), "phone_number"),
        (pb.ListCallLogsRequest(phone_number="?!"), "phone_number"),
        (pb.ListCallLogsRequest(phone_number="1" * 65), "phone_number"),
        (pb.ListCallLogsRequest(page_size=1001), "page_size"),
        (pb.ListCallLogsRequest(page_token="t" * 1025), "page_token"),
        (pb.ListCallLogsRequest(start_time=Timestamp(seconds=5), end_time=Timestamp(seconds=5)), "end_time"),
        (pb.ListCallLogsRequest(start_time=Timestamp(nanos=-1)), "start_time"),
        (pb.ListCallLogsRequest(user_id="\0"), "user_id"),
        (pb.ListCallLogsRequest(contact_id="p" * 129), "contact_id"),
    ],
)
async def test_a_wrong_filter_is_named(wrong: pb.ListCallLogsRequest, field: str) -> None:
    wrong.account_id = "us"
    with pytest.raises(InvalidRequest) as error:
        await read_request(mapping.call_log_query, wrong)
    assert violations(error) == {field}


def test_a_watch_is_read_and_its_rules_are_kept() -> None:
    request = pb.WatchCallLogsRequest(account_id="us", user_id="u1", resume_token=POSITION, max_call_logs=1000)
    assert mapping.watch_of(request) == Watch(account_id="us", user_id="u1", resume_token=POSITION, max_call_logs=1000)
    with pytest.raises(InvalidRequest) as error:
        mapping.watch_of(pb.WatchCallLogsRequest(user_id="u" * 129, resume_token="t" * 1025, max_call_logs=1001))
    assert violations(error) == {"account_id", "user_id", "resume_token", "max_call_logs"}


def test_a_watch_message_may_bring_its_token_alone() -> None:
    alone = mapping.watch_call_logs_response(WatchItem(None, "t1"))
    with_log = mapping.watch_call_logs_response(WatchItem(Changed(1, PENDING), "t2"))
    assert (alone.HasField("call_log"), alone.resume_token) == (False, "t1")
    assert (with_log.call_log.call.id, with_log.resume_token) == ("c1", "t2")


def test_a_list_answers_in_its_order_with_its_token() -> None:
    logs = [replace(PENDING, call=Call(id=call_id)) for call_id in ("b", "a")]
    written = mapping.list_call_logs_response(CallLogList(logs, "next"))
    assert ([log.call.id for log in written.call_logs], written.next_page_token) == (["b", "a"], "next")


def test_a_logged_call_is_written_whole() -> None:
    logged = replace(
        PENDING,
        state=CallLogState.LOGGED,
        reason=CallLogReason.CONTACT_MATCHED,
        explanation="Because.",
        contact=ADA,
        candidates=(ContactMatch(ADA, "101", MatchKind.EXTENSION),),
        crm_log_id="l1",
        crm_log_url="https://crm.example.com/l1",
        content_revision=3,
        delivered_revision=2,
        attempts=4,
        next_attempt_time=NOW + timedelta(seconds=9),
        last_error="Busy.",
        revision=5,
    )
    written = CALL_LOG.message(logged)
    assert (written.state, written.reason) == (
        call_log_pb2.CALL_LOG_STATE_LOGGED,
        call_log_pb2.CALL_LOG_REASON_CONTACT_MATCHED,
    )
    same = ("account_id", "user_id", "explanation", "crm_log_id", "crm_log_url", "attempts", "last_error", "revision")
    assert {name: getattr(written, name) for name in same} == {name: getattr(logged, name) for name in same}
    assert written.update_pending
    assert (written.contact.id, written.candidates[0].contact.id) == ("p1", "p1")
    assert written.next_attempt_time.ToDatetime(UTC) == NOW + timedelta(seconds=9)
    assert (written.create_time.ToDatetime(UTC), written.update_time.ToDatetime(UTC)) == (NOW, NOW)


def test_a_call_that_nobody_tried_to_deliver_has_no_reason_yet() -> None:
    written = CALL_LOG.message(PENDING)
    assert (written.state, written.reason) == (call_log_pb2.CALL_LOG_STATE_PENDING, 0)
    assert not written.HasField("contact")
    assert not written.HasField("next_attempt_time")


def test_a_decision_that_waits_for_the_crm_shows_whom_the_call_will_be_logged_against() -> None:
    decision = Decision(contact=ADA, reason=CallLogReason.CONTACT_MATCHED, explanation="Because.")
    assert CALL_LOG.message(replace(PENDING, decision=decision)).contact.id == "p1"


_WRITERS: list[Callable[[CallLog], Any]] = [
    CALL_LOG.message,
    lambda log: mapping.watch_call_logs_response(WatchItem(Changed(1, log), "t")),
]


@pytest.mark.parametrize("write", _WRITERS)
def test_what_is_written_survives_the_wire(write: Callable[[CallLog], Any]) -> None:
    written = write(PENDING)
    assert type(written).FromString(written.SerializeToString()) == written
