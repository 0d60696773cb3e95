"""The events of one call as each phone system sends them, and the signatures that authenticate them.

Their shapes are those of the vendors' public documents. The signatures are written here anew, and not with the code
under test.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import unquote_plus, urlencode

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PUBLIC_URL: Final = "https://calls.example.com"
START: Final = datetime(2026, 11, 24, 14, 0, 0, tzinfo=UTC)
CUSTOMER: Final = "+12025550147"
OWN: Final = "+12025550100"
SECRET: Final = "a secret that only tests know"
FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"

_TELNYX_KEY: Final = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
TELNYX_PUBLIC_KEY: Final = base64.b64encode(
    _TELNYX_KEY.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
).decode()


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def iso(seconds: float) -> str:
    return at(seconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def form(fields: Mapping[str, Any]) -> bytes:
    return urlencode({name: value for name, value in fields.items() if value is not None}).encode()


def document(value: Any) -> bytes:
    return json.dumps(value).encode()


# --- Twilio: an inbound call to a number, whose TwiML dials a phone that is busy, and then alice's client.


def _twilio(call: str, status: str, seconds: float, **fields: Any) -> bytes:
    return form(
        {
            "AccountSid": "AC1",
            "ApiVersion": "2010-04-01",
            "CallSid": f"CA{call}",
            "CallStatus": status,
            "Direction": "inbound",
            "From": CUSTOMER,
            "To": OWN,
            "CallbackSource": "call-progress-events",
            "Timestamp": format_datetime(at(seconds)),
            **fields,
        }
    )


def twilio_events(call: str) -> list[bytes]:
    def child(leg: str, to: str, status: str, seconds: float, **fields: Any) -> bytes:
        ids = {"CallSid": f"CA{call}-{leg}", "ParentCallSid": f"CA{call}", "Direction": "outbound-dial", "To": to}
        return _twilio(call, status, seconds, **ids, **fields)

    return [
        child("b", "client:bob", "initiated", 1),
        child("b", "client:bob", "ringing", 2),
        child("b", "client:bob", "busy", 3, CallDuration="0"),
        child("a", "client:alice", "initiated", 3),
        child("a", "client:alice", "ringing", 4),
        child("a", "client:alice", "in-progress", 9),
        child("a", "client:alice", "completed", 69, CallDuration="60"),
        _twilio(call, "completed", 70, CallDuration="70", StirVerstat="TN-Validation-Passed-A"),
        form(
            {
                "AccountSid": "AC1",
                "CallSid": f"CA{call}",
                "RecordingSid": "RE1",
                "RecordingUrl": "https://api.twilio.com/recordings/RE1",
                "RecordingStatus": "completed",
                "RecordingStartTime": format_datetime(at(9)),
            }
        ),
    ]


def sign_twilio(url: str, body: bytes, headers: Mapping[str, str], *, secret: str = SECRET) -> dict[str, str]:
    del headers
    pairs = [pair.split("=", 1) for pair in body.decode().split("&") if pair]
    text = url + "".join(unquote_plus(name) + unquote_plus(value) for name, value in sorted(pairs))
    mac = hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()
    return {"x-twilio-signature": base64.b64encode(mac).decode()}


# --- Telnyx: an inbound call that the application answers, and bridges to alice.


def telnyx_events(call: str) -> list[bytes]:
    def event(kind: str, seconds: float, leg: str, **payload: Any) -> bytes:
        ids = {"connection_id": "7267", "call_session_id": f"s-{call}", "call_leg_id": f"l-{call}-{leg}"}
        sides = {"from": CUSTOMER, "to": OWN if leg == "in" else "sip:101@sip.telnyx.com"}
        data = {"record_type": "event", "event_type": kind, "id": f"{call}-{kind}-{leg}", "occurred_at": iso(seconds)}
        return document({"data": {**data, "payload": {**ids, **sides, **payload}}})

    return [
        event("call.initiated", 0, "in", direction="incoming", state="parked", start_time=iso(0)),
        event("call.answered", 1, "in"),
        event("call.initiated", 2, "out", direction="outgoing", state="bridging", start_time=iso(2)),
        event("call.answered", 9, "out"),
        event("call.bridged", 9, "out"),
        event("call.hangup", 69, "out", hangup_cause="normal_clearing"),
        event("call.hangup", 70, "in", hangup_cause="normal_clearing"),
        event("call.recording.saved", 75, "in", recording_urls={"mp3": "https://telnyx.example/r.mp3"}),
    ]


def sign_telnyx(url: str, body: bytes, headers: Mapping[str, str], *, ago: int = 0) -> dict[str, str]:
    del url, headers
    timestamp = str(int(time.time()) - ago)
    signature = base64.b64encode(_TELNYX_KEY.sign(f"{timestamp}|".encode() + body)).decode()
    return {"telnyx-timestamp": timestamp, "telnyx-signature-ed25519": signature}


# --- RingCentral: an inbound call that rings two extensions; alice's answers.


def ringcentral_events(call: str) -> list[bytes]:
    def event(seconds: float, sequence: int, *parties: tuple[str, str, str]) -> bytes:
        body = {
            "sequence": sequence,
            "sessionId": f"1{call}",
            "telephonySessionId": f"s-{call}",
            "eventTime": iso(seconds),
            "parties": [
                {
                    "accountId": "809646016",
                    "extensionId": extension,
                    "id": f"p-{call}-{party}",
                    "direction": "Inbound",
                    "from": {"phoneNumber": CUSTOMER, "name": "WIRELESS CALLER"},
                    "to": {"phoneNumber": OWN, "extensionNumber": extension},
                    "status": {"code": code, "rcc": False},
                    "missedCall": False,
                }
                for party, extension, code in parties
            ],
            "origin": {"type": "Call"},
        }
        kind = "/restapi/v1.0/account/809646016/telephony/sessions"
        return document({"uuid": f"{call}-{sequence}", "event": kind, "timestamp": iso(seconds), "body": body})

    return [
        event(0, 1, ("1", "101", "Setup")),
        event(1, 2, ("1", "101", "Proceeding"), ("2", "102", "Setup")),
        event(9, 3, ("1", "101", "Answered")),
        event(9, 4, ("2", "102", "Disconnected")),
        event(70, 5, ("1", "101", "Disconnected")),
    ]


def sign_ringcentral(url: str, body: bytes, headers: Mapping[str, str], *, secret: str = SECRET) -> dict[str, str]:
    del url, body, headers
    return {"verification-token": secret}


# --- Vonage: an inbound call that an NCCO connects to alice's mobile.


def vonage_events(call: str) -> list[bytes]:
    def event(status: str, seconds: float, leg: str, **fields: Any) -> bytes:
        direction, to = ("inbound", OWN[1:]) if leg == "in" else ("outbound", "12025550101")
        ids = {"uuid": f"{call}-{leg}", "conversation_uuid": f"CON-{call}"}
        sides = {"from": CUSTOMER[1:], "to": to, "direction": direction, "status": status}
        return document({**ids, **sides, "timestamp": iso(seconds), **fields})

    recording = {"recording_url": "https://api.nexmo.com/v1/files/1", "recording_uuid": "r", "size": 1}
    return [
        event("started", 0, "in"),
        event("ringing", 0.2, "in"),
        event("answered", 1, "in"),
        event("started", 2, "out"),
        event("ringing", 3, "out"),
        event("answered", 9, "out"),
        event("completed", 69, "out", duration="60", start_time=iso(9), end_time=iso(69)),
        event("completed", 70, "in", duration="69"),
        document({"conversation_uuid": f"CON-{call}", "timestamp": iso(75), **recording}),
    ]


def jwt(claims: Mapping[str, Any], secret: str = SECRET, algorithm: str = "HS256") -> str:
    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).decode().rstrip("=")

    signed = f"{part(document({'alg': algorithm, 'typ': 'JWT'}))}.{part(document(claims))}"
    return f"{signed}.{part(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())}"


def sign_vonage(
    url: str, body: bytes, headers: Mapping[str, str], *, secret: str = SECRET, ago: int = 0, **claims: Any
) -> dict[str, str]:
    del url, headers
    told = {"iat": int(time.time()) - ago, "jti": "1", "iss": "Vonage", "application_id": "app-1", "api_key": "k"}
    digest = hashlib.sha256(body).hexdigest()
    return {"authorization": f"Bearer {jwt({**told, 'payload_hash': digest, **claims}, secret)}"}


# --- 3CX, FreeSWITCH and Asterisk authenticate with a user and a password.


# --- Kamailio: the events that examples/kamailio/kamailio.cfg sends. The BYE tells no sides.
