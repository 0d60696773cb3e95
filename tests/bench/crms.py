"""FindContact through a CRM over HTTP, beside the same searches sent straight to it, and a bare echo: by turns."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from fakes.connections import write_toml
from fakes.misbehaviour import GOOD_TOKEN
from fakes.process import FakeProcess, fake_process
from leadline_server.crm.hubspot.searches import phone_searches
from leadline_server.crm.hubspot.settings import HubSpotSettings
from leadline_server.crm.hubspot.wire import ContactProperties
from leadline_server.domain.numbers.phone_number import parse_number

from bench import workload
from bench.messages import read_messages, write_messages
from bench.processes import TESTS, Result, Server, echo_server, leadline_server, load

CONTACTS: Final = 10_000
_SETTINGS: Final = HubSpotSettings.model_construct()
_HEADERS: Final = {"Authorization": f"Bearer {GOOD_TOKEN}", "Content-Type": "application/json"}


@dataclass(frozen=True)
class Through:
    """Runs of one load, through leadline, straight at the CRM, and at an echo of leadline's answer."""

    name: str
    in_flight: int
    leadline: Sequence[Result]
    straight: Sequence[Result]
    echo: Sequence[Result]

    @property
    def ratios(self) -> list[float]:
        """The p50 through leadline divided by the CRM's own, pair by pair."""
        return [ours.p50 / bare.p50 for ours, bare in zip(self.leadline, self.straight, strict=True)]


def through_hubspot(folder: Path, *, runs: int, calls: int, in_flight: int, latency: float, rate: float = 0) -> Through:
    """FindContact by numbers that differ, each of one contact, at a HubSpot that takes `latency` seconds to answer.

    With a `rate` there are so many lookups a second; else as many as `in_flight` lets through.
    """
    chooser = random.Random(7)
    requests, answers = folder / "crm-requests", folder / "crm-answers"
    ours: list[Result] = []
    bare: list[Result] = []
    echo: list[Result] = []
    with fake_process("hubspot", folder / f"hubspot-{rate}") as crm:
        people = [
            {"firstname": "Person", "lastname": str(i), "phone": workload.known_number(i)} for i in range(CONTACTS)
        ]
        crm.control("POST", "/people", people)
        crm.misbehave(latency=latency)
        config = write_toml(folder / "hubspot.toml", "hubspot", crm.url)
        with leadline_server(folder / f"crm-data-{rate}", {"LEADLINE_CONFIG": str(config)}) as server:
            for run in range(runs + 1):
                indexes = chooser.sample(range(CONTACTS), calls)
                bare.append(_straight(crm, folder / "crm-searches", indexes, in_flight, rate))
                # Another number each run: an answer that leadline remembers would be quicker than the CRM.
                write_messages(requests, workload.find_requests(indexes, skip_cache=run > 0))
                ours.append(load(server, workload.FIND, requests, in_flight, answers, rate))
                echo.append(_echoed(folder / "crm-echo", _checked(answers, calls), requests, in_flight, rate))
    pace = f", {rate:.0f} lookups/s" if rate else ""
    return Through(f"HubSpot that takes {latency * 1000:.0f} ms{pace}", in_flight, ours[1:], bare[1:], echo[1:])


def _straight(crm: FakeProcess, told: Path, indexes: Sequence[int], in_flight: int, rate: float) -> Result:
    """The searches that leadline makes of these lookups, sent to the CRM itself."""
    contacts = ContactProperties(_SETTINGS)
    searches = [
        search
        for index in indexes
        for search in phone_searches(
            [parse_number(workload.known_number(index), "US")], [], contacts.number_properties, contacts.properties
        )
    ]
    bodies = [msgspec.json.encode(search).decode() for search in searches]
    address = f"{crm.url}/crm/v3/objects/contacts/search"
    told.write_text(json.dumps({"address": address, "headers": _HEADERS, "bodies": bodies}))
    server = Server(crm.url, crm.process.pid)
    before = server.cpu_seconds()
    done = subprocess.run(
        [sys.executable, "-m", "bench.search_load", str(told), str(in_flight), str(rate)],
        env=os.environ | {"PYTHONPATH": str(TESTS)},
        stdout=subprocess.PIPE,
        check=True,
        timeout=300,
    )
    return Result(**json.loads(done.stdout), cpu=server.cpu_seconds() - before)


def _echoed(response: Path, answer: bytes, requests: Path, in_flight: int, rate: float) -> Result:
    """The same load at a server that does nothing but answer with one of leadline's answers."""
    response.write_bytes(answer)
    with echo_server(response) as server:
        return load(server, workload.FIND, requests, in_flight, None, rate)


def _checked(answers: Path, calls: int) -> bytes:
    """One of the answers, of which all are right."""
    told = list(read_messages(answers))
    if (right := workload.found(told)) != calls:
        raise AssertionError(f"{right} right answers to {calls} lookups")
    return told[0]
