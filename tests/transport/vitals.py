"""Measures a server process: open files, memory, and RPCs in progress."""

import asyncio
import re
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

import grpc
from leadline.v1 import contact_service_pb2 as pb
from leadline.v1.contact_service_pb2_grpc import ContactServiceStub
from support.servers import ServerProcess

SPARE_FILES: Final = 4  # of SQLite and of gRPC's pollers, which open some when they first need them
_ANSWER_SECONDS: Final = 2.0  # on a machine that has other work, too
_in_flight = re.compile(r'^leadline_rpcs_in_flight\{rpc="(\w+)"\} (\S+)$', re.MULTILINE).findall


def open_files(server: ServerProcess) -> int:
    """How many file descriptors it has, sockets included."""
    return len(list(Path(f"/proc/{server.pid}/fd").iterdir()))


def memory(server: ServerProcess) -> int:
    """Its resident memory, in MiB."""
    return _kibibytes(server, "VmRSS") // 1024


def peak_memory(server: ServerProcess) -> int:
    """The most resident memory that it ever had, in MiB."""
    return _kibibytes(server, "VmHWM") // 1024


def _kibibytes(server: ServerProcess, name: str) -> int:
    [value] = re.findall(rf"^{name}:\s+(\d+) kB$", Path(f"/proc/{server.pid}/status").read_text(), re.MULTILINE)
    return int(value)


def in_flight(server: ServerProcess) -> dict[str, int]:
    """The RPCs that it is answering now, by name."""
    with urllib.request.urlopen(f"http://{server.metrics_address}/metrics", timeout=10) as response:
        text: str = response.read().decode()
    return {rpc: int(float(count)) for rpc, count in _in_flight(text) if float(count)}


async def holds(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait, beside whatever else runs here, until the condition holds."""
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.01)


async def assert_answers(server: ServerProcess) -> None:
    """A lookup on a new connection is answered soon."""
    async with grpc.aio.insecure_channel(server.address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        request = pb.FindContactRequest(account_id="demo", phone_numbers=["+12025550147"])
        began = monotonic()
        await ContactServiceStub(channel).FindContact(request, timeout=5)
        assert monotonic() - began < _ANSWER_SECONDS


@dataclass
class Growth:
    """By how many MiB a server's memory may grow, with what gRPC itself loses in the body."""

    allowed: float


@asynccontextmanager
async def nothing_left(server: ServerProcess, *, growth: int) -> AsyncIterator[Growth]:
    """After the body the server answers, and has let go of what the body made it hold.

    `growth` is by how many MiB its memory may grow: allocators keep some of what was freed.
    """
    limit = Growth(growth)
    await assert_answers(server)
    files, before = open_files(server), memory(server)
    yield limit
    await holds(lambda: not in_flight(server))
    await holds(lambda: open_files(server) <= files + SPARE_FILES)
    await assert_answers(server)
    assert memory(server) - before < limit.allowed
    for sign in ("Traceback", "rpc_failed", "never retrieved"):
        assert sign not in server.stderr, server.stderr[-3000:]
