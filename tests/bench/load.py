"""A load process: sends requests made beforehand, and reports what came back.

Arguments: address, method, file of requests, in flight, file for the responses (or -), a rate in calls a second (0:
each of those in flight is followed by the next at once), the file of a CA for TLS (or -). Prints a line of JSON.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import grpc

from bench.messages import read_messages, write_messages


def channel_to(address: str, authority: str) -> grpc.aio.Channel:
    """A channel, with TLS if there is the file of a CA."""
    if authority == "-":
        return grpc.aio.insecure_channel(address)
    return grpc.aio.secure_channel(address, grpc.ssl_channel_credentials(Path(authority).read_bytes()))


async def main(
    address: str, authority: str, method: str, requests: list[bytes], in_flight: int, rate: float
) -> list[bytes]:
    """Send them all, print how it went, and return the answers."""
    pending: Iterator[tuple[int, bytes]] = iter(enumerate(requests))
    latencies: list[float] = []
    answers: list[bytes] = []
    async with channel_to(address, authority) as channel:
        await asyncio.wait_for(channel.channel_ready(), 10)
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)

        async def worker() -> None:
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
        "p999": latencies[len(latencies) * 999 // 1000],
    }
    sys.stdout.write(json.dumps(result) + "\n")
    return answers


if __name__ == "__main__":
    wanted = read_messages(Path(sys.argv[3]))
    got = asyncio.run(main(sys.argv[1], sys.argv[7], sys.argv[2], wanted, int(sys.argv[4]), float(sys.argv[6])))
    if sys.argv[5] != "-":
        write_messages(Path(sys.argv[5]), got)
