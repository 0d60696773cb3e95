"""Counts the instructions that credentials and traces cost a lookup, by callgrind, also as a share of the lookup.

    python -m bench.costs                  the endpoints, called in this process
    python -m bench.costs --whole          whole calls: gRPC's server and the event loop, too
    python -m bench.costs --rounds 5 --calls 400

All ways to call are in one process, by turns. Each is called in a block of N calls and in one of 2N; a call's
count is the difference divided by N, so that the costs of a block's begin and end are not in it. Between blocks the
process does nothing. Only the thread of the event loop counts, but for traces and whole calls: those need others.
"""

import argparse
import asyncio
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import grpc
import uvloop
from support.otlp_receiver import otlp_receiver

from bench import workload
from bench.cost_driver import (
    ALL,
    DEFAULT,
    HEADER,
    JWT,
    KEY,
    NONE,
    PLAIN_WAY,
    UNTRACED,
    drive_endpoints,
    drive_servers,
    lookups,
)
from bench.endpoints import CONTACTS
from bench.instructions import fixed_addresses

WAYS: Final = (UNTRACED, PLAIN_WAY, HEADER, KEY, JWT, NONE, DEFAULT, ALL)
_IDLE_SECONDS: Final = 10
BASES: Final[Mapping[str, str]] = {PLAIN_WAY: UNTRACED}
"""The way that another is compared with. All others are compared with PLAIN_WAY."""


class Counted:
    """A process under callgrind."""

    def __init__(self, process: "subprocess.Popen[str]", folder: Path) -> None:
        self._process = process
        self._folder = folder

    def send(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def hear(self, word: str) -> str:
        """Wait for a line that begins so. Lines of leadline's log are passed over."""
        for line in self._process.stdout or ():
            if line.startswith(word):
                return line
        raise AssertionError(f"The driver did not say {word!r}: {(self._folder / 'log').read_text()[-2000:]}")

    def control(self, *options: str) -> None:
        """Ask callgrind for something."""
        command = ["callgrind_control", *options, str(self._process.pid)]
        subprocess.run(command, check=True, capture_output=True, timeout=300)

    def taken(self, *, all_threads: bool) -> int:
        """The instructions since the last count."""
        self.control("--dump")
        total = 0
        for path in sorted(self._folder.glob("callgrind.out*")):
            text = path.read_text()
            if all_threads or re.search(r"^thread: 1$", text, re.MULTILINE):
                total += sum(map(int, re.findall(r"^(?:totals|summary): (\d+)", text, re.MULTILINE)[-1:]))
            path.unlink()
        return total


@contextmanager
def counted(drive: str) -> Iterator[Counted]:
    """The driver under callgrind, over a contact book of CONTACTS.

    Raises:
        RuntimeError: valgrind is not installed.
    """
    if shutil.which("valgrind") is None:
        raise RuntimeError("valgrind is not installed: instructions cannot be counted.")
    with tempfile.TemporaryDirectory() as name, otlp_receiver() as receiver:
        folder = Path(name)
        data, csv = folder / "data", folder / "contacts.csv"
        workload.write_contacts(csv, CONTACTS)
        importing = ["-m", "leadline_server.cli", "contacts", "import", str(csv), "--data-dir", str(data)]
        subprocess.run([sys.executable, *importing], check=True, stdout=subprocess.DEVNULL)
        tool = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--separate-threads=yes"]
        driven = [sys.executable, "-m", "bench.costs", "--drive", drive, str(data), receiver.address]
        with subprocess.Popen(
            [*fixed_addresses(), *tool, f"--callgrind-out-file={folder}/callgrind.out", *driven],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(folder / "log").open("w"),
            text=True,
            env={**os.environ, "PYTHONHASHSEED": "0"},
        ) as process:
            try:
                yield Counted(process, folder)
            finally:
                process.kill()


def count_endpoints(calls: int, rounds: int, ways: Sequence[str]) -> dict[str, list[float]]:
    """Instructions per call of each way's endpoint, one figure a round."""
    with counted("endpoints") as process:
        process.hear("warm")
        process.control("-i", "on")

        def block(name: str, number: int) -> int:
            process.send(f"{number} {name}")
            process.hear("ready")
            process.control("--zero")
            process.send("")
            process.hear("done")
            return process.taken(all_threads=name in (DEFAULT, ALL))

        block(PLAIN_WAY, calls)
        return by_turns(block, calls, rounds, ways)


def count_whole_calls(calls: int, rounds: int, ways: Sequence[str]) -> dict[str, list[float]]:
    """Instructions per call of a server's process, one call at a time, less those of an idle process."""
    with counted("servers") as process:
        addresses = json.loads(process.hear("{"))
        clients = {name: Client(*addresses[name]) for name in ways}
        for name in ways:
            process.send(name)
            process.hear("ready")
            clients[name].call(200)
        process.control("-i", "on")
        clients[PLAIN_WAY].call(calls)

        def block(name: str, number: int) -> float:
            process.send(name)
            process.hear("ready")
            process.control("--zero")
            began = time.monotonic()
            clients[name].call(number)
            seconds = time.monotonic() - began
            return process.taken(all_threads=True) - idle * seconds

        idle = 0.0
        process.control("--zero")
        began = time.monotonic()
        time.sleep(_IDLE_SECONDS)  # nothing to wait for: an idle process is what is counted
        idle = process.taken(all_threads=True) / (time.monotonic() - began)
        sys.stderr.write(f"idle: {idle:,.0f} instructions a second\n")
        return by_turns(block, calls, rounds, ways)


class Client:
    """Calls a way's server."""

    def __init__(self, port: int, header: str) -> None:
        channel = grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.use_local_subchannel_pool", 1)])
        self._call: Any = channel.unary_unary(workload.FIND)
        self._metadata = (("authorization", header),) if header else ()

    def call(self, number: int) -> None:
        """Look numbers up, one after the other. Raises AssertionError for a wrong answer."""
        answers = [self._call(request, metadata=self._metadata, timeout=60.0) for request in lookups(number)]
        assert workload.found(answers) == number


def by_turns(
    block: Callable[[str, int], float], calls: int, rounds: int, ways: Sequence[str]
) -> dict[str, list[float]]:
    """Instructions per call of each way, one figure a round: what twice as many calls take more."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name in ways:
            once, twice = block(name, calls), block(name, 2 * calls)
            found[name].append((twice - once) / calls)
            show(name, found[name])
    return found


def show(name: str, figures: Sequence[float]) -> None:
    """Say on standard error how far it is."""
    sys.stderr.write(f"{name}: {', '.join(f'{figure:,.0f}' for figure in figures)}\n")
    sys.stderr.flush()


def table(found: Mapping[str, Sequence[float]]) -> str:
    """A row a way: its median, what it costs more than its base, and how much its rounds differ."""
    rows = ["| way | instructions a call | least | most | more | share |", "|---|---|---|---|---|---|"]
    medians = {name: statistics.median(figures) for name, figures in found.items()}
    for name, figures in found.items():
        base = medians.get(BASES.get(name, PLAIN_WAY), medians[name])
        more = medians[name] - base
        share = "" if name == UNTRACED else f"{more / base:+.2%}"
        rows.append(
            f"| {name} | {medians[name]:,.0f} | {min(figures):,.0f} | {max(figures):,.0f} | {more:+,.0f} | {share} |"
        )
    return "\n".join(rows)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.costs")
    parser.add_argument("--calls", type=int, default=200, help="N; a multiple of 100")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--whole", action="store_true", help="whole calls over gRPC, and not the endpoints alone")
    ways = f"some of: {'; '.join(WAYS)}. Whole calls need {PLAIN_WAY!r} among them."
    parser.add_argument("--only", nargs="*", default=list(WAYS), choices=WAYS, metavar="WAY", help=ways)
    parser.add_argument("--drive", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.drive:
        kind, data, receiver = options.drive
        drive = drive_servers if kind == "servers" else drive_endpoints
        (uvloop.run if kind == "servers" else asyncio.run)(drive(Path(data), receiver))
        return
    count = count_whole_calls if options.whole else count_endpoints
    sys.stdout.write(table(count(options.calls, options.rounds, options.only)) + "\n")


if __name__ == "__main__":
    main()
