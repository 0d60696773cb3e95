"""Requests that break the contract's rules, and what each must be answered with."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from leadline.v1 import call_log_service_pb2, contact_service_pb2, preferences_service_pb2

INVALID: Final = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND: Final = grpc.StatusCode.NOT_FOUND
FAILED_PRECONDITION: Final = grpc.StatusCode.FAILED_PRECONDITION

ADA: Final = "+12025550101"
GRACE: Final = "+12025550102"
LOCKED: Final = "log_internal_calls"
REQUEST_ID: Final = "123e4567-e89b-42d3-a456-426614174000"
LONG_ID: Final = "i" * 129
BELL: Final = "\a"

METHODS: Final[dict[str, MethodDescriptor]] = {
    method.name: method
    for module, service in (
        (contact_service_pb2, "ContactService"),
        (call_log_service_pb2, "CallLogService"),
        (preferences_service_pb2, "PreferencesService"),
    )
    for method in module.DESCRIPTOR.services_by_name[service].methods
}
"""Every RPC of the contract, by name."""

GOOD: Final[dict[str, dict[str, Any]]] = {
    "FindContact": {"phone_numbers": [ADA]},
    "SearchContacts": {"query": "a"},
    "CreateContact": {"request_id": REQUEST_ID, "name": "Grace Hopper", "phone_number": GRACE},
    "LogCall": {
        "user_id": "alice",
        "call": {"id": "known", "direction": "CALL_DIRECTION_INBOUND", "caller": {"phone_number": ADA}},
    },
    "GetCallLog": {"call_id": "known"},
    "RetryCallLog": {"call_id": "known"},
    "ListCallLogs": {},
    "CountCallLogs": {"start_time": {"seconds": 1_800_000_000}, "end_time": {"seconds": 1_800_003_600}},
    "WatchCallLogs": {},
    "GetPreferences": {"user_id": "alice"},
    "UpdatePreferences": {"user_id": "alice", "preferences": {"auto_log_calls": True}},
    "GetAccountSettings": {},
    "UpdateAccountSettings": {"settings": {"locked": [LOCKED]}},
}
"""A request of each RPC without its account, that is answered OK; bad ones differ from it in what is bad."""


@dataclass(frozen=True)
class Seed:
    """Tokens that the server gave out before."""

    search_token: str
    list_token: str
    watch_token: str


@dataclass(frozen=True)
class Bad:
    """One bad request: fields that replace those of the good one, and the answer.

    `violations` are the fields that are to be named, no more and no fewer; it is empty where the answer names none.
    """

    what: str
    rpc: str
    fields: dict[str, Any] | Callable[[Seed], dict[str, Any]]
    violations: set[str] = field(default_factory=set)
    reason: str = "INVALID_REQUEST"
    code: grpc.StatusCode = INVALID

    def request(self, seed: Seed) -> Message:
        return good(self.rpc, **(self.fields(seed) if callable(self.fields) else self.fields))


def good(rpc: str, **fields: Any) -> Message:
    """The RPC's good request in account demo, with some fields replaced."""
    request = GetMessageClass(METHODS[rpc].input_type)
    return request(**{"account_id": "demo", **GOOD[rpc], **fields})


def ids(rpc: str, *required: str, optional: tuple[str, ...] = ()) -> list[Bad]:
    """Requests with bad ids: all of them missing, too long, and with control characters."""
    every = {"account_id", *required, *optional}
    return [
        Bad("no ids", rpc, dict.fromkeys(every, ""), {"account_id", *required}),
        Bad("ids too long", rpc, dict.fromkeys(every, LONG_ID), every),
        Bad("control characters in ids", rpc, dict.fromkeys(every, f"x{BELL}"), every),
        Bad("unknown account", rpc, {"account_id": "acme"}, set(), "ACCOUNT_NOT_FOUND", NOT_FOUND),
    ]


def _pages(rpc: str, own: Callable[[Seed], str], foreign: Callable[[Seed], str], other: dict[str, Any]) -> list[Bad]:
    """Requests with bad paging; `other` makes another filter than that of the token `own`."""
    bent = {"page_token"}, "INVALID_PAGE_TOKEN"
    return [
        Bad("a negative page size", rpc, {"page_size": -1}, {"page_size"}),
        Bad("too large a page", rpc, {"page_size": 1001}, {"page_size"}),
        Bad("a token that is too long", rpc, {"page_token": "t" * 1025}, {"page_token"}),
        Bad("a forged token", rpc, {"page_token": "Zm9yZ2Vk"}, *bent),
        Bad("a token with one letter changed", rpc, lambda seed: {"page_token": _bend(own(seed))}, *bent),
        Bad("a token of another filter", rpc, lambda seed: {"page_token": own(seed), **other}, *bent),
        Bad("a token of another RPC", rpc, lambda seed: {"page_token": foreign(seed)}, *bent),
    ]


def _bend(token: str) -> str:
    return f"{token[:-1]}{'A' if token[-1] != 'A' else 'E'}"


CONTACT_REQUESTS: Final = [
    *ids("FindContact", optional=("user_id",)),
    Bad("no numbers", "FindContact", {"phone_numbers": []}, {"phone_numbers"}),
    Bad("17 numbers", "FindContact", {"phone_numbers": [ADA] * 17}, {"phone_numbers"}),
    Bad(
        "garbage for numbers, among good ones",
        "FindContact",
        {"phone_numbers": [ADA, "hello", "anonymous", "+1", "1" * 65, f"sip:{'1' * 260}@pbx"]},
        {"phone_numbers[1]", "phone_numbers[3]", "phone_numbers[4]", "phone_numbers[5]"},
    ),
    Bad(
        "everything at once",
        "FindContact",
        {"user_id": LONG_ID, "phone_numbers": ["hello", *[ADA] * 16]},
        {"user_id", "phone_numbers", "phone_numbers[0]"},
    ),
    *ids("SearchContacts", optional=("user_id",)),
    Bad("no query", "SearchContacts", {"query": ""}, {"query"}),
    *_pages("SearchContacts", lambda s: s.search_token, lambda s: s.list_token, {"query": "b"}),
    Bad("a query of spaces", "SearchContacts", {"query": "  "}, {"query"}),
    Bad("too long a query", "SearchContacts", {"query": "q" * 257}, {"query"}),
    Bad(
        "everything at once",
        "SearchContacts",
        {"account_id": "", "user_id": LONG_ID, "query": BELL, "page_size": 2000, "page_token": BELL},
        {"account_id", "user_id", "query", "page_size", "page_token"},
    ),
    *ids("CreateContact", optional=("user_id",)),
    Bad("no number", "CreateContact", {"phone_number": ""}, {"phone_number"}),
    *[
        Bad(f"a number that cannot be dialled: {number}", "CreateContact", {"phone_number": number}, {"phone_number"})
        for number in ("hello", "101", "911", "*97", "anonymous", "+" + "1" * 64)
    ],
    *[
        Bad(f"an e-mail address that is none: {email[:20]!r}", "CreateContact", {"email": email}, {"email"})
        for email in ("ada", "ada@", "@example.com", "a b@example.com", f"{'a' * 250}@x.io")
    ],
    Bad(
        "everything at once",
        "CreateContact",
        {
            "user_id": LONG_ID,
            "request_id": "not-a-uuid",
            "name": "n" * 257,
            "phone_number": "hello",
            "contact_type": "t" * 257,
            "email": "nowhere",
            "company": f"Acme{BELL}",
        },
        {"user_id", "request_id", "name", "phone_number", "contact_type", "email", "company"},
    ),
    Bad(
        "a number that has a contact",
        "CreateContact",
        {"request_id": "", "phone_number": ADA},
        set(),
        "CONTACT_ALREADY_EXISTS",
        grpc.StatusCode.ALREADY_EXISTS,
    ),
    Bad(
        "a request id that was used for another request",
        "CreateContact",
        {"name": "Grace H."},
        set(),
        "REQUEST_ID_REUSED",
        FAILED_PRECONDITION,
    ),
]

CALL_LOG_REQUESTS: Final = [
    *ids("GetCallLog", "call_id"),
    Bad("no such call", "GetCallLog", {"call_id": "never"}, set(), "CALL_LOG_NOT_FOUND", NOT_FOUND),
    *ids("RetryCallLog", "call_id"),
    Bad("no such call", "RetryCallLog", {"call_id": "never"}, set(), "CALL_LOG_NOT_FOUND", NOT_FOUND),
    *ids("CountCallLogs", optional=("user_id",)),
    Bad(
        "everything at once",
        "CountCallLogs",
        {"start_time": None, "end_time": None, "group_by": [1, 0, 9], "time_zone": "Mars/Olympus"},
        {"start_time", "end_time", "group_by[1]", "group_by[2]", "time_zone"},
    ),
    Bad(
        "too long a period",
        "CountCallLogs",
        {"start_time": {"seconds": 0}, "end_time": {"seconds": 101 * 86_400}},
        {"end_time"},
    ),
    *ids("ListCallLogs", optional=("user_id", "contact_id")),
    *_pages("ListCallLogs", lambda s: s.list_token, lambda s: s.search_token, {"user_id": "alice"}),
    *[
        Bad(f"a number that finds nobody: {number}", "ListCallLogs", {"phone_number": number}, {"phone_number"})
        for number in ("hello", "911", "*97", "anonymous", "1" * 65)
    ],
    Bad(
        "an end that is not after the start",
        "ListCallLogs",
        {"start_time": {"seconds": 1_800_000_000}, "end_time": {"seconds": 1_800_000_000}},
        {"end_time"},
    ),
    Bad(
        "everything at once",
        "ListCallLogs",
        {
            "user_id": LONG_ID,
            "states": [1, 0, 9],
            "reasons": [0, 99],
            "directions": [0, 9],
            "phone_number": "hello",
            "contact_id": LONG_ID,
            "start_time": {"nanos": -1},
            "end_time": {"seconds": 253_402_300_800},
            "page_size": -5,
            "page_token": BELL,
        },
        {
            *("user_id", "states[1]", "states[2]", "reasons[0]", "reasons[1]", "phone_number", "contact_id"),
            *("directions[0]", "directions[1]"),
            *("start_time", "end_time", "page_size", "page_token"),
        },
    ),
    *ids("WatchCallLogs", optional=("user_id",)),
    Bad("a token that is too long", "WatchCallLogs", {"resume_token": "t" * 1025}, {"resume_token"}),
    Bad("more logs a message than there may be", "WatchCallLogs", {"max_call_logs": 1001}, {"max_call_logs"}),
    Bad("a negative number of logs", "WatchCallLogs", {"max_call_logs": -1}, {"max_call_logs"}),
    *[
        Bad(what, "WatchCallLogs", fields, {"resume_token"}, "INVALID_RESUME_TOKEN")
        for what, fields in (
            ("a forged token", lambda _: {"resume_token": "Zm9yZ2Vk"}),
            ("a token with one letter changed", lambda seed: {"resume_token": _bend(seed.watch_token)}),
            ("a token of another watch", lambda seed: {"resume_token": seed.watch_token, "user_id": "alice"}),
            ("a token of pages", lambda seed: {"resume_token": seed.list_token}),
        )
    ],
]
