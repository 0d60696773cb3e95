"""A load process: sends requests made beforehand, and reports what came back.

Arguments: address, method, file of requests, in flight, file for the responses (or -), and optionally a rate in calls
a second (0 or none: each of those in flight is followed by the next at once), and connections, 1 by default. Prints a
line of JSON.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from itertools import cycle
from pathlib import Path

import grpc

from bench.messages import read_messages, write_messages


async def main(
    address: str, method: str, requests: list[bytes], in_flight: int, rate: float, connections: int
) -> list[bytes]:
    """Send them all, print how it went, and return the answers."""
    pending: Iterator[tuple[int, bytes]] = iter(enumerate(requests))
    latencies: list[float] = []
    answers: list[bytes] = []
    async with AsyncExitStack() as stack:
        calls = cycle([await _call(stack, address, method) for _ in range(connections)])

        async def worker() -> None:
            call = next(calls)
            for index, request in pending:
                due = began + index / rate if rate else 0.0
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                # Behind its time a call has waited already: that counts.
                started = min(time.perf_counter(), due) if rate else time.perf_counter()
                answers.append(await call(request, timeout=30))
                latencies.append(time.perf_counter() - started)

        began = started = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(in_flight)))
        seconds = time.perf_counter() - started
    latencies.sort()
    result = {
        "calls": len(latencies),
        "seconds": seconds,
        "p50": latencies[len(latencies) // 2],
        "p99": latencies[len(latencies) * 99 // 100],
    }
    sys.stdout.write(json.dumps(result) + "\n")
    return answers


async def _call(stack: AsyncExitStack, address: str, method: str) -> "grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]":
    """The method on a connection of its own."""
    channel = grpc.aio.insecure_channel(address, options=(("grpc.use_local_subchannel_pool", 1),))
    await stack.enter_async_context(channel)
    await asyncio.wait_for(channel.channel_ready(), 10)
    return channel.unary_unary(method)


if __name__ == "__main__":
    wanted = read_messages(Path(sys.argv[3]))
    given_rate, given_connections = (*sys.argv[6:], *("0", "1")[len(sys.argv) - 6 :])
    load = main(sys.argv[1], sys.argv[2], wanted, int(sys.argv[4]), float(given_rate), int(given_connections))
    got = asyncio.run(load)
    if sys.argv[5] != "-":
        write_messages(Path(sys.argv[5]), got)
