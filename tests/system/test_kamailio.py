"""Real SIP calls through Kamailio with the example's configuration, reported to a real server."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from leadline import AsyncClient, Client
from leadline.v1.call_log_pb2 import CALL_LOG_STATE_UNLOGGED, CallLog
from leadline.v1.call_pb2 import (
    ATTESTATION_A,
    ATTESTATION_B,
    ATTESTATION_C,
    ATTESTATION_FAILED,
    ATTESTATION_UNSPECIFIED,
    CALL_RESULT_ANSWERED,
    CALL_RESULT_BUSY,
    CALL_RESULT_CANCELED,
    CALL_RESULT_NO_ANSWER,
    CALL_RESULT_REJECTED,
)
from leadline.v1.directory_pb2 import User
from leadline.v1.preferences_pb2 import UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER as CREATE
from leadline.v1.preferences_pb2 import Preferences
from support.servers import ServerProcess
from support.sip import STRANGER, Caller, Kamailio, PlacedCall, Placing, kamailio
from support.webhook_servers import webhook_server

pytestmark = pytest.mark.system

SECRET: Final = "0123456789abcdef"
EXTENSIONS: Final = ["101", "102", "103", "104"]
STRANGERS: Final = 30
ONE_STRANGER: Final = "+12025550177"
SECONDS: Final = 30
TOLERANCE: Final = 1.0
POP: Final = 0.3
_TRUNK: Final = "P-Asserted-Identity: <sip:[field0]@provider.example.com{}>"


@dataclass(frozen=True)
class Kind:
    """Calls of one kind.

    Attributes:
        then: what the caller sees: see `Kamailio.place`.
        count: how many.
        result: that their logs have.
        attestation: that their logs have.
    """

    then: str
    extension: str
    count: int
    result: int
    attestation: int = ATTESTATION_UNSPECIFIED
    headers: tuple[str, ...] = ()
    address: str = ""
    is_withheld: bool = False

    def placed(self, name: str, phones: Kamailio) -> Placing:
        callers = [Caller(self._number(index), self.extension, f"Caller {index}") for index in range(self.count)]
        where = {"address": self.address} if self.address else {}
        return phones.place(name, self.then, callers, self.count / SECONDS, headers=self.headers, **where)

    def _number(self, index: int) -> str:
        return f"+120255501{(index * 7 + self.count) % STRANGERS:02}"


def _verdict(word: str, *more: str) -> tuple[str, ...]:
    return (_TRUNK.format(f";verstat={word}"), *more)


PASSED: Final = "TN-Validation-Passed"
FAILED: Final = "TN-Validation-Failed"
KINDS: Final[Mapping[str, Kind]] = {
    "answered": Kind("200", "101", 36, CALL_RESULT_ANSWERED),
    "busy": Kind("486", "102", 22, CALL_RESULT_BUSY),
    "cancelled": Kind("cancel", "103", 22, CALL_RESULT_CANCELED),
    "unanswered": Kind("408", "103", 18, CALL_RESULT_NO_ANSWER),
    "declined": Kind("603", "104", 8, CALL_RESULT_REJECTED),
    "withheld": Kind(
        "200", "101", 10, CALL_RESULT_ANSWERED, headers=(_TRUNK.format(""), "Privacy: id"), is_withheld=True
    ),
    "passed-a": Kind("200", "101", 5, CALL_RESULT_ANSWERED, ATTESTATION_A, _verdict(PASSED, "Attestation-Info: A")),
    "passed-b": Kind("200", "101", 5, CALL_RESULT_ANSWERED, ATTESTATION_B, _verdict(f"{PASSED}-B")),
    "passed-c": Kind("200", "101", 5, CALL_RESULT_ANSWERED, ATTESTATION_C, _verdict(PASSED, "Attestation-Info: C")),
    "passed": Kind("200", "101", 5, CALL_RESULT_ANSWERED, headers=_verdict(PASSED)),
    "unsigned": Kind("200", "101", 4, CALL_RESULT_ANSWERED, headers=_verdict("No-TN-Validation")),
    "failed": Kind("200", "101", 5, CALL_RESULT_ANSWERED, ATTESTATION_FAILED, _verdict(FAILED)),
    "foreign": Kind(
        "200", "101", 5, CALL_RESULT_ANSWERED, headers=(*_verdict(FAILED), "Privacy: id"), address=STRANGER
    ),
}
"""Together 150 calls in 30 seconds. `foreign` comes from another address: its verdict and its wish count nothing."""


@dataclass
class Pops:
    """When a client that watches saw each call first, by the clock that sipp has, too."""

    seen: dict[str, float] = field(default_factory=dict)


@contextmanager
def reporting_server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server that takes Kamailio's reports. Alice has the phones, and strangers become contacts."""
    config = tmp_path / "leadline.toml"
    config.write_text(f'[accounts.demo.ingress.kamailio]\nsecret = "{SECRET}"\n')
    with webhook_server(tmp_path / "data", config) as running:
        with Client(running.address, account="demo") as client:
            client.upsert_user(User(user_id="alice", extensions=EXTENSIONS))
            client.using(user="alice").update_preferences(Preferences(unknown_contact_action=CREATE))
        yield running


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with reporting_server(tmp_path) as running:
        yield running


@asynccontextmanager
async def watched(server: ServerProcess) -> AsyncIterator[Pops]:
    """Watches alice's calls while the body runs."""
    pops = Pops()

    async def take(watch: AsyncIterator[CallLog]) -> None:
        async for log in watch:
            pops.seen.setdefault(log.call.id, time.time())

    async with AsyncClient(server.address, account="demo") as client:
        watch = client.watch_call_logs(user_id="alice")
        await watch.start()
        taking = asyncio.create_task(take(watch))
        try:
            yield pops
        finally:
            taking.cancel()


async def finished(server: ServerProcess, count: int) -> dict[str, CallLog]:
    """All logs, once so many calls are over."""
    with Client(server.address, account="demo") as client:
        async with asyncio.timeout(30):
            while True:
                logs = await asyncio.to_thread(lambda: list(client.list_call_logs()))
                if sum(log.call.is_final for log in logs) >= count:
                    assert len(logs) == count
                    return {log.call.id: log for log in logs}
                await asyncio.sleep(0.1)


def check_times(log: CallLog, placed: PlacedCall) -> float:
    """Check a log's times against those of the SIP messages. Returns by how much they differ at most."""
    call = log.call
    pairs = [(call.start_time, placed.start), (call.end_time, placed.end)]
    if "200" in placed.received:
        pairs.append((call.answer_time, placed.received["200"]))
    worst = max(abs(time.seconds + time.nanos / 1e9 - expected) for time, expected in pairs)
    assert worst < TOLERANCE, call
    assert call.HasField("answer_time") == ("200" in placed.received)
    return worst


def check_kind(log: CallLog, kind: Kind) -> None:
    call = log.call
    assert (log.user_id, call.callee.extension) == ("alice", kind.extension)
    assert (call.result, call.attestation, call.is_final) == (kind.result, kind.attestation, True), call
    assert (call.caller.phone_number == "anonymous") == kind.is_withheld
    if kind.attestation == ATTESTATION_FAILED:
        assert log.state == CALL_LOG_STATE_UNLOGGED


def contacts_of(server: ServerProcess, number: str) -> set[str]:
    """The contacts that have a number."""
    with Client(server.address, account="demo", user="alice") as client:
        return {match.contact.id for match in client.find_contact(number).matches}


async def test_150_calls_of_all_kinds_at_5_a_second(server: ServerProcess, tmp_path: Path) -> None:
    with kamailio(server, tmp_path, SECRET) as phones:
        async with watched(server) as pops:
            placings = {name: kind.placed(name, phones) for name, kind in KINDS.items()}
            placed = {name: await asyncio.to_thread(placing.done) for name, placing in placings.items()}
            logs = await finished(server, sum(kind.count for kind in KINDS.values()))
    worst = 0.0
    for name, calls in placed.items():
        assert len(calls) == KINDS[name].count
        for call_id, call in calls.items():
            check_kind(logs[call_id], KINDS[name])
            worst = max(worst, check_times(logs[call_id], call))
    callers = {log.call.caller.phone_number for log in logs.values() if log.contact.id}
    assert len(callers) == STRANGERS
    for number in callers:
        used = {log.contact.id for log in logs.values() if log.call.caller.phone_number == number} - {""}
        assert contacts_of(server, number) == used
        assert len(used) == 1
    waits = sorted(pops.seen[call_id] - call.start for calls in placed.values() for call_id, call in calls.items())
    p95 = waits[math.ceil(len(waits) * 0.95) - 1]
    told = f"{worst * 1000:.0f} ms; p50 {waits[len(waits) // 2] * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms"
    print(f"times differ by {told} from ring to pop")  # noqa: T201
    assert p95 < POP


async def test_50_calls_at_once_from_one_stranger_make_one_contact(server: ServerProcess, tmp_path: Path) -> None:
    with kamailio(server, tmp_path, SECRET) as phones:
        placing = phones.place("crowd", "200", [Caller(ONE_STRANGER, "101")] * 50, 1000)
        placed = await asyncio.to_thread(placing.done)
        logs = await finished(server, 50)
    starts = sorted(call.start for call in placed.values())
    assert starts[-1] - starts[0] < 1
    for call_id, call in placed.items():
        check_times(logs[call_id], call)
    assert len({log.contact.id for log in logs.values()} - {""}) == 1
    assert len(contacts_of(server, ONE_STRANGER)) == 1
