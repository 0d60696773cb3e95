"""JSON over HTTP beside a bare connectrpc echo and beside gRPC, under the same load."""

import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import workload
from bench.messages import read_messages, write_messages
from bench.processes import Result, http_echo_server, http_load, leadline_server, load

CONTACTS = 10_000


@dataclass(frozen=True)
class OverHttp:
    """Several runs of FindContact by turns: as JSON to leadline and to the echo, and by gRPC to leadline."""

    in_flight: int
    json: Sequence[Result]
    echo: Sequence[Result]
    grpc: Sequence[Result]

    @property
    def to_echo(self) -> list[float]:
        """Leadline's server CPU per call divided by the echo's, run by run."""
        return _ratios(self.json, self.echo)

    @property
    def to_grpc(self) -> list[float]:
        """Its server CPU per call as JSON divided by that over gRPC, run by run."""
        return _ratios(self.json, self.grpc)


def over_http(folder: Path, *, runs: int, calls: int, in_flight: int) -> OverHttp:
    """FindContact as JSON: numbers that were not asked for before, each in one contact.

    Raises:
        AssertionError: an answer does not name its one contact.
    """
    data, csv = folder / "http-data", folder / "http.csv"
    workload.write_contacts(csv, CONTACTS)
    importing = [sys.executable, "-m", "leadline_server.cli", "contacts", "import", str(csv), "--data-dir", str(data)]
    subprocess.run(importing, check=True, stdout=subprocess.DEVNULL)
    requests, answers, response = folder / "http-requests", folder / "http-answers", folder / "http-response"
    chosen = random.Random(7)
    results: tuple[list[Result], list[Result], list[Result]] = ([], [], [])
    with leadline_server(data, {"LEADLINE_HTTP_LISTEN": "127.0.0.1:0"}) as server:
        write_messages(requests, _requests(chosen, calls // 10))
        http_load(server, workload.FIND, requests, in_flight, answers)
        load(server, workload.FIND, requests, in_flight)
        response.write_bytes(read_messages(answers)[-1])
        with http_echo_server(response) as echo:
            http_load(echo, workload.FIND, requests, in_flight)
            for _ in range(runs):
                write_messages(requests, _requests(chosen, calls))
                results[0].append(http_load(server, workload.FIND, requests, in_flight, answers))
                right = workload.found(read_messages(answers))
                if right != calls:
                    raise AssertionError(f"{right} right answers to {calls} requests")
                results[1].append(http_load(echo, workload.FIND, requests, in_flight))
                results[2].append(load(server, workload.FIND, requests, in_flight))
    return OverHttp(in_flight, *results)


def _requests(chosen: random.Random, calls: int) -> list[bytes]:
    indexes = [chosen.randrange(CONTACTS) for _ in range(calls)]
    return workload.find_requests(indexes, skip_cache=True)


def _ratios(ours: Sequence[Result], theirs: Sequence[Result]) -> list[float]:
    return [one.cpu_per_call / other.cpu_per_call for one, other in zip(ours, theirs, strict=True)]
