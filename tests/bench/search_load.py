"""A load process: searches a fake CRM over HTTP without leadline between, and reports what came back.

Arguments: a file of JSON with the address, the headers and the requests' bodies, how many in flight, and the rate as
`bench.load` has it. Prints a line of JSON, as `bench.load` does.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp


async def main(address: str, headers: dict[str, str], bodies: list[str], in_flight: int, rate: float) -> dict[str, Any]:
    """Send them all; how it went."""
    pending: Iterator[tuple[int, str]] = iter(enumerate(bodies))
    latencies: list[float] = []
    found = 0
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=headers) as session:

        async def worker() -> None:
            nonlocal found
            for index, body in pending:
                due = began + index / rate if rate else 0.0
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                started = min(time.perf_counter(), due) if rate else time.perf_counter()
                async with session.post(address, data=body) as response:
                    found += b'"total": 1,' in await response.read()
                latencies.append(time.perf_counter() - started)

        began = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(in_flight)))
        seconds = time.perf_counter() - began
    if found != len(bodies):
        raise AssertionError(f"{found} right answers to {len(bodies)} searches")
    latencies.sort()
    middle, late = latencies[len(latencies) // 2], latencies[len(latencies) * 99 // 100]
    return {"calls": len(latencies), "seconds": seconds, "p50": middle, "p99": late}


if __name__ == "__main__":
    told = json.loads(Path(sys.argv[1]).read_text())
    result = asyncio.run(main(told["address"], told["headers"], told["bodies"], int(sys.argv[2]), float(sys.argv[3])))
    sys.stdout.write(json.dumps(result) + "\n")
