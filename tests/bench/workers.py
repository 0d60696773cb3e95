"""`PYTHONPATH=tests python -m bench.workers`: a server with one worker and one with two, under the same loads by turns.

Both run all the time, so that a slow minute of the machine affects both. The ratio of CPU is taken pair by pair.
"""

import argparse
import asyncio
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Final

import grpc
from support.postgres import postgres_server

from bench import workload
from bench.messages import read_messages, write_messages
from bench.postgres import filled_database
from bench.processes import Result, Server, leadline_server
from bench.scenarios import median_and_spread

CONTACTS: Final = 10_000
CONNECTIONS: Final = 16
IN_FLIGHT: Final = 32
NUMBERS: Final = (1, 2)

LOADS: Final = {"find": workload.FIND, "log": workload.LOG}

_HEAD: Final = """| load | workers | calls/s | p50 ms | p99 ms | server CPU us | to one worker's |
|---|---|---|---|---|---|---|"""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.workers")
    parser.add_argument("--runs", type=int, default=5, help="of each load")
    parser.add_argument("--calls", type=int, default=4_000, help="of a run")
    parser.add_argument("--postgres", action="store_true", help="with the ledger in a PostgreSQL of its own")
    parser.add_argument("--only", choices=tuple(LOADS), help="one of the loads")
    parser.add_argument("--folder", type=Path, help="where the data is, such as /dev/shm")
    options = parser.parse_args()
    methods = [LOADS[options.only]] if options.only else list(LOADS.values())
    sys.stdout.write(_HEAD + "\n")
    with tempfile.TemporaryDirectory(dir=options.folder) as name, ExitStack() as stack:
        folder = Path(name)
        postgres = stack.enter_context(postgres_server()) if options.postgres else None
        template = None if postgres else _data(folder)
        servers: dict[int, Server] = {}
        for number in NUMBERS:
            data, ledger = folder / f"data-{number}", filled_database(postgres, folder) if postgres else ""
            if template:
                shutil.copytree(template, data)
            environment = {"LEADLINE_WORKERS": str(number), "LEADLINE_LEDGER": ledger}
            servers[number] = stack.enter_context(leadline_server(data, environment))
        for method in methods:
            for line in _measured(servers, method, folder, options.runs, options.calls):
                sys.stdout.write(line + "\n")
                sys.stdout.flush()


def _data(folder: Path) -> Path:
    csv, data = folder / "contacts.csv", folder / "data"
    workload.write_contacts(csv, CONTACTS)
    command = [sys.executable, "-m", "leadline_server.cli", "contacts", "import", str(csv), "--data-dir", str(data)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return data


def _measured(servers: Mapping[int, Server], method: str, folder: Path, runs: int, calls: int) -> Iterator[str]:
    """The table's rows for a load. The first turn warms up."""
    turns = [
        {number: _run(server, method, folder, f"{number}-{run}", calls) for number, server in servers.items()}
        for run in range(runs + 1)
    ][1:]
    for number in servers:
        results = [turn[number] for turn in turns]
        rate, least, most = median_and_spread([result.rate for result in results])
        p50, p99, cpu = (median_and_spread(values)[0] for values in zip(*map(_figures, results), strict=True))
        ratio, low, high = median_and_spread([turn[number].cpu_per_call / turn[1].cpu_per_call for turn in turns])
        yield (
            f"| {method.rpartition('/')[2]} | {number} | {rate:,.0f} ({least:,.0f}-{most:,.0f}) | {p50 * 1e3:.1f} |"
            f" {p99 * 1e3:.1f} | {cpu * 1e6:.0f} | {ratio:.2f} ({low:.2f}-{high:.2f}) |"
        )


def _figures(result: Result) -> tuple[float, float, float]:
    return result.p50, result.p99, result.cpu_per_call


def _run(server: Server, method: str, folder: Path, name: str, calls: int) -> Result:
    known = [random.Random(f"{name}{index}").randrange(CONTACTS) for index in range(calls)]
    requests = (
        workload.find_requests(known)
        if method == workload.FIND
        else workload.log_requests(name, "user", [workload.known_number(index) for index in known])
    )
    file = folder / "requests"
    write_messages(file, requests)
    before = _cpu_seconds(server)
    command = [sys.executable, "-m", "bench.workers", server.address, method, str(file)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=600)
    return Result(**json.loads(done.stdout), cpu=_cpu_seconds(server) - before)


def _cpu_seconds(server: Server) -> float:
    """Of the server and its workers."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    return sum(Server("", pid).cpu_seconds() for pid in (server.pid, *map(int, children)))


async def _load(address: str, method: str, requests: Sequence[bytes]) -> dict[str, float]:
    """Send all requests over several connections, IN_FLIGHT at once."""
    pending, latencies = iter(requests), list[float]()
    async with AsyncExitStack() as stack:
        options = (("grpc.use_local_subchannel_pool", 1),)
        channels = [grpc.aio.insecure_channel(address, options=options) for _ in range(CONNECTIONS)]
        for channel in channels:
            await stack.enter_async_context(channel)
            await asyncio.wait_for(channel.channel_ready(), 10)

        async def send(channel: grpc.aio.Channel) -> None:
            call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
            for request in pending:
                sent = time.perf_counter()
                await call(request, timeout=60)
                latencies.append(time.perf_counter() - sent)

        began = time.perf_counter()
        await asyncio.gather(*(send(channels[index % CONNECTIONS]) for index in range(IN_FLIGHT)))
        seconds = time.perf_counter() - began
    latencies.sort()
    count = len(latencies)
    return {"calls": count, "seconds": seconds, "p50": latencies[count // 2], "p99": latencies[count * 99 // 100]}


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[2].startswith("/"):
        sys.stdout.write(json.dumps(asyncio.run(_load(sys.argv[1], sys.argv[2], read_messages(Path(sys.argv[3]))))))
    else:
        main()
