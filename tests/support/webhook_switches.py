"""The records of one call as 3CX, FreeSWITCH, Asterisk and Kamailio send them."""

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from support.webhook_events import CUSTOMER, OWN, SECRET, START, at, document, form


def sign_basic(url: str, body: bytes, headers: Mapping[str, str], *, secret: str = SECRET) -> dict[str, str]:
    del url, body, headers
    return {"authorization": "Basic " + base64.b64encode(f"leadline:{secret}".encode()).decode()}


def three_cx_events(call: str) -> list[bytes]:
    # 3CX has no id of a call: the start tells calls apart.
    start = START + timedelta(seconds=int(call) if call.isdigit() else 0)
    times = [(start + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ") for seconds in (0, 9, 70)]
    told = {"type": "Inbound", "number": CUSTOMER, "name": "", "agent": "101", "recording": ""}
    return [document({"start": times[0], "established": times[1], "end": times[2], **told})]


def three_cx_id(call: str) -> str:
    [event] = [json.loads(body) for body in three_cx_events(call)]
    parts = "\x1f".join([event["start"], event["agent"], event["number"], "in"])
    return f"call-{hashlib.sha256(parts.encode()).hexdigest()[:20]}"


def freeswitch_document(call: str, leg: str) -> dict[str, Any]:
    """The record of a leg: `a` called +12025550100 from outside, and `b` is extension 101, which it was bridged to."""

    def micro(seconds: float) -> str:
        return str(int(at(seconds).timestamp() * 1_000_000))

    uuids = {"a": f"a{call}", "b": f"b{call}"}
    profile = {"caller_id_name": "WIRELESS%20CALLER", "caller_id_number": quote(CUSTOMER), "context": "public"}
    variables = {
        "uuid": uuids[leg],
        "call_uuid": uuids["a"],
        "direction": "inbound" if leg == "a" else "outbound",
        "hangup_cause": "NORMAL_CLEARING",
        "start_uepoch": micro(0 if leg == "a" else 1),
        "answer_uepoch": micro(9),
        "end_uepoch": micro(70),
        "dialed_user": "101",
        **({"originator": uuids["a"]} if leg == "b" else {"bridge_uuid": uuids["b"], "last_app": "bridge"}),
    }
    number = quote(OWN) if leg == "a" else "101"
    return {
        "core-uuid": "c",
        "variables": variables,
        "callflow": [{"caller_profile": {**profile, "destination_number": number}}],
    }


def freeswitch_events(call: str) -> list[bytes]:
    return [document(freeswitch_document(call, leg)) for leg in ("a", "b")]


def asterisk_events(call: str) -> list[bytes]:
    told = {
        "id": f"1790000000.{call}",
        "linked_id": f"1790000000.{call}",
        "direction": "inbound",
        "caller": CUSTOMER,
        "caller_name": "WIRELESS CALLER",
        "callee": OWN,
        "extension": "101",
    }

    def event(kind: str, seconds: int, **fields: Any) -> bytes:
        return form({"event": kind, "time": int(at(seconds).timestamp()), **told, **fields})

    return [
        event("ring", 0),
        event("answer", 9),
        event("hangup", 70, result="ANSWER", talk_time="61", recording_url="https://pbx.example/1.wav"),
    ]


def kamailio_events(call: str) -> list[bytes]:
    told = {"direction": "inbound", "id": f"{call}@sip", "caller": CUSTOMER, "name": "WIRELESS CALLER", "callee": OWN}

    def event(kind: str, seconds: int, **fields: Any) -> bytes:
        return form({"event": kind, "time": f"{at(seconds).timestamp():.6f}", **fields})

    start = {**told, "verstat": "TN-Validation-Passed-A", "start": f"{at(0).timestamp():.6f}"}
    return [event("ring", 0, **start), event("answer", 9, **start), event("bye", 70, id=f"{call}@sip")]


def sign_bearer(url: str, body: bytes, headers: Mapping[str, str], *, secret: str = SECRET) -> dict[str, str]:
    del url, body, headers
    return {"authorization": f"Bearer {secret}"}
