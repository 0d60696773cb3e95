"""Measures of a server for the tests of bounds."""

import asyncio
import time
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from faults.bounds.hostile import NUMBER, VICTIM_NUMBER, Stage
from leadline import errors
from leadline.v1.call_log_pb2 import (
    CallLog,
)
from leadline.v1.call_pb2 import CALL_DIRECTION_INBOUND, Call, Party

MIB: Final = 1024 * 1024


def a_call(call_id: str, **fields: object) -> Call:
    return Call(
        id=call_id,
        direction=CALL_DIRECTION_INBOUND,
        caller=Party(phone_number=NUMBER),
        **fields,  # type: ignore[arg-type] # whatever a call has
    )


def metrics(stage: Stage, *names: str) -> list[float]:
    """The values on the lines of /metrics that begin so, all of one page: to make a page takes the server some 8 ms."""
    with urllib.request.urlopen(f"http://{stage.server.metrics_address}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    found = [[line for line in lines if line.startswith(name)] for name in names]
    return [float(line.rpartition(" ")[2]) for [line] in found]


def memory(stage: Stage) -> int:
    """The resident memory of the server, in bytes."""
    lines = Path(f"/proc/{stage.server.pid}/status").read_text().splitlines()
    [line] = [line for line in lines if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024


async def settled(stage: Stage, call_id: str, is_settled: Callable[[CallLog], bool]) -> CallLog:
    async with asyncio.timeout(60):
        while not is_settled(log := await stage.hostile.get_call_log(call_id)):
            await asyncio.sleep(0.02)
    return log


async def victims_seconds(stage: Stage, work: Awaitable[object]) -> list[float]:
    """How long lookups of the other account take until `work` is done. None may fail."""
    seconds, task = list[float](), asyncio.ensure_future(work)
    while not task.done() or len(seconds) < 20:
        began = time.perf_counter()
        await stage.victim.find_contact(VICTIM_NUMBER, skip_cache=True)
        seconds.append(time.perf_counter() - began)
        await asyncio.sleep(0.005)
    await task
    return sorted(seconds)


async def looks_up(stage: Stage, times: int) -> int:
    """Look the number up again and again; returns how often the answer was "cannot tell"."""
    failed = 0
    for _ in range(times):
        try:
            await stage.hostile.find_contact(NUMBER, skip_cache=True)
        except errors.Unavailable:
            failed += 1
    return failed
