"""The measurements: leadline and the echo by turns, under the same load."""

import json
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
from leadline import Client
from leadline.v1 import call_log_pb2, preferences_pb2
from support.certificates import Authority

from bench import workload
from bench.messages import write_messages
from bench.pairs import Load, Paired, run_pairs
from bench.processes import Result, Server, TlsFiles, leadline_server, load, watchers


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
    """Runs the scenarios in a folder of its own.

    Args:
        folder: for its files.
        starts: how often new processes are started for pairs: two processes of one program differ, too.
        pairs: how many pairs each start gives.
        pair_calls: the calls of a run of a pair.
        runs: how many runs the other scenarios make.
        calls: the calls of one of those.
    """

    def __init__(self, folder: Path, *, starts: int, pairs: int, pair_calls: int, runs: int, calls: int) -> None:
        self.runs = runs
        self._starts = starts
        self._pairs = pairs
        self._pair_calls = pair_calls
        self._folder = folder
        self._calls = calls
        self._random = random.Random(7)

    def find(self, in_flight: int, rate: float = 0, tls: TlsFiles | None = None) -> Paired:
        """FindContact: numbers of 10,000 contacts, each in one contact."""

        def requests(_run: int) -> list[bytes]:
            return workload.find_requests(self._random.sample(range(10_000), self._pair_calls))

        name = "FindContact, TLS" if tls else "FindContact"
        return self._paired(Load(name, workload.FIND, requests, workload.found, in_flight, rate), tls)

    def log_known(self, in_flight: int) -> Paired:
        """LogCall: new calls from known contacts."""
        check = workload.logged_as(call_log_pb2.CALL_LOG_REASON_CONTACT_MATCHED)

        def requests(run: int) -> list[bytes]:
            return self._known_calls(f"known-{run}", self._pair_calls)

        return self._paired(Load("LogCall, known contact", workload.LOG, requests, check, in_flight))

    def log_unknown(self, in_flight: int) -> Paired:
        """LogCall: new calls, each from an unknown number, with placeholders to be created."""
        check = workload.logged_as(call_log_pb2.CALL_LOG_REASON_PLACEHOLDER_CREATED)
        calls = self._pair_calls

        def requests(run: int) -> list[bytes]:
            numbers = [workload.unknown_number(run * calls + index) for index in range(calls)]
            return workload.log_requests(f"unknown-{run}", workload.KEEPER, numbers)

        return self._paired(Load("LogCall, new unknown number", workload.LOG, requests, check, in_flight))

    def _paired(self, load: Load, tls: TlsFiles | None = None) -> Paired:
        paired = Paired(load)
        for start in range(self._starts):
            with self._leadline(10_000, tls) as server:
                run_pairs(paired, server, self._folder, range(start * self._pairs, (start + 1) * self._pairs), tls)
        return paired

    def tls_files(self) -> TlsFiles:
        """A certificate for 127.0.0.1."""
        authority = Authority(self._folder / "tls")
        pair = authority.issue("server", "127.0.0.1", "localhost")
        return TlsFiles(pair.certificate, pair.key, authority.file)

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

    def _known_calls(self, prefix: str, calls: int) -> list[bytes]:
        numbers = [workload.known_number(self._random.randrange(10_000)) for _ in range(calls)]
        return workload.log_requests(prefix, "user", numbers)

    @contextmanager
    def _leadline(self, contacts: int, tls: TlsFiles | None = None) -> Iterator[Server]:
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
        with leadline_server(data, tls=tls) as server:
            create_placeholders(server)
            yield server


def median_and_spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Median, least and largest."""
    return statistics.median(values), min(values), max(values)


def create_placeholders(server: Server) -> None:
    """Let the unknown callers of `workload.KEEPER` become placeholders, as many as there are."""
    create = preferences_pb2.Preferences(
        unknown_contact_action=preferences_pb2.UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER
    )
    tls = None if server.authority is None else grpc.ssl_channel_credentials(server.authority.read_bytes())
    with Client(server.address, account=workload.ACCOUNT, user=workload.KEEPER, credentials=tls) as client:
        client.update_preferences(create)
        client.update_account_settings(
            preferences_pb2.AccountSettings(placeholder_limit_per_hour=1_000_000, placeholder_limit_per_day=1_000_000)
        )
