"""Instructions per call, counted by callgrind: a figure that does not depend on how busy the machine is.

The server's endpoints are called in this process, in groups of a fixed size, without gRPC: under callgrind a call takes
longer than the timers that hold groups open, so groups of a real load would never form.

    python -m bench.instructions                  FindContact and LogCall, groups of 1 and 8
    python -m bench.instructions --calls 200      fewer calls, a rougher figure
    python -m bench.instructions --only find --http    with the HTTP port open and idle
    python -m bench.instructions --only find --trace 1    with every call traced, and sent to a receiver
"""

import argparse
import asyncio
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import uvloop
from leadline.v1 import call_log_pb2, preferences_pb2, preferences_service_pb2
from leadline_server.app import open_app
from leadline_server.config import Settings
from leadline_server.http.receiver import receiver_of
from leadline_server.http.server import HttpOptions, http_server
from leadline_server.parts import PLAIN
from leadline_server.serving import tune_garbage_collector
from leadline_server.tracing.export import otlp_exports
from leadline_server.transport.server import Server
from leadline_server.transport.tracer import CallRecords
from prometheus_client import CollectorRegistry
from support.otlp_receiver import otlp_receiver

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

    def add_generic_rpc_handlers(self, handlers: Sequence[Any]) -> None:
        """Keep the handlers."""
        self._generic += handlers

    def add_registered_method_handlers(self, service: str, handlers: object) -> None:
        """Health and reflection: not called here."""

    def of(self, method: str) -> Any:
        """The function that serves `method`."""
        details = SimpleNamespace(method=method, invocation_metadata=())
        return next(found for generic in self._generic if (found := generic.service(details))).unary_unary


class _Context:
    """A call's context with a deadline of half a minute."""

    def time_remaining(self) -> float:
        """How long the caller waits, in seconds."""
        return 30.0

    def invocation_metadata(self) -> tuple[()]:
        """No metadata."""
        return ()

    def peer(self) -> str:
        """A caller of this machine."""
        return "ipv4:127.0.0.1:1"

    async def abort(self, code: grpc.StatusCode, details: str, trailing_metadata: object = ()) -> None:
        """A refused call ends the measurement."""
        raise AssertionError(f"{code}: {details}")


async def drive(name: str, calls: int, group: int, data: Path, *, has_http: bool, traces: tuple[str, float]) -> None:
    """Warm up, wait for a line on standard input, make the calls, and say so.

    Args:
        name: the load.
        calls: how many calls are counted.
        group: how many calls go together.
        data: the folder of the databases.
        has_http: an idle HTTP port is open.
        traces: where traces go, and the share of calls that are traced; no address: nowhere.
    """
    load = load_of(name, WARM_UP + calls)
    handlers = _Handlers()
    grpc.aio.server = lambda *_, **__: handlers  # type: ignore[assignment] # only what is registered matters
    registry = CollectorRegistry()
    async with AsyncExitStack() as idle:
        exports = await idle.enter_async_context(otlp_exports(*traces)) if traces[0] else None
        parts = PLAIN if exports is None else exports.parts
        app = await idle.enter_async_context(open_app(Settings(data_dir=data), registry=registry, parts=parts))
        server = Server(
            app.commands, registry, records=CallRecords(tracer=None if exports is None else exports.tracing)
        )
        if has_http:
            receiver = receiver_of(app, Settings(data_dir=data), server.door, registry)
            await idle.enter_async_context(http_server("127.0.0.1:0", server.methods, receiver, HttpOptions()))
        keeper = preferences_pb2.Preferences(
            unknown_contact_action=preferences_pb2.UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER
        )
        await handlers.of(UPDATE)(
            preferences_service_pb2.UpdatePreferencesRequest(
                account_id=workload.ACCOUNT, user_id=workload.KEEPER, preferences=keeper
            ).SerializeToString(),
            _Context(),
        )
        room = preferences_pb2.AccountSettings(placeholder_limit_per_hour=10_000, placeholder_limit_per_day=10_000)
        await handlers.of(UPDATE_ACCOUNT)(
            preferences_service_pb2.UpdateAccountSettingsRequest(
                account_id=workload.ACCOUNT, settings=room
            ).SerializeToString(),
            _Context(),
        )
        serve = handlers.of(load.method)
        await _in_groups(serve, load.requests[:WARM_UP], group)
        tune_garbage_collector()  # as the server does; otherwise one collection more is a few percent
        _say("ready")
        sys.stdin.readline()
        answers = await _in_groups(serve, load.requests[WARM_UP:], group)
        _say("done")
        sys.stdin.readline()
    if load.check(answers) != calls:
        raise AssertionError(f"{load.check(answers)} right answers to {calls} requests")


async def _in_groups(serve: Any, requests: Sequence[bytes], group: int) -> list[bytes]:
    answers: list[bytes] = []
    for start in range(0, len(requests), group):
        answers += await asyncio.gather(*(serve(request, _Context()) for request in requests[start : start + group]))
    return answers


def _say(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


def count(name: str, *, calls: int, group: int, has_http: bool = False, traced: float | None = None) -> float:
    """Instructions per call of the load `name`, called in groups of `group`. `traced`: the share of calls; None: off.

    Raises:
        RuntimeError: valgrind is not installed.
    """
    if shutil.which("valgrind") is None:
        raise RuntimeError("valgrind is not installed: instructions cannot be counted.")
    with (
        tempfile.TemporaryDirectory() as folder,
        otlp_receiver() as receiver,
        _driver(
            Path(folder),
            name,
            (["--http"] if has_http else [])
            + ([] if traced is None else ["--trace", str(traced), "--receiver", receiver.address])
            + ["--calls", str(calls), "--group", str(group)],
        ) as process,
    ):
        _expect(process, "ready")
        _instrumentation(process, "on")
        _go_on(process)
        _expect(process, "done")
        _instrumentation(process, "off")
        _go_on(process)
        if process.wait(timeout=120):
            raise AssertionError(f"The driver of {name!r} failed.")
        return _total(Path(folder)) / calls


@contextmanager
def _driver(folder: Path, name: str, options: Sequence[str]) -> "Iterator[subprocess.Popen[str]]":
    """The process that makes the calls, under callgrind, over a contact book of CONTACTS."""
    data, csv = folder / "data", folder / "contacts.csv"
    workload.write_contacts(csv, CONTACTS)
    importing = [sys.executable, "-m", "leadline_server.cli", "contacts", "import", str(csv), "--data-dir", str(data)]
    subprocess.run(importing, check=True, stdout=subprocess.DEVNULL)
    callgrind = [
        *_fixed_addresses(),
        "valgrind",
        "--tool=callgrind",
        "--instr-atstart=no",
        f"--callgrind-out-file={folder}/callgrind.out",
    ]
    driven = [sys.executable, "-m", "bench.instructions", "--drive", name, str(data)]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    process = subprocess.Popen(
        [*callgrind, *driven, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=(folder / "log").open("w"),
        text=True,
        env=environment,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def _fixed_addresses() -> list[str]:
    """The command that gives a program the same addresses at each start. Hashes of objects are their addresses."""
    return ["setarch", "--addr-no-randomize"] if shutil.which("setarch") else []


def _expect(process: "subprocess.Popen[str]", word: str) -> None:
    """Wait for a line; those of leadline's own log are passed over."""
    for line in process.stdout or ():
        if line.strip() == word:
            return
    raise AssertionError(f"The driver did not say {word!r}.")


def _go_on(process: "subprocess.Popen[str]") -> None:
    if process.stdin is not None:
        process.stdin.write("\n")
        process.stdin.flush()


def _instrumentation(process: "subprocess.Popen[str]", state: str) -> None:
    command = ["callgrind_control", "-i", state, str(process.pid)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def _total(folder: Path) -> int:
    """All instructions that were counted: one line of totals a file."""
    texts = [path.read_text() for path in folder.glob("callgrind.out*")]
    return sum(int(found) for text in texts for found in re.findall(r"^totals: (\d+)", text, re.MULTILINE))


def main() -> None:
    """Print a line for each load and size of group."""
    parser = argparse.ArgumentParser(prog="python -m bench.instructions")
    parser.add_argument("--calls", type=int, default=800)
    parser.add_argument("--group", type=int, default=0)
    parser.add_argument("--only", default="", help="loads whose name begins so: find, log known, log unknown")
    parser.add_argument("--drive", nargs=2, metavar=("LOAD", "DATA"), help=argparse.SUPPRESS)
    parser.add_argument("--http", action="store_true", help="with the HTTP port open and idle")
    parser.add_argument("--trace", type=float, help="the share of calls that are traced; without it tracing is off")
    parser.add_argument("--receiver", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.drive:
        load, data = options.drive
        traces = options.receiver, options.trace or 0.0
        driven = drive(load, options.calls, options.group, Path(data), has_http=options.http, traces=traces)
        uvloop.run(driven)
        return
    for name in ("find", "log known", "log unknown"):
        for group in (options.group,) if options.group else (1, 8):
            if name.startswith(options.only):
                figure = count(name, calls=options.calls, group=group, has_http=options.http, traced=options.trace)
                sys.stdout.write(f"{name:12} groups of {group}: {figure:>10,.0f} instructions a call\n")


if __name__ == "__main__":
    main()
