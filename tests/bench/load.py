"""A load process: sends requests made beforehand, a fixed number in flight, and reports what came back.

Arguments: address, method, file of requests, in flight, file for the responses (or -). Prints a line of JSON.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import grpc

from bench.messages import read_messages, write_messages


async def main(address: str, method: str, requests: Path, in_flight: int, responses: str) -> None:
    """Send them all, and print how it went."""
    pending: Iterator[bytes] = iter(read_messages(requests))
    latencies: list[float] = []
    answers: list[bytes] = []
    async with grpc.aio.insecure_channel(address) as channel:
        await asyncio.wait_for(channel.channel_ready(), 10)
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)

        async def worker() -> None:
            for request in pending:
                started = time.perf_counter()
                answers.append(await call(request, timeout=30))
                latencies.append(time.perf_counter() - started)

        started = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(in_flight)))
        seconds = time.perf_counter() - started
    if responses != "-":
        write_messages(Path(responses), answers)
    latencies.sort()
    result = {
        "calls": len(latencies),
        "seconds": seconds,
        "p50": latencies[len(latencies) // 2],
        "p99": latencies[len(latencies) * 99 // 100],
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), sys.argv[5]))
