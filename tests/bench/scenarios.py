"""The measurements: leadline and the echo by turns, under the same load."""

import random
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
from leadline.v1 import (
    call_log_pb2,
    preferences_pb2,
    preferences_service_pb2,
    preferences_service_pb2_grpc,
)

from bench import workload
from bench.messages import read_messages, write_messages
from bench.processes import Result, Server, echo_server, leadline_server, load


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


class Bench:
    """Runs the scenarios in a folder of its own."""

    def __init__(self, folder: Path, *, runs: int, calls: int) -> None:
        self._folder = folder
        self._runs = runs
        self._calls = calls
        self._random = random.Random(7)

    def find(self, contacts: int, in_flight: int, asked_among: int | None = None) -> Paired:
        """FindContact: different numbers, each in one contact."""
        indexes = [self._random.randrange(contacts) for _ in range(asked_among or self._calls)]
        requests = [workload.find_requests(indexes)] * self._runs
        name = f"FindContact, {contacts:,} contacts"
        with self._leadline(contacts) as server:
            return self._pair(name, server, workload.FIND, requests, in_flight, workload.found)

    def log_known(self, in_flight: int) -> Paired:
        """LogCall: new calls from known contacts."""
        contacts = 10_000
        requests = [
            workload.log_requests(f"known-{run}", "user", [workload.known_number(i) for i in self._indexes(contacts)])
            for run in range(self._runs)
        ]
        check = workload.logged_as(call_log_pb2.CALL_LOG_REASON_CONTACT_MATCHED)
        with self._leadline(contacts) as server:
            return self._pair("LogCall, known contact", server, workload.LOG, requests, in_flight, check)

    def log_unknown(self, in_flight: int) -> Paired:
        """LogCall: new calls, each from a number that nobody has, with placeholders to be created."""
        requests = [
            workload.log_requests(
                f"unknown-{run}",
                workload.KEEPER,
                [workload.unknown_number(run * self._calls + i) for i in range(self._calls)],
            )
            for run in range(self._runs)
        ]
        check = workload.logged_as(call_log_pb2.CALL_LOG_REASON_PLACEHOLDER_CREATED)
        with self._leadline(10_000) as server:
            return self._pair("LogCall, new unknown number", server, workload.LOG, requests, in_flight, check)

    def _indexes(self, contacts: int) -> list[int]:
        return [self._random.randrange(contacts) for _ in range(self._calls)]

    @contextmanager
    def _leadline(self, contacts: int) -> Iterator[Server]:
        """A server over a fresh copy of a data directory with so many contacts."""
        template = self._folder / f"template-{contacts}"
        if not template.exists():
            csv = self._folder / f"{contacts}.csv"
            workload.write_contacts(csv, contacts)
            command = [sys.executable, "-m", "leadline_server.cli", "contacts", "import", str(csv)]
            subprocess.run([*command, "--data-dir", str(template)], check=True, stdout=subprocess.DEVNULL)
        data = self._folder / "data"
        shutil.rmtree(data, ignore_errors=True)
        shutil.copytree(template, data)
        with leadline_server(data) as server:
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
        files = [self._folder / f"requests-{run}" for run in range(self._runs)]
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
    with grpc.insecure_channel(server.address) as channel:
        preferences_service_pb2_grpc.PreferencesServiceStub(channel).UpdatePreferences(
            preferences_service_pb2.UpdatePreferencesRequest(
                account_id=workload.ACCOUNT,
                user_id=workload.KEEPER,
                preferences=preferences_pb2.Preferences(
                    unknown_contact_action=preferences_pb2.UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER
                ),
            )
        )
