"""The values that the ledger's conformance suite stores, and how it opens ledgers."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from leadline_server.domain.call import Attestation, Call, CallDirection, CallLeg, CallResult, Party
from leadline_server.domain.call_log import CallLog, Decision
from leadline_server.domain.call_log_states import CallLogReason, CallLogState, LogTrigger
from leadline_server.domain.contact import Contact, ContactMatch, MatchKind
from leadline_server.domain.linked_calls import JoinedCalls, LinkedCall
from leadline_server.domain.merge import Stamp, Stamps
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.ports.ledger import CallKey, Ledger

OpenLedger = Callable[[], AbstractAsyncContextManager[Ledger]]
"""Opens a ledger. Each call opens another handle on the same state, which outlives the handles."""

NOW: Final = datetime(2026, 3, 4, 5, 6, 7, 123456, tzinfo=UTC)
ACCOUNT: Final = "acme"
ALICE: Final = "alice"
NUMBER: Final = "+14155550123"

CONTACT: Final = Contact(
    id="c_1",
    name='Zoë "Zed" O\'Neil, 李小龙\n\x00end',
    phone_numbers=(NUMBER, "+442079460123"),
    type="lead",
    email="zoe@example.com",
    company="Acme",
    title="CTO",
    url="https://crm.example.com/c_1",
    create_time=NOW - timedelta(days=90),
    last_activity_time=NOW,
    is_placeholder=True,
    attributes={"tier": "gold", "": "'); DROP TABLE call_logs; --"},
)


def key(call_id: str = "call-1", account_id: str = ACCOUNT) -> CallKey:
    """The key of a call."""
    return CallKey(account_id, call_id)


def call_log(call_id: str = "call-1", *, start_time: datetime | None = NOW, **changes: Any) -> CallLog:
    """A call log that was just accepted, with `changes` to its fields."""
    call = Call(
        id=call_id,
        direction=CallDirection.INBOUND,
        caller=Party(phone_number=NUMBER),
        callee=Party(extension="101", user_id=ALICE),
        start_time=start_time,
    )
    log = CallLog(
        account_id=ACCOUNT,
        user_id=ALICE,
        call=call,
        number=parse_number(NUMBER, "US"),
        pending_since=NOW,
        last_news_time=NOW,
        create_time=NOW,
        update_time=NOW,
    )
    return replace(log, **changes)


async def put(ledger: Ledger, log: CallLog) -> CallLog:
    """Store a call log, and replace an earlier one."""
    return (await ledger.call_logs.change(CallKey(log.account_id, log.call_id), lambda _: log)).after


def with_news(log: CallLog) -> CallLog:
    """The log after a change that clients can see."""
    return replace(log, revision=log.revision + 1, explanation=f"{log.explanation}.")


def counted(log: CallLog | None) -> CallLog:
    """The log after one more attempt and one more visible change. A lost update shows in the counts."""
    if log is None:
        return call_log(attempts=1)
    return replace(log, attempts=log.attempts + 1, revision=log.revision + 1)


def full_call_log() -> CallLog:
    """A call log with something in every field."""
    stamp = Stamp(NOW, final=True)
    match = ContactMatch(CONTACT, NUMBER, MatchKind.NATIONAL)
    return replace(
        call_log(),
        call=_full_call(),
        stamps=Stamps(
            fields={"subject": stamp, "note": Stamp()}, attributes={"queue": stamp}, legs={"l": {"result": stamp}}
        ),
        state=CallLogState.FAILED,
        reason=CallLogReason.CRM_REJECTED,
        explanation="The CRM refuses it: \N{PILE OF POO}.",
        contact=CONTACT,
        candidates=(match, match),
        crm_log_id="log-1",
        crm_log_url="https://crm.example.com/log-1",
        user_answered=True,
        input_revision=3,
        decided_revision=2,
        trigger=LogTrigger.MANUAL,
        chosen_contact_id="c_1",
        decision=Decision(contact=CONTACT, reason=CallLogReason.CONTACT_CHOSEN, explanation="E.", candidates=(match,)),
        content_revision=4,
        delivered_revision=3,
        attempts=5,
        next_attempt_time=NOW + timedelta(microseconds=1),
        last_error="It said no.",
        revision=7,
        joined=JoinedCalls(
            stored_id="call-1",
            calls=(LinkedCall(id="call-1", is_final=True, ended=NOW),),
            omitted_legs=(CallLeg(id="n", user_id=ALICE),),
        ),
        linked_call_ids=("call-2",),
        omitted_leg_count=1,
    )


def _full_call() -> Call:
    party = Party(phone_number=NUMBER, name="ACME", extension="101", user_id=ALICE)
    leg = CallLeg(
        id="l", user_id=ALICE, party=party, start_time=NOW, answer_time=NOW, end_time=NOW, result=CallResult.ANSWERED
    )
    return Call(
        id="call-1",
        linked_id="linked-1",
        direction=CallDirection.OUTBOUND,
        caller=party,
        callee=party,
        start_time=NOW,
        answer_time=NOW + timedelta(seconds=1),
        end_time=NOW + timedelta(hours=1),
        result=CallResult.VOICEMAIL,
        disposition="",
        subject="Subject",
        note="Note\r\n\t",
        recording_url="https://pbx.example.com/r",
        voicemail_url="https://pbx.example.com/v",
        summary="Summary",
        transcript="T" * 300_000,
        attestation=Attestation.FAILED,
        is_final=True,
        event_time=NOW,
        legs=(leg, replace(leg, id="m")),
        attributes={"queue": "sales"},
    )
