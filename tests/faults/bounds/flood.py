"""Processes that call a server: python -m faults.bounds.flood flood|lookups|victim ADDRESS SECONDS [COUNT].

`flood` keeps so many `LogCall` requests of the account `demo` in flight, over CONNECTIONS connections, and sends the
next one as soon as one is answered. `lookups` looks a number of the account `hostile` up, 20 times a second at most by
each of so many callers. `victim` looks up one number of the account `victim`, a hundred times a second at most. Each
prints a JSON object.
"""

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any, Final

import grpc
from bench import workload
from fakes.process import TESTS
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped] # no py.typed
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped] # no py.typed
from leadline.v1 import contact_service_pb2 as pb

CONNECTIONS: Final = 8
CALL_SECONDS: Final = 20.0
CONTACTS: Final = 500
CORES: Final = sorted(os.sched_getaffinity(0))
YIELDS: Final = ("nice", "-n", "19")
"""Before the command of a process that shares a core with the one whose seconds are measured."""
_OPTIONS: Final = [("grpc.use_local_subchannel_pool", 1)]


async def flood(address: str, seconds: float, in_flight: int) -> dict[str, Any]:
    """How the calls ended, by status code, and how many refusals said when to come back."""
    codes, told, end = Counter[str](), 0, monotonic() + seconds
    channels = [grpc.aio.insecure_channel(address, options=_OPTIONS) for _ in range(CONNECTIONS)]

    async def one(number: int) -> None:
        nonlocal told
        call: Any = channels[number % CONNECTIONS].unary_unary(workload.LOG)
        count = 0
        while monotonic() < end:
            count += 1
            [request] = workload.log_requests(f"{os.getpid()}-{number}-{count}", "user", [_number(number + count)])
            try:
                await call(request, timeout=CALL_SECONDS)
                codes["OK"] += 1
            except grpc.aio.AioRpcError as error:
                codes[error.code().name] += 1
                told += _says_when(error)

    await asyncio.gather(*map(one, range(in_flight)))
    return {"ended": dict(codes), "told": told}


def _number(index: int) -> str:
    return workload.known_number(index % CONTACTS)


def _says_when(error: grpc.aio.AioRpcError) -> bool:
    trailing = {str(key): value for key, value in error.trailing_metadata() or ()}
    details = Status.FromString(trailing.get("grpc-status-details-bin", b"")).details
    return any(detail.Is(RetryInfo.DESCRIPTOR) for detail in details)


async def lookups(address: str, seconds: float, callers: int) -> dict[str, Any]:
    """How the lookups ended, by status code."""
    codes, end = Counter[str](), monotonic() + seconds
    request = pb.FindContactRequest(account_id="hostile", phone_numbers=["+12025550147"], skip_cache=True)
    async with grpc.aio.insecure_channel(address, options=_OPTIONS) as channel:
        call: Any = channel.unary_unary(workload.FIND)

        async def one() -> None:
            while monotonic() < end:
                try:
                    await call(request.SerializeToString(), timeout=CALL_SECONDS)
                    codes["OK"] += 1
                except grpc.aio.AioRpcError as error:
                    codes[error.code().name] += 1
                await asyncio.sleep(0.05)

        await asyncio.gather(*(one() for _ in range(callers)))
    return {"ended": dict(codes)}


async def victim(address: str, seconds: float) -> dict[str, Any]:
    """The 99th percentile of the lookups' seconds, how many there were, and how many failed."""
    request = pb.FindContactRequest(account_id="victim", phone_numbers=[workload.known_number(3)]).SerializeToString()
    took, failed, end = list[float](), 0, monotonic() + seconds
    async with grpc.aio.insecure_channel(address, options=_OPTIONS) as channel:
        call: Any = channel.unary_unary(workload.FIND)
        while monotonic() < end:
            began = monotonic()
            try:
                await call(request, timeout=CALL_SECONDS)
            except grpc.aio.AioRpcError:
                failed += 1
            took.append(monotonic() - began)
            await asyncio.sleep(0.01)
    return {"p99": sorted(took)[int(len(took) * 0.99)], "lookups": len(took), "failed": failed}


async def _main(kind: str, address: str, seconds: float, count: int) -> dict[str, Any]:
    if kind == "victim":
        return await victim(address, seconds)
    return await {"flood": flood, "lookups": lookups}[kind](address, seconds, count)


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Processes that are started in the body run on one core."""
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, CORES)


async def started(*arguments: str, before: Sequence[str] = ()) -> asyncio.subprocess.Process:
    """Such a process. `before` comes before its command."""
    command = (*before, sys.executable, "-m", "faults.bounds.flood", *arguments)
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    return await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.PIPE)


async def ended(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """The figures that it prints at its end."""
    printed, _ = await process.communicate()
    return dict(json.loads(printed))


if __name__ == "__main__":
    answer = asyncio.run(_main(sys.argv[1], sys.argv[2], float(sys.argv[3]), int((*sys.argv[4:], "0")[0])))
    sys.stdout.write(json.dumps(answer))
