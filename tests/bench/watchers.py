"""A process of watchers: opens streams on one account, and counts the calls that each of them sees.

Arguments: address, watchers, calls to be seen by each, call logs a message (0: one). Prints `ready` once all watch, and
a line of JSON at the end.
"""

import asyncio
import json
import sys
import time
from functools import lru_cache

import grpc
from leadline.v1 import call_log_service_pb2 as pb

from bench.workload import ACCOUNT

_PER_CHANNEL = 100
_METHOD = "/leadline.v1.CallLogService/WatchCallLogs"


@lru_cache(maxsize=256)
def _calls_told(message: bytes) -> frozenset[str]:
    """The calls in a message. Many watchers get the very same one; to read it for each would be the load's own cost."""
    told = pb.WatchCallLogsResponse.FromString(message)
    one = [told.call_log] if told.HasField("call_log") else []
    return frozenset(log.call.id for log in (*told.call_logs, *one))


async def main(address: str, watchers: int, calls: int, at_once: int) -> None:
    """Watch until every watcher has seen every call, or for two minutes."""
    request = pb.WatchCallLogsRequest(account_id=ACCOUNT, max_call_logs=at_once).SerializeToString()
    channels = [
        grpc.aio.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])
        for _ in range(-(-watchers // _PER_CHANNEL))
    ]
    seen: list[set[str]] = [set() for _ in range(watchers)]
    watching = asyncio.Semaphore(0)

    async def watch(index: int) -> None:
        stream: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channels[index // _PER_CHANNEL].unary_stream(_METHOD)
        async for message in stream(request):
            calls_told = _calls_told(message)
            seen[index] |= calls_told
            if not calls_told:
                watching.release()
            if len(seen[index]) == calls:
                return

    tasks = [asyncio.create_task(watch(index)) for index in range(watchers)]
    for _ in range(watchers):
        await watching.acquire()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.wait(tasks, timeout=120)
    complete = sum(len(each) == calls for each in seen)
    result = {"complete": complete, "ended": time.time(), "fewest": min(map(len, seen))}
    sys.stdout.write(json.dumps(result) + "\n")
    for task in tasks:
        task.cancel()
    for channel in channels:
        await channel.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:])))
