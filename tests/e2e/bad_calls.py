"""Bad requests of LogCall, the richest of all, and what each must be answered with."""

from typing import Any, Final

from e2e.bad_requests import BELL, LONG_ID, NOT_FOUND, Bad

_LAST_SECOND: Final = 253_402_300_799  # google/protobuf/timestamp.proto: 9999-12-31T23:59:59Z


def _call(what: str, call: dict[str, Any], *violations: str) -> Bad:
    """A report of a call that is not known yet, good but for these fields."""
    good = {"id": "new", "direction": "CALL_DIRECTION_INBOUND"}
    return Bad(what, "LogCall", {"call": {**good, **call}}, {f"call.{field}" for field in violations})


def _leg(what: str, leg: dict[str, Any], *violations: str) -> Bad:
    return _call(what, {"legs": [{"id": "leg-1"}, {"id": "leg-2", **leg}]}, *(f"legs[1].{v}" for v in violations))


LOG_CALL_REQUESTS: Final = [
    Bad("no ids", "LogCall", {"account_id": "", "user_id": "", "call": {}}, {"account_id", "call.id"}),
    Bad(
        "ids too long",
        "LogCall",
        {"account_id": LONG_ID, "user_id": LONG_ID, "contact_id": LONG_ID, "call": {"id": LONG_ID}},
        {"account_id", "user_id", "contact_id", "call.id"},
    ),
    Bad("control characters in an id", "LogCall", {"contact_id": f"c{BELL}"}, {"contact_id"}),
    Bad("unknown account", "LogCall", {"account_id": "acme"}, set(), "ACCOUNT_NOT_FOUND", NOT_FOUND),
    Bad(
        "a contact that the CRM does not have",
        "LogCall",
        {"contact_id": "c_none"},
        set(),
        "CONTACT_NOT_FOUND",
        NOT_FOUND,
    ),
    Bad("an unknown trigger", "LogCall", {"trigger": 5}, {"trigger"}),
    Bad("no direction in the first report", "LogCall", {"call": {"id": "new"}}, {"call.direction"}),
    Bad(
        "no direction in the first report, only asked what would be",
        "LogCall",
        {"call": {"id": "new"}, "validate_only": True},
        {"call.direction"},
    ),
    Bad("a direction that is cleared", "LogCall", {"call": {"id": "known", "direction": 0}}, {"call.direction"}),
    _call(
        "enum numbers that mean nothing",
        {"direction": 9, "result": 99, "attestation": -1},
        "direction",
        "result",
        "attestation",
    ),
    _call(
        "texts that are too long",
        {
            "linked_id": LONG_ID,
            "disposition": "d" * 257,
            "subject": "s" * 257,
            "note": "n" * 16_385,
            "summary": "s" * 16_385,
            "transcript": "t" * 262_145,
        },
        *("linked_id", "disposition", "subject", "note", "summary", "transcript"),
    ),
    _call(
        "control characters",
        {
            "linked_id": "a\nb",
            "disposition": BELL,
            "subject": "two\nlines",
            "note": "a\x00b",
            "summary": "a\x1bb",
            "transcript": "a\x7fb",
        },
        *("linked_id", "disposition", "subject", "note", "summary", "transcript"),
    ),
    *[
        _call(
            f"addresses such as {url[:24]!r}",
            {"recording_url": url, "voicemail_url": url},
            "recording_url",
            "voicemail_url",
        )
        for url in (
            "ftp://example.com/1",
            "javascript:alert(1)",
            "https://",
            "example.com/1",
            f"https://e.com/{'a' * 2048}",
        )
    ],
    _call(
        "times that are none",
        {
            "start_time": {"seconds": _LAST_SECOND + 1},
            "answer_time": {"seconds": -62_135_596_801},
            "end_time": {"seconds": 1, "nanos": -1},
            "event_time": {"seconds": 1, "nanos": 1_000_000_000},
        },
        *("start_time", "answer_time", "end_time", "event_time"),
    ),
    _call(
        "parties with too much in them",
        {
            "caller": {"phone_number": "1" * 65, "name": "n" * 257, "extension": "1" * 65, "user_id": LONG_ID},
            "callee": {"phone_number": f"sip:{'1' * 260}@pbx", "name": BELL, "extension": BELL, "user_id": BELL},
        },
        *(
            f"{side}.{field}"
            for side in ("caller", "callee")
            for field in ("phone_number", "name", "extension", "user_id")
        ),
    ),
    _call("too many attributes", {"attributes": {f"key-{number}": "x" for number in range(65)}}, "attributes"),
    _call(
        "attributes without a name, too long, or with control characters",
        {"attributes": {"": "x", "k" * 65: "x", "queue": "q" * 1025, "skill": BELL}},
        *(f'attributes["{key}"]' for key in ("", "k" * 64, "queue", "skill")),
    ),
    _call("too many legs", {"legs": [{"id": f"leg-{number}"} for number in range(65)]}, "legs"),
    _leg("a leg without an id", {"id": ""}, "id"),
    _leg("two legs with one id", {"id": "leg-1"}, "id"),
    _leg(
        "a leg with everything wrong",
        {
            "id": LONG_ID,
            "user_id": BELL,
            "party": {"phone_number": "1" * 65, "name": BELL},
            "start_time": {"nanos": -1},
            "end_time": {"seconds": _LAST_SECOND + 1},
            "result": 99,
        },
        *("id", "user_id", "party.phone_number", "party.name", "start_time", "end_time", "result"),
    ),
    Bad(
        "everything at once, on a call that is known",
        "LogCall",
        {
            "user_id": f"u{BELL}",
            "trigger": -1,
            "call": {"id": "known", "result": 99, "recording_url": "nowhere", "legs": [{}], "is_final": True},
        },
        {"user_id", "trigger", "call.result", "call.recording_url", "call.legs[0].id"},
    ),
]
