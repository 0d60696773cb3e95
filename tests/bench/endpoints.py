"""The server's endpoints, called in this process without gRPC, under callgrind."""

import asyncio
import random
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
from leadline.v1 import call_log_pb2, preferences_pb2, preferences_service_pb2
from leadline_server.app import App, open_app
from leadline_server.auth import authenticator, ledger_contact
from leadline_server.auth.issuers import IssuerConfig
from leadline_server.commands.keys import KeyWish
from leadline_server.config import Settings
from leadline_server.delivery import scheduler
from leadline_server.domain.access.principals import Principal, Role
from leadline_server.http.receiver import receiver_of
from leadline_server.http.server import HttpOptions, http_server
from leadline_server.parts import PLAIN
from leadline_server.serving import tune_garbage_collector
from leadline_server.storage import read_inline
from leadline_server.tracing.export import otlp_exports
from leadline_server.transport.admission import call_groups
from leadline_server.transport.server import Server
from leadline_server.transport.tracer import CallRecords
from prometheus_client import CollectorRegistry
from support.tokens import AUDIENCE, ISSUER, claims, key_set, signed

from bench import workload

CONTACTS = 10_000
WARM_UP = 200
UPDATE = "/leadline.v1.PreferencesService/UpdatePreferences"
UPDATE_ACCOUNT = "/leadline.v1.PreferencesService/UpdateAccountSettings"


@dataclass(frozen=True)
class Load:
    """One kind of call: the method, its requests, and what a right answer is."""

    method: str
    requests: Sequence[bytes]
    check: workload.Check


def load_of(name: str, calls: int) -> Load:
    """The load `name`: `find`, `log known` or `log unknown`."""
    chosen = random.Random(7)
    numbers = [workload.known_number(chosen.randrange(CONTACTS)) for _ in range(calls)]
    if name == "find":
        indexes = [chosen.randrange(CONTACTS) for _ in range(calls)]
        return Load(workload.FIND, workload.find_requests(indexes), workload.found)
    if name == "log known":
        check = workload.logged_as(call_log_pb2.CALL_LOG_REASON_CONTACT_MATCHED)
        return Load(workload.LOG, workload.log_requests("known", "user", numbers), check)
    check = workload.logged_as(call_log_pb2.CALL_LOG_REASON_PLACEHOLDER_CREATED)
    strangers = [workload.unknown_number(i) for i in range(calls)]
    return Load(workload.LOG, workload.log_requests("unknown", workload.KEEPER, strangers), check)


class _Handlers:
    """Stands in for gRPC's server, and keeps the handlers that are registered with it."""

    def __init__(self) -> None:
        self._generic: list[Any] = []
        self._registered: dict[str, Any] = {}

    def add_generic_rpc_handlers(self, handlers: Sequence[Any]) -> None:
        """Keep the handlers."""
        self._generic += handlers

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        """Keep the handlers."""
        self._registered |= {f"/{service}/{name}": handler for name, handler in handlers.items()}

    def of(self, method: str) -> Any:
        """The function that serves `method`."""
        if method in self._registered:
            return self._registered[method].unary_unary
        details = SimpleNamespace(method=method, invocation_metadata=())
        return next(found for generic in self._generic if (found := generic.service(details))).unary_unary


class Context:
    """A call's context with a deadline of half a minute, and the header of a credential; empty: none."""

    def __init__(self, header: bytes = b"") -> None:
        agent = "user-agent", "grpc-python-asyncio/1.85.3"
        # As gRPC does, each call decodes the text anew: its hash is not known yet.
        self._metadata = (agent, ("authorization", header.decode())) if header else (agent,)

    def time_remaining(self) -> float:
        """How long the caller waits, in seconds."""
        return 30.0

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        """The metadata, as pairs."""
        return self._metadata

    def peer(self) -> str:
        """A caller of this machine."""
        return "ipv4:127.0.0.1:1"

    async def abort(self, code: grpc.StatusCode, details: str, trailing_metadata: object = ()) -> None:
        """A refused call ends the measurement."""
        raise AssertionError(f"{code}: {details}")


@dataclass(frozen=True)
class Credential:
    """How the calls of a load are authenticated.

    Attributes:
        kind: `key`, `jwt`; empty: authentication is off.
        folder: for the issuer's public keys.
    """

    kind: str
    folder: Path

    def settings(self, data: Path) -> Settings:
        """The server's settings."""
        if not self.kind:
            return Settings(data_dir=data)
        jwks = self.folder / "jwks.json"
        jwks.write_bytes(key_set())
        issuer = IssuerConfig(issuer=ISSUER, audiences=(AUDIENCE,), jwks_file=jwks, roles=(Role.SERVICE,))
        return Settings(data_dir=data, authentication=True, issuers={"id": issuer})

    async def header(self, app: App, role: Role) -> str:
        """The header of a credential with a role."""
        if not self.kind:
            return ""
        if self.kind == "jwt" and role is Role.SERVICE:
            return f"Bearer {signed(claims(leadline_account=workload.ACCOUNT, exp=int(time.time()) + 86_400))}"
        issued = await app.commands.keys.issue(KeyWish(account_id=workload.ACCOUNT, role=role), _ISSUER)
        return f"Bearer {issued.secret}"


_ISSUER = Principal(id="key:bench", role=Role.PLATFORM)


async def drive(
    name: str, calls: int, group: int, data: Path, *, has_http: bool, traces: tuple[str, float], kind: str
) -> None:
    """Warm up, wait for a line on standard input, make the calls, and say so.

    Args:
        name: the load.
        calls: how many calls are counted.
        group: how many calls go together.
        data: the folder of the databases.
        has_http: an idle HTTP port is open.
        traces: where traces go, and the share of calls that are traced; no address: nowhere.
        kind: the kind of the credential.
    """
    slow_down_background_work()
    credential = Credential(kind, data.parent)
    settings = credential.settings(data)
    load = load_of(name, WARM_UP + calls)
    handlers = _Handlers()
    grpc.aio.server = lambda *_, **__: handlers  # type: ignore[assignment] # only what is registered matters
    registry = CollectorRegistry()
    async with AsyncExitStack() as idle:
        exports = await idle.enter_async_context(otlp_exports(*traces)) if traces[0] else None
        parts = PLAIN if exports is None else exports.parts
        app = await idle.enter_async_context(open_app(settings, registry=registry, parts=parts))
        records = CallRecords(tracer=None if exports is None else exports.tracing)
        server = Server(app.commands, registry, authenticator=app.authenticator, records=records)
        if has_http:
            receiver = receiver_of(app, settings, server.door, registry)
            await idle.enter_async_context(http_server("127.0.0.1:0", server.methods, receiver, HttpOptions()))
        admin = Context((await credential.header(app, Role.ACCOUNT_ADMIN)).encode())
        header = (await credential.header(app, Role.SERVICE)).encode()
        keeper = preferences_pb2.Preferences(
            unknown_contact_action=preferences_pb2.UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER
        )
        await handlers.of(UPDATE)(
            preferences_service_pb2.UpdatePreferencesRequest(
                account_id=workload.ACCOUNT, user_id=workload.KEEPER, preferences=keeper
            ).SerializeToString(),
            admin,
        )
        room = preferences_pb2.AccountSettings(placeholder_limit_per_hour=10_000, placeholder_limit_per_day=10_000)
        await handlers.of(UPDATE_ACCOUNT)(
            preferences_service_pb2.UpdateAccountSettingsRequest(
                account_id=workload.ACCOUNT, settings=room
            ).SerializeToString(),
            admin,
        )
        serve = handlers.of(load.method)
        await _in_groups(serve, load.requests[:WARM_UP], group, header)
        tune_garbage_collector()  # as the server does; otherwise one collection more is a few percent
        say("ready")
        sys.stdin.readline()
        answers = await _in_groups(serve, load.requests[WARM_UP:], group, header)
        say("done")
        sys.stdin.readline()
    if load.check(answers) != calls:
        raise AssertionError(f"{load.check(answers)} right answers to {calls} requests")


def slow_down_background_work() -> None:
    """Let what is done once in a while be done once. It goes by the clock, so on a busy machine it would count more."""
    sleep = asyncio.sleep
    asyncio.sleep = lambda delay, result=None: sleep(delay * 10_000, result)
    ledger_contact.LOST_SECONDS = 1e9  # type: ignore[misc] # the ledger is not asked meanwhile
    authenticator.KEEP_SECONDS = 1e9  # type: ignore[misc] # under callgrind a minute has few calls
    read_inline.SLOW_SECONDS = 1e9  # type: ignore[misc] # on a busy machine any read may take long
    call_groups.MOST_WORK_SECONDS = 1e9  # type: ignore[misc] # a group's work takes long under callgrind
    scheduler.POLL_SECONDS = 1e9  # type: ignore[misc] # it looks for calls that are due; reports wake it by themselves


async def _in_groups(serve: Any, requests: Sequence[bytes], group: int, header: bytes) -> list[bytes]:
    answers: list[bytes] = []
    for start in range(0, len(requests), group):
        together = requests[start : start + group]
        answers += await asyncio.gather(*(serve(request, Context(header)) for request in together))
    return answers


def say(word: str) -> None:
    """Tell the process that counts."""
    sys.stdout.write(word + "\n")
    sys.stdout.flush()
