"""The measurements: leadline and the echo by turns, under the same load."""

import json
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from leadline import Client
from leadline.v1 import call_log_pb2, preferences_pb2

from bench import workload
from bench.messages import read_messages, write_messages
from bench.processes import Result, Server, echo_server, leadline_server, load, loads, watchers


@dataclass(frozen=True)
class Paired:
    """Several runs of one load against both servers, by turns."""

    name: str
    in_flight: int
    leadline: Sequence[Result]
    echo: Sequence[Result]

    def ratios(self, figure: Callable[[Result], float]) -> list[float]:
        """Leadline's figure divided by the echo's, pair by pair."""
        return [figure(ours) / figure(bare) for ours, bare in zip(self.leadline, self.echo, strict=True)]

    @property
    def cpu_ratios(self) -> list[float]:
        """The echo's server CPU per call divided by leadline's, pair by pair: 1 would be a bare echo."""
        return [1 / ratio for ratio in self.ratios(lambda result: result.cpu_per_call)]


@dataclass(frozen=True)
class Scaled:
    """The same lookups in a small and in a large contact book, and the memory that the server of the latter takes."""

    in_flight: int
    few: Sequence[Result]
    many: Sequence[Result]
    resident_bytes: int

    def ratios(self, figure: Callable[[Result], float]) -> list[float]:
        """A million's figure divided by a thousand's, pair by pair."""
        return [figure(large) / figure(small) for large, small in zip(self.many, self.few, strict=True)]


@dataclass(frozen=True)
class Watched:
    """Calls logged at a rate, alone and beside watchers, by turns.

    At least `complete` of these saw all, the last of them `late` seconds after the last call was logged.
    """

    watchers: int
    at_once: int
    calls: int
    rate: float
    alone: Sequence[Result]
    beside: Sequence[Result]
    complete: int
    late: float

    @property
    def slower(self) -> list[float]:
        """LogCall's p99 beside the watchers divided by that without any, pair by pair."""
        return [beside.p99 / alone.p99 for alone, beside in zip(self.alone, self.beside, strict=True)]


class Bench:
    """Runs the scenarios in a folder of its own."""

    def __init__(self, folder: Path, *, runs: int, calls: int) -> None:
        self.runs = runs
        self._folder = folder
        self._calls = calls
        self._random = random.Random(7)

    def find(self, in_flight: int) -> Paired:
        """FindContact: numbers that were not asked for before, each in one contact."""
        contacts = 10_000
        indexes = self._random.sample(range(contacts), min(contacts, self._calls * self.runs))
        runs = [(indexes * self.runs)[run * self._calls : (run + 1) * self._calls] for run in range(self.runs)]
        requests = [workload.find_requests(run) for run in runs]
        name = f"FindContact, {contacts:,} contacts"
        with self._leadline(contacts) as server:
            return self._pair(name, server, workload.FIND, requests, in_flight, workload.found)

    def scale(self, in_flight: int) -> Scaled:
        """FindContact with a million contacts and with a thousand, by turns; a thousand numbers on both sides."""
        requests = self._folder / "requests"
        results: dict[int, list[Result]] = {1_000: [], 1_000_000: []}
        with self._leadline(1_000) as few, self._leadline(1_000_000) as many:
            servers = {1_000: few, 1_000_000: many}
            for _ in range(self.runs + 1):
                for contacts, server in servers.items():
                    asked = self._random.sample(range(contacts), 1_000)
                    write_messages(requests, workload.find_requests([asked[i % 1_000] for i in range(self._calls)]))
                    results[contacts].append(load(server, workload.FIND, requests, in_flight))
            memory = many.resident_bytes()
        return Scaled(in_flight, results[1_000][1:], results[1_000_000][1:], memory)

    def watched(self, watching: int, at_once: int, rate: float, seconds: float, pairs: int) -> Watched:
        """LogCall at a rate, without watchers and with many. A watcher takes `at_once` logs a message (0: one)."""
        calls = int(rate * seconds)
        requests = self._folder / "requests"
        alone: list[Result] = []
        beside: list[Result] = []
        seen: list[tuple[int, float]] = []
        with self._leadline(10_000) as server:
            write_messages(requests, self._known_calls("warm-up", calls))
            load(server, workload.LOG, requests, 64, rate=rate)
            for pair in range(pairs):
                write_messages(requests, self._known_calls(f"alone-{pair}", calls))
                alone.append(load(server, workload.LOG, requests, 64, rate=rate))
                write_messages(requests, self._known_calls(f"watched-{pair}", calls))
                with watchers(server, watching, calls, at_once) as process:
                    beside.append(load(server, workload.LOG, requests, 64, rate=rate))
                    logged = time.time()
                    output, _ = process.communicate(timeout=180)
                told = json.loads(output)
                seen.append((told["complete"], told["ended"] - logged))
        complete, late = min(count for count, _ in seen), max(seconds for _, seconds in seen)
        return Watched(watching, at_once, calls, rate, alone, beside, complete, late)

    def by_workers(self, numbers: Sequence[int]) -> dict[str, dict[int, list[Result]]]:
        """FindContact and LogCall at servers with so many workers, from two processes with 8 connections each."""
        found: dict[str, dict[int, list[Result]]] = {workload.FIND: {}, workload.LOG: {}}
        for number in numbers:
            with self._leadline(10_000, {"LEADLINE_WORKERS": str(number)}) as server:
                for run in range(self.runs + 1):  # the first one warms up
                    lookups = [workload.find_requests(self._some(10_000)) for _ in range(2)]
                    calls = [self._known_calls(f"{number}-{run}-{half}", self._calls // 2) for half in range(2)]
                    for method, requests in {workload.FIND: lookups, workload.LOG: calls}.items():
                        files = [self._folder / f"half-{half}" for half in range(2)]
                        for file, messages in zip(files, requests, strict=True):
                            write_messages(file, messages)
                        found[method].setdefault(number, []).append(loads(server, method, files, 16, 8))
        return {method: {number: runs[1:] for number, runs in by.items()} for method, by in found.items()}

    def _some(self, contacts: int) -> list[int]:
        return [self._random.randrange(contacts) for _ in range(self._calls // 2)]

    def _known_calls(self, prefix: str, calls: int) -> list[bytes]:
        numbers = [workload.known_number(self._random.randrange(10_000)) for _ in range(calls)]
        return workload.log_requests(prefix, "user", numbers)

    def log_known(self, in_flight: int) -> Paired:
        """LogCall: new calls from known contacts."""
        contacts = 10_000
        requests = [self._known_calls(f"known-{run}", self._calls) for run in range(self.runs)]
        check = workload.logged_as(call_log_pb2.CALL_LOG_REASON_CONTACT_MATCHED)
        with self._leadline(contacts) as server:
            return self._pair("LogCall, known contact", server, workload.LOG, requests, in_flight, check)

    def log_unknown(self, in_flight: int) -> Paired:
        """LogCall: new calls, each from an unknown number, with placeholders to be created."""
        requests = [
            workload.log_requests(
                f"unknown-{run}",
                workload.KEEPER,
                [workload.unknown_number(run * self._calls + i) for i in range(self._calls)],
            )
            for run in range(self.runs)
        ]
        check = workload.logged_as(call_log_pb2.CALL_LOG_REASON_PLACEHOLDER_CREATED)
        with self._leadline(10_000) as server:
            return self._pair("LogCall, new unknown number", server, workload.LOG, requests, in_flight, check)

    @contextmanager
    def _leadline(self, contacts: int, settings: Mapping[str, str] = MappingProxyType({})) -> Iterator[Server]:
        """A server over a fresh copy of a data directory with so many contacts."""
        template = self._folder / f"template-{contacts}"
        if not template.exists():
            csv = self._folder / f"{contacts}.csv"
            workload.write_contacts(csv, contacts)
            command = [sys.executable, "-m", "leadline_server.cli", "contacts", "import", str(csv)]
            subprocess.run([*command, "--data-dir", str(template)], check=True, stdout=subprocess.DEVNULL)
        data = self._folder / f"data-{contacts}"
        shutil.rmtree(data, ignore_errors=True)
        shutil.copytree(template, data)
        with leadline_server(data, settings) as server:
            _create_placeholders(server)
            yield server

    def _pair(
        self,
        name: str,
        server: Server,
        method: str,
        requests: Sequence[Sequence[bytes]],
        in_flight: int,
        check: workload.Check,
    ) -> Paired:
        files = [self._folder / f"requests-{run}" for run in range(self.runs)]
        for file, messages in zip(files, requests, strict=True):
            write_messages(file, messages)
        answers = self._folder / "answers"
        ours: list[Result] = []
        bare: list[Result] = []
        # The echo answers with a response of leadline's to such a request; to get one warms leadline up too.
        warm_up = self._folder / "warm-up"
        write_messages(warm_up, _renamed(requests[0][: self._calls // 10]))
        load(server, method, warm_up, in_flight, answers)
        response = self._folder / "response"
        response.write_bytes(read_messages(answers)[-1])
        with echo_server(response) as echo:
            load(echo, method, warm_up, in_flight)
            for file, messages in zip(files, requests, strict=True):
                ours.append(load(server, method, file, in_flight, answers))
                right = check(read_messages(answers))
                if right != len(messages):
                    raise AssertionError(f"{name}: {right} right answers to {len(messages)} requests")
                bare.append(load(echo, method, file, in_flight))
        return Paired(name, in_flight, ours, bare)


def median_and_spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Median, least and largest."""
    return statistics.median(values), min(values), max(values)


def _renamed(requests: Sequence[bytes]) -> list[bytes]:
    """The same requests for calls of other ids, from other numbers: a warm-up takes nothing away."""
    return [request.replace(b"known-0-", b"known-W-").replace(b"+4470", b"+4479") for request in requests]


def _create_placeholders(server: Server) -> None:
    create = preferences_pb2.Preferences(
        unknown_contact_action=preferences_pb2.UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER
    )
    with Client(server.address, account=workload.ACCOUNT, user=workload.KEEPER) as client:
        client.update_preferences(create)
        client.update_account_settings(
            preferences_pb2.AccountSettings(placeholder_limit_per_hour=1_000_000, placeholder_limit_per_day=1_000_000)
        )
