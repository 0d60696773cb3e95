"""Calls to the outside, and calls that no one takes, as phone systems report them, in any order of their events."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from email.utils import format_datetime
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from leadline_server.domain.call import CallDirection, CallResult
from support.ingress import open_ingress, told
from support.webhook_events import CUSTOMER, OWN, at, document, form, iso
from support.webhooks import SYSTEMS

OUTBOUND: Mapping[str, Any] = {
    "direction": CallDirection.OUTBOUND,
    "callee.phone_number": CUSTOMER,
    "result": CallResult.ANSWERED,
    "is_final": True,
}
MISSED: Mapping[str, Any] = {
    "direction": CallDirection.INBOUND,
    "caller.phone_number": CUSTOMER,
    "result": CallResult.NO_ANSWER,
    "answer_time": None,
    "is_final": True,
}


def twilio(status: str, seconds: int, **fields: Any) -> bytes:
    told = {"AccountSid": "AC1", "CallStatus": status, "Timestamp": format_datetime(at(seconds))}
    return form({**told, **fields})


def twilio_softphone() -> list[bytes]:
    """Alice's client calls out: Twilio counts the client's call as inbound, and dials a child call."""
    parent = {"CallSid": "CA1", "Direction": "inbound", "From": "client:alice", "To": ""}
    child = {"CallSid": "CA2", "ParentCallSid": "CA1", "Direction": "outbound-dial", "From": OWN, "To": CUSTOMER}
    return [
        twilio("initiated", 1, **child),
        twilio("in-progress", 5, **child),
        twilio("completed", 60, **child),
        twilio("completed", 61, **parent, CallDuration="61"),
    ]


def twilio_by_api() -> list[bytes]:
    call = {"CallSid": "CA1", "Direction": "outbound-api", "From": OWN, "To": CUSTOMER}
    return [
        twilio("initiated", 1, **call),
        twilio("in-progress", 5, **call),
        twilio("completed", 60, **call, CallDuration="55"),
    ]


def twilio_missed() -> list[bytes]:
    """The announcement answers, alice's client does not."""
    parent = {"CallSid": "CA1", "Direction": "inbound", "From": CUSTOMER, "To": OWN}
    child = {
        "CallSid": "CA2",
        "ParentCallSid": "CA1",
        "Direction": "outbound-dial",
        "From": CUSTOMER,
        "To": "client:alice",
    }
    return [
        twilio("initiated", 1, **child),
        twilio("no-answer", 30, **child),
        twilio("completed", 31, **parent, CallDuration="31"),
    ]


def telnyx(kind: str, seconds: int, leg: str, **payload: Any) -> bytes:
    ids = {"connection_id": "7267", "call_session_id": "s", "call_leg_id": leg}
    return document({"data": {"event_type": kind, "occurred_at": iso(seconds), "payload": {**ids, **payload}}})


def telnyx_outbound() -> list[bytes]:
    sides = {"from": OWN, "to": CUSTOMER}
    return [
        telnyx("call.initiated", 0, "a", direction="outgoing", **sides),
        telnyx("call.answered", 5, "a", **sides),
        telnyx("call.hangup", 60, "a", hangup_cause="normal_clearing", **sides),
    ]


def telnyx_missed() -> list[bytes]:
    sides = {"from": CUSTOMER, "to": OWN}
    to_alice = {"from": CUSTOMER, "to": "sip:101@sip.telnyx.com"}
    return [
        telnyx("call.initiated", 0, "a", direction="incoming", **sides),
        telnyx("call.answered", 1, "a", **sides),
        telnyx("call.initiated", 2, "b", direction="outgoing", **to_alice),
        telnyx("call.hangup", 30, "b", hangup_cause="timeout", **to_alice),
        telnyx("call.hangup", 31, "a", hangup_cause="normal_clearing", **sides),
    ]


def vonage_missed() -> list[bytes]:
    def event(status: str, seconds: int, leg: str, direction: str, to: str) -> bytes:
        ids = {"uuid": leg, "conversation_uuid": "CON", "direction": direction, "from": CUSTOMER[1:], "to": to}
        return document({**ids, "status": status, "timestamp": iso(seconds)})

    return [
        event("started", 0, "a", "inbound", OWN[1:]),
        event("answered", 1, "a", "inbound", OWN[1:]),
        event("started", 2, "b", "outbound", "12025550101"),
        event("unanswered", 30, "b", "outbound", "12025550101"),
        event("completed", 31, "a", "inbound", OWN[1:]),
    ]


def ringcentral_missed() -> list[bytes]:
    events = [json.loads(body) for body in SYSTEMS["ringcentral"].events("0")]
    kept = [event for event in events if "Answered" not in json.dumps(event)]
    return [document(event) for event in kept]


CASES: Mapping[str, tuple[str, Sequence[bytes], Mapping[str, Any]]] = {
    "a softphone of Twilio": ("twilio", twilio_softphone(), OUTBOUND),
    "Twilio by its API": ("twilio", twilio_by_api(), OUTBOUND),
    "Twilio, missed": ("twilio", twilio_missed(), MISSED),
    "Telnyx": ("telnyx", telnyx_outbound(), OUTBOUND),
    "Telnyx, missed": ("telnyx", telnyx_missed(), MISSED),
    "Vonage, missed": ("vonage", vonage_missed(), MISSED),
    "RingCentral, missed": ("ringcentral", ringcentral_missed(), MISSED),
}


@pytest.mark.parametrize("case", CASES)
async def test_a_call_comes_out_the_same_in_any_order(case: str, tmp_path: Path) -> None:
    name, events, expected = CASES[case]
    system = SYSTEMS[name]
    async with open_ingress(tmp_path, **{name: system.settings}) as ingress:
        await ingress.app.ledger.accounts.change("demo", lambda before: replace(before, own_numbers=(OWN,)))
        for number, order in enumerate(permutations(events)):
            if number % max(1, len(events) - 3):  # some of the many orders of long calls
                continue
            ids = (b"CA1", b"CA2", b'"s"', b'"CON"', b'"s-0"')
            for body in order:
                for known in ids:
                    body = body.replace(known, known[:-1] + f"x{number}".encode() + known[-1:])  # noqa: PLW2901
                assert (await ingress.send(system, system.request(body))).status // 100 == 2
        logs = await ingress.logs()
        assert len(logs) > 1
        for log in logs:
            assert {field: told(log, field) for field in expected} == expected
            # If no phone is picked up, the first that is reported names the user.
            assert log.user_id in ({"alice", "bob"} if name == "ringcentral" else {"alice"})
