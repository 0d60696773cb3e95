"""A load process like `load.py` that sends its requests as JSON over HTTP.

Arguments and output are those of `load.py` without the rate; requests and answers in the files are protobuf bytes.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
from google.protobuf.json_format import MessageToJson, Parse
from leadline.v1.contact_service_pb2 import FindContactRequest, FindContactResponse

from bench.messages import read_messages, write_messages


async def main(address: str, method: str, requests: list[bytes], in_flight: int) -> list[bytes]:
    """Send them all, print how it went, and return the answers."""
    pending: Iterator[bytes] = iter([_json(request) for request in requests])
    latencies: list[float] = []
    answers: list[bytes] = []
    connector = aiohttp.TCPConnector(limit=in_flight)
    headers = {"Content-Type": "application/json"}
    async with aiohttp.ClientSession(f"http://{address}", connector=connector, headers=headers) as session:

        async def worker() -> None:
            for request in pending:
                started = time.perf_counter()
                async with session.post(method, data=request) as answer:
                    body = await answer.read()
                    answer.raise_for_status()
                latencies.append(time.perf_counter() - started)
                answers.append(body)

        began = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(in_flight)))
        seconds = time.perf_counter() - began
    latencies.sort()
    result = {
        "calls": len(latencies),
        "seconds": seconds,
        "p50": latencies[len(latencies) // 2],
        "p99": latencies[len(latencies) * 99 // 100],
    }
    sys.stdout.write(json.dumps(result) + "\n")
    return [Parse(answer, FindContactResponse()).SerializeToString() for answer in answers]


def _json(request: bytes) -> bytes:
    message = FindContactRequest.FromString(request)
    return MessageToJson(message, preserving_proto_field_name=True, indent=None).encode()


if __name__ == "__main__":
    got = asyncio.run(main(sys.argv[1], sys.argv[2], read_messages(Path(sys.argv[3])), int(sys.argv[4])))
    if sys.argv[5] != "-":
        write_messages(Path(sys.argv[5]), got)
