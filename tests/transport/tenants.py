"""Two tenants of one server, their requests, and the comparison of their answers."""

import asyncio
import dis
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from types import CodeType, FrameType
from typing import Any, Final, NamedTuple

import grpc
from leadline_server.transport.served_methods import ServedMethod
from support.access import ALICE, BOB, MISSING, OTHER, OWN, Guarded, bearer
from transport.serving import read_refusal

RUNS: Final = 3
MOST_RUNS: Final = 60
_ROOM: Final = "leadline_server"
_WAITS: Final = "concurrency/batcher.py"  # how requests of one moment share their work depends on the moment
_PAUSES: Final = frozenset({"pause_seconds", "_wait"})  # of the loop that follows changes for all watches, in turns
NUMBER: Final = "+12025550147"
PLATFORM: Final = "platform"
ISSUER_NAME: Final = "https://id.example.com"
DIFFERS: Final = re.compile(r"(seconds|nanos): \d+|\b(c_|r_|k_)?[0-9a-f]{12,}\b|(secret|_token): \"[^\"]*\"")
"""The differences between any two answers: times, new ids, new keys, and tokens."""

REQUESTS: Final = {
    account_id: f"123e4567-e89b-42d3-a456-42661417400{number}"
    for number, account_id in enumerate((OWN, OTHER, MISSING))
}

Fields = Mapping[str, Any]


class Pair(NamedTuple):
    """Fields of a request with the other account's ids, and with ids that do not exist."""

    theirs: Fields
    nobodys: Fields


class Seen(NamedTuple):
    """The answer and the work of a call.

    Attributes:
        answer: its status, and its message without what differs by itself.
        statements: the SQL statements that it ran, without their values.
        functions: the functions that it called.
    """

    answer: str
    statements: Counter[str]
    functions: Counter[str]

    def joined(self, other: "Seen") -> "Seen":
        """The work that both runs did. Background work is in some runs only."""
        assert self.answer == other.answer
        return Seen(self.answer, self.statements & other.statements, self.functions & other.functions)


@contextmanager
def counted_functions() -> Iterator[Counter[str]]:
    """The functions of leadline that are called in the body."""
    called: Counter[str] = Counter()

    def profile(frame: FrameType, event: str, _: object) -> None:
        # A coroutine that goes on is a "call", too. How often it waits depends on what else the loop does.
        code = frame.f_code
        if event != "call" or _ROOM not in code.co_filename or code.co_filename.endswith(_WAITS):
            return
        if code.co_qualname not in _PAUSES and frame.f_lasti <= begin_of(code):
            called[code.co_qualname] += 1

    sys.setprofile(profile)
    try:
        yield called
    finally:
        sys.setprofile(None)


@cache
def begin_of(code: CodeType) -> int:
    """Where the body of a function begins, as an offset of its instructions."""
    return next(step.offset for step in dis.get_instructions(code) if step.opname == "RESUME")


class Tenants:
    """Two accounts on one server. OTHER has something of everything; OWN attacks."""

    def __init__(self, served: Guarded, statements: list[str], keys: Mapping[str, str]) -> None:
        self.served = served
        self._statements = statements
        self._keys = keys
        self._methods = {method.name: method for method in served.server.methods.values()}
        self.tokens: dict[str, str] = {}
        self.contact_id = self.key_id = self.replay_id = ""

    @property
    def rpcs(self) -> list[str]:
        return sorted(self._methods)

    def fields_of(self, rpc: str) -> list[str]:
        """The names of the fields of an RPC's request."""
        return list(self._methods[rpc].input_type.DESCRIPTOR.fields_by_name)

    async def ask(self, rpc: str, fields: Fields, account_id: str = OWN, *, key: str = OWN) -> tuple[str, Any]:
        """The status of a call, and its answer, or the refusal's text and bytes."""
        method = self._methods[rpc]
        request = method.input_type(account_id=account_id, **fields)
        try:
            return "OK", await self._answer(method, request, self._keys[key])
        except grpc.aio.AioRpcError as error:
            refused = read_refusal(error)
            return f"{refused.code.name} {refused.message}", refused.raw

    async def _answer(self, method: ServedMethod, request: Any, key: str) -> Any:
        path = f"/{method.service}/{method.name}"
        if not method.is_stream:
            return await self.served.call(path, request, key, method.output_type)
        stream: Any = self.served.channel.unary_stream(path, response_deserializer=method.output_type.FromString)
        watch = stream(request.SerializeToString(), metadata=bearer(key), timeout=10)
        try:
            return await watch.read()
        finally:
            watch.cancel()

    async def seen(self, rpc: str, fields: Fields, account_id: str, hidden: Mapping[str, str], key: str) -> Seen:
        """The answer and the work of a call. `hidden` are the asked ids, and what is written in their place."""
        self._statements.clear()
        with counted_functions() as functions:
            status, answer = await self.ask(rpc, fields, account_id, key=key)
            await asyncio.sleep(0.005)  # the endpoint ends after its answer
            while self._methods[rpc].counts.in_flight:
                await asyncio.sleep(0.005)
        ran = Counter(re.sub(r"'[^']*'|\b\d+\b|x'[0-9a-f]*'", "?", statement) for statement in self._statements)
        text = f"{status} {answer!r}" if isinstance(answer, bytes) else f"{status} {answer}"
        for asked, instead in sorted(hidden.items(), key=lambda item: -len(item[0])):
            text = text.replace(asked, instead)
        return Seen(DIFFERS.sub("?", text), ran, Counter(functions))

    async def compare(self, rpc: str, one: tuple[str, Fields], two: tuple[str, Fields], key: str = OWN) -> None:
        """Call an RPC with two accounts and fields, in turns. Both must show and do the same."""
        found: list[Seen] = []
        asked = [(account_id, fields, _hidden(account_id, fields)) for account_id, fields in (one, two)]
        for run in range(MOST_RUNS):
            now = [await self.seen(rpc, fields, account_id, hidden, key) for account_id, fields, hidden in asked]
            # The first run fills caches. Nothing may depend on the order, either.
            found = now if run < 2 else [before.joined(seen) for before, seen in zip(found, now, strict=True)]
            if run >= RUNS and found[0] == found[1]:
                break  # else background work may be in it: run again
            asked.reverse()
            found.reverse()
        first, second = found
        assert first.answer == second.answer, rpc
        assert first.statements == second.statements, (rpc, first.statements - second.statements, second.statements)
        assert first.functions == second.functions, (
            rpc,
            first.functions - second.functions,
            second.functions - first.functions,
        )
        assert first.functions


def _hidden(account_id: str, fields: Fields) -> dict[str, str]:
    texts = dict[str, str]()

    def add(name: str, value: Any) -> None:
        if isinstance(value, str) and value:
            texts[value] = f"<{name}>"
        elif isinstance(value, dict):
            for inner, one in value.items():
                add(inner, one)

    add("account_id", account_id)
    for name, value in fields.items():
        if name not in ("query", "phone_number", "name"):
            add(name, value)
    return texts


def call(call_id: str, number: str = NUMBER) -> dict[str, Any]:
    return {"id": call_id, "direction": 1, "caller": {"phone_number": number}, "is_final": True}


async def furnish(tenants: Tenants, account_id: str) -> None:
    """Give an account calls, contacts, users, placeholders, a replay, keys, and tokens of lists."""

    async def done(rpc: str, **fields: Any) -> Any:
        status, answer = await tenants.ask(rpc, fields, account_id, key=account_id)
        assert status == "OK", (rpc, status)
        return answer

    creates = {"defaults": {"unknown_contact_action": 2}}
    await done("UpdateAccountSettings", settings=creates)
    found = await done("CreateContact", name="Ada", phone_number=NUMBER, request_id=REQUESTS[account_id])
    await done("CreateContact", name="Ada Two", phone_number="+12025550148")
    for name in ("subject", "token_id"):
        await done("DenyTokens", issuer=ISSUER_NAME, **{name: f"{name}-{account_id}"})
    for number in range(3):
        await done("LogCall", user_id=BOB, call=call(f"call-{account_id}-{number}", f"+1202555016{number}"))
        await done("UpsertUser", user={"user_id": f"user-{account_id}-{number}", "extensions": [f"10{number}"]})
        issued = await done("IssueKey", role=3)
    await done("LogCall", user_id=BOB, call=call(f"call-{account_id}"))
    tenants.contact_id, tenants.key_id = found.contact.id, issued.key.key_id
    tenants.replay_id = (await done("OpenReplay", placeholder_limit=3)).replay_id
    watched = await done("WatchCallLogs")
    tenants.tokens = {"WatchCallLogs": watched.resume_token}
    audit = tenants.served.app.ledger.audit
    while await audit.has_new():
        await audit.chain(1000)
    for rpc, more in LISTS.items():
        tenants.tokens[rpc] = (await done(rpc, page_size=1, **more)).next_page_token
        assert tenants.tokens[rpc], rpc
    status, accounts = await tenants.ask("ListAccounts", {"page_size": 1}, "", key=PLATFORM)
    assert status == "OK"
    tenants.tokens["ListAccounts"] = accounts.next_page_token


LISTS: Final[Mapping[str, Fields]] = {
    "ListCallLogs": {},
    "SearchContacts": {"query": "Ada"},
    "ListUsers": {},
    "ListPlaceholders": {},
    "ListKeys": {},
    "ListAuditEntries": {},
}


def forged(token: str) -> str:
    """The same token with another position: its last character is another one."""
    return token[:-1] + ("A" if token[-1] != "A" else "E")


def pairs(tenants: Tenants) -> dict[str, list[Pair]]:
    """Requests in the own account that name what belongs to the other one, by RPC."""
    contact = Pair({"contact_id": tenants.contact_id}, {"contact_id": nearly(tenants.contact_id)})
    call_id = Pair({"call_id": f"call-{OTHER}"}, {"call_id": "call-nobody-"})
    user = Pair({"user_id": f"user-{OTHER}-0"}, {"user_id": "user-nobody-0-"})
    key = Pair({"key_id": tenants.key_id}, {"key_id": nearly(tenants.key_id)})

    def both(pair: Pair, **fields: Any) -> Pair:
        return Pair({**pair.theirs, **fields}, {**pair.nobodys, **fields})

    found = {
        "FindContact": [both(user, phone_numbers=[NUMBER])],
        "GetCallLog": [call_id],
        "RetryCallLog": [call_id],
        "LogCall": [
            both(contact, user_id=ALICE, call=call("own-call")),
            Pair({"call": call(f"call-{OTHER}")}, {"call": call("call-nobody-")}),
            Pair(
                {"call": call("own-call-2", "+12025550199"), "replay_id": tenants.replay_id},
                {"call": call("own-call-2", "+12025550199"), "replay_id": nearly(tenants.replay_id)},
            ),
            both(contact, user_id=ALICE, call=call("own-call-3"), validate_only=True),
        ],
        "CreateContact": [
            Pair(
                {"name": "Eve", "phone_number": NUMBER, "request_id": REQUESTS[OTHER]},
                {"name": "Eve", "phone_number": NUMBER, "request_id": REQUESTS[MISSING]},
            )
        ],
        "ListCallLogs": [contact, user],
        "CountCallLogs": [user],
        "GetPreferences": [user],
        "UpdatePreferences": [user],
        "GetUser": [user],
        "DeleteUser": [user],
        "UpsertUser": [Pair({"user": dict(user.theirs)}, {"user": dict(user.nobodys)})],
        "RemovePlaceholder": [contact, both(contact, validate_only=True)],
        "RotateKey": [key],
        "RevokeKey": [key],
        "IssueKey": [both(user, role=5)],
        "WatchCallLogs": [token_pair(tenants, "WatchCallLogs", "resume_token"), user],
        "DenyTokens": [
            Pair({"issuer": ISSUER_NAME, name: f"{name}-{OTHER}"}, {"issuer": ISSUER_NAME, name: f"{name}-nobody-"})
            for name in ("subject", "token_id")
        ],
        "UpdateAccountSettings": [Pair(*({"settings": {"default_user_id": side["user_id"]}} for side in user))],
        "ListAccounts": [token_pair(tenants, "ListAccounts", "page_token")],
    }
    for rpc, more in LISTS.items():
        found.setdefault(rpc, []).append(both(token_pair(tenants, rpc, "page_token"), page_size=1, **more))
    return found


def token_pair(tenants: Tenants, rpc: str, field: str) -> Pair:
    return Pair({field: tenants.tokens[rpc]}, {field: forged(tenants.tokens[rpc])})


def nearly(text: str) -> str:
    """An id of the same form that does not exist."""
    return text[:-4] + ("0000" if text[-4:] != "0000" else "1111")
