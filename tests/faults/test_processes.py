"""Several server processes on one ledger: one contact for one number, one log for one call, from any of them."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from faults.http_crm.checks import assert_exactly_once
from faults.http_crm.phones import LOGGED, Phones, report, settled, stranger, want_placeholders
from faults.http_crm.process import crm_process
from faults.http_crm.stage import serving
from leadline.v1.call_log_pb2 import CallLog
from leadline.v1.call_log_service_pb2_grpc import CallLogServiceStub
from support.clusters import cluster
from support.databases import rows
from support.ledgers import each_ledger
from support.servers import ServerProcess

pytestmark = each_ledger

AT_ONCE = 64
ROUNDS, SOAK_ROUNDS = 3, 50
SECONDS = 20.0
SLOWER_THAN_A_LEASE = 6.5  # seconds


@dataclass(frozen=True)
class Several:
    """Servers on one data directory, and what is in their CRM: the calls that logs are of, the number of contacts."""

    servers: list[ServerProcess]
    logged: Callable[[], Counter[str]]
    count_contacts: Callable[[], int]


Start = Callable[[Path, int], AbstractContextManager[Several]]


@contextmanager
def embedded(folder: Path, size: int) -> Iterator[Several]:
    """The CRM is the embedded one, which keeps leadline's keys unique."""
    database = folder / "data" / "ledger.db"
    with cluster(folder / "data", size) as servers:
        yield Several(
            servers,
            lambda: Counter(call_id for (call_id,) in rows(database, "SELECT call_id FROM crm_call_logs")),
            lambda: int(rows(database, "SELECT count(*) FROM crm_contacts")[0][0]),
        )


@contextmanager
def outside(folder: Path, size: int) -> Iterator[Several]:
    """The CRM is another process, and keeps no key unique."""
    with crm_process(folder / "http.db") as crm, serving(folder / "data", crm, size=size) as servers:
        yield Several(
            servers,
            lambda: Counter({call_id: len(logs) for call_id, logs in crm.written().logs.items()}),
            lambda: sum(map(len, crm.written().contacts.values())),
        )


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("start", [embedded, outside])
async def test_64_calls_of_one_stranger_and_64_reports_of_one_call_over_all_servers(
    tmp_path: Path, start: Start, size: int
) -> None:
    with start(tmp_path, size) as several:
        await make_one_of_each(several, ROUNDS)


@pytest.mark.soak
@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("start", [embedded, outside])
async def test_64_at_once_over_all_servers_fifty_times(tmp_path: Path, start: Start, size: int) -> None:
    with start(tmp_path, size) as several:
        await make_one_of_each(several, SOAK_ROUNDS)


async def make_one_of_each(several: Several, rounds: int) -> None:
    await want_placeholders(several.servers[0])
    for number in range(rounds):
        calls = [f"round-{number}-call-{i}" for i in range(AT_ONCE)]
        answers = await reported_at_once(several.servers, calls, stranger(2 * number))
        assert {log.state for log in answers} == {LOGGED}
        assert len({log.contact.id for log in answers}) == 1
        answers = await reported_at_once(several.servers, [f"round-{number}-one"] * AT_ONCE, stranger(2 * number + 1))
        assert len({(log.state, log.contact.id, log.crm_log_id) for log in answers}) == 1
    logs = await settled(several.servers[-1])
    assert len(logs) == rounds * (AT_ONCE + 1)
    assert several.logged() == Counter(logs.keys())
    assert several.count_contacts() == 2 * rounds


async def reported_at_once(servers: Sequence[ServerProcess], calls: Sequence[str], caller: str) -> list[CallLog]:
    """The answers to a report of each of `calls`, all at once, in turn to each of the servers."""
    channels = [grpc.aio.insecure_channel(server.address) for server in servers]
    try:
        answers = await asyncio.gather(
            *(
                CallLogServiceStub(channels[i % len(channels)]).LogCall(report(call_id, caller), timeout=SECONDS)
                for i, call_id in enumerate(calls)
            )
        )
    finally:
        await asyncio.gather(*(channel.close() for channel in channels))
    return [answer.call_log for answer in answers]


async def test_what_one_server_writes_slowly_no_other_writes_beside_it(tmp_path: Path) -> None:
    with crm_process(tmp_path / "crm.db") as crm, serving(tmp_path / "data", crm, size=2, deadline=20.0) as servers:
        await want_placeholders(servers[0])
        phones = Phones("known", lambda _: stranger(1), steps=1)
        await phones.ring(servers, 1)
        crm.misbehave(write_latency=SLOWER_THAN_A_LEASE)
        await phones.ring(servers[:1], 16, lines=16)
        logs = await settled(servers[1])
        assert_exactly_once(crm.written(), logs, [phones])


async def test_what_a_killed_server_leaves_the_others_finish(tmp_path: Path) -> None:
    with crm_process(tmp_path / "crm.db") as crm:
        with serving(tmp_path / "data", crm, size=2, settle_time=1.0) as [first, second]:
            await want_placeholders(first)
            crm.misbehave(latency=0.1)
            phones = [Phones(name, lambda call: stranger(call % 50)) for name in ("first", "second")]
            load = asyncio.create_task(phones[0].ring_until_gone(first))
            await phones[1].ring([second], 50)
            first.kill()
            await load
            crm.recover()
            logs = await settled(second)
        assert_exactly_once(crm.written(), logs, phones)
