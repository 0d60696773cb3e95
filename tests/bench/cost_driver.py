"""The process that is counted: lookups by a server's endpoints, with and without credentials and traces.

All ways are in one process, so that they have the same addresses, hashes and data. Each is called in blocks, between
which the process waits on standard input and does nothing.
"""

import asyncio
import gc
import json
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final
from unittest.mock import patch

from leadline_server.app import App, open_app
from leadline_server.config import Settings
from leadline_server.domain.access.principals import Role
from leadline_server.parts import PLAIN
from leadline_server.serving import tune_garbage_collector
from leadline_server.tracing.export import otlp_exports
from leadline_server.tracing.spans import Tracing
from leadline_server.transport import endpoint, served_methods
from leadline_server.transport.server import Server
from leadline_server.transport.tracer import CallRecords
from prometheus_client import CollectorRegistry

from bench import workload
from bench.endpoints import CONTACTS, WARM_UP, Context, Credential, say, slow_down_background_work

UNTRACED: Final = "no code of traces"
PLAIN_WAY: Final = "no credential, no traces"
HEADER: Final = "key sent, authentication off"
KEY, JWT = "API key", "remembered JWT"
NONE, DEFAULT, ALL = "address for traces, none traced", "1 call in 100 traced", "every call traced"


@dataclass(frozen=True)
class Way:
    """A server, the header that its callers send, and the share of calls that are traced."""

    server: Server
    header: str = ""
    ratio: float | None = None


class Ways:
    """The ways by their names."""

    def __init__(self, by_name: Mapping[str, Way], tracing: Tracing, flush: Callable[[], object]) -> None:
        self.by_name = by_name
        self._tracing = tracing
        self._flush = flush

    async def call(self, name: str, requests: list[bytes]) -> None:
        """Look numbers up, one after the other, and send the spans.

        Raises:
            AssertionError: an answer does not have the one contact.
        """
        way = self.by_name[name]
        self.choose(way)
        serve, header = way.server.methods[workload.FIND].serve, way.header.encode()
        answers = []
        for request in requests:
            answers.append(await serve(request, Context(header)))
            await asyncio.sleep(0)  # calls of one turn of the loop would go in groups, which a timer holds
        if way.ratio:
            await asyncio.to_thread(self._flush)
        if workload.found(answers) != len(requests):
            raise AssertionError(f"{workload.found(answers)} right answers to {len(requests)} requests")

    def choose(self, way: Way) -> None:
        """Trace evenly: of 100 calls at a ratio of 0.01 exactly one."""
        ratio, calls = way.ratio or 0.0, 0

        def draw() -> float:
            nonlocal calls
            calls += 1
            return 0.0 if ratio and calls % round(1 / ratio) == 0 else 1.0

        self._tracing._draw = draw  # noqa: SLF001 - chance would make counts differ
        self._tracing._ratio = ratio  # noqa: SLF001


def endpoint_without_traces() -> ModuleType:
    """The module of endpoints without the lines about traces: what they cost where tracing is off.

    Raises:
        AssertionError: the lines are not the ones that are left out here.
    """
    source = Path(endpoint.__file__).read_text()
    lines = source.splitlines(keepends=True)
    kept, skipped = [], 0
    for number, line in enumerate(lines):
        after = lines[number - 1 : number] + lines[number - 2 : number - 1]
        if "span = None if tracer" in line or "span is not None" in line or any("span is not None" in x for x in after):
            skipped += 1
        else:
            kept.append(line)
    if skipped != 4 or "span" in "".join(kept):
        raise AssertionError("The lines about traces in endpoint.py have changed: change them here, too.")
    module = ModuleType("endpoint_without_traces")
    exec(compile("".join(kept), "endpoint_without_traces.py", "exec"), module.__dict__)  # noqa: S102 - our own source
    return module


@asynccontextmanager
async def open_ways(data: Path, receiver: str) -> AsyncIterator[Ways]:
    """Two services over the same contacts, one with an address for traces; and servers of both."""
    credential, key = Credential("jwt", data.parent), Credential("key", data.parent)
    other = data.parent / "traced"
    shutil.copytree(data, other)
    async with AsyncExitStack() as stack:
        exports = await stack.enter_async_context(otlp_exports(receiver, 0.0))

        async def service(settings: Settings, parts: Any) -> App:
            return await stack.enter_async_context(open_app(settings, registry=CollectorRegistry(), parts=parts))

        settings = credential.settings(data)
        app, traced = await service(settings, PLAIN), await service(credential.settings(other), exports.parts)
        records = CallRecords(tracer=exports.tracing)
        with patch.object(served_methods, "unary_endpoint", endpoint_without_traces().unary_endpoint):
            untraced = Server(app.commands, CollectorRegistry())
        open_server = Server(app.commands, CollectorRegistry())
        guarded = Server(app.commands, CollectorRegistry(), authenticator=app.authenticator)
        tracing = Server(traced.commands, CollectorRegistry(), records=records)
        header = await key.header(app, Role.SERVICE)
        yield Ways(
            {
                UNTRACED: Way(untraced),
                PLAIN_WAY: Way(open_server),
                HEADER: Way(open_server, header),
                KEY: Way(guarded, header),
                JWT: Way(guarded, await credential.header(app, Role.SERVICE)),
                NONE: Way(tracing, ratio=0.0),
                DEFAULT: Way(tracing, ratio=settings.trace_ratio),
                ALL: Way(tracing, ratio=1.0),
            },
            exports.tracing,
            exports.tracing._tracer.span_processor.force_flush,  # type: ignore[attr-defined] # noqa: SLF001 - OpenTelemetry's own
        )


async def drive_endpoints(data: Path, receiver: str) -> None:
    """Read `CALLS WAY` on standard input, say `ready`, read a line, make the calls, say `done`; and again."""
    slow_down_background_work()
    async with open_ways(data, receiver) as ways:
        for name in ways.by_name:
            await ways.call(name, lookups(WARM_UP))
        tune_garbage_collector()
        gc.disable()  # its turns would fall into some blocks and not into others
        say("warm")
        while wanted := sys.stdin.readline().strip():
            calls, name = wanted.split(" ", 1)
            requests = lookups(int(calls))
            gc.collect()
            say("ready")
            sys.stdin.readline()
            await ways.call(name, requests)
            say("done")


def lookups(number: int) -> list[bytes]:
    """Requests for the same WARM_UP contacts again and again, since a database page is read once."""
    return workload.find_requests([index % WARM_UP * 37 % CONTACTS for index in range(number)])


async def drive_servers(data: Path, receiver: str) -> None:
    """Serve all ways by gRPC, say their addresses and headers as JSON, and set up each that standard input names."""
    slow_down_background_work()
    async with open_ways(data, receiver) as ways:
        ports = {id(way.server): way.server for way in ways.by_name.values()}
        bound = {key: server.bind("127.0.0.1:0") for key, server in ports.items()}
        for server in ports.values():
            await server.start()
        tune_garbage_collector()
        say(json.dumps({name: (bound[id(way.server)], way.header) for name, way in ways.by_name.items()}))
        while name := (await asyncio.to_thread(sys.stdin.readline)).strip():
            ways.choose(ways.by_name[name])
            gc.collect()
            say("ready")
        for server in ports.values():
            await server.drain(0)
