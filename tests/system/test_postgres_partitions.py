"""Three servers on PostgreSQL, each in a network namespace of its own; servers and PostgreSQL are killed and cut off.

Where this process may not make namespaces, what each server sends and gets is held back in its place.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from fakes.process import FakeProcess
from fakes.written import Written
from faults.http_crm.phones import report, settled, stranger, want_placeholders
from faults.http_crm.process import crm_process
from faults.http_crm.stage import serving
from leadline.v1.call_log_pb2 import CallLog
from leadline.v1.call_log_service_pb2_grpc import CallLogServiceStub
from support.forwarders import Forwarder, forwarder
from support.namespaces import Namespace, can_make_namespaces, network_namespace
from support.postgres import MEMORY, PostgresServer, postgres_server
from support.servers import ServerProcess
from system.histories import History, problems
from system.postgres_stage import on_postgres
from system.test_postgres_served import kill_and_start

SERVERS: Final = 3
SEED: Final = 20_261_129
NUMBERS: Final = 60
CALLERS: Final = 16
PAUSE: Final = 0.05
LONGEST_CUT: Final = 4.0
SECONDS: Final = 30.0
"""How long a client waits for an answer: longer than a server waits for PostgreSQL."""

TROUBLES, SOAK_TROUBLES = 6, 40
PROMISES: Final[dict[str, Any]] = {"deadline": 3.0, "search_lag": 0.5, "settle_time": 10.0}
"""The promise of the CRM. A write can arrive as late as a cut lasts, and TCP waits before it sends once more."""


class Replica:
    """A server, which can be killed and started again, or cut off from PostgreSQL and its CRM."""

    def __init__(self, folder: Path, crm: FakeProcess, postgres: PostgresServer, ledger: str) -> None:
        self._folder, self._crm, self._ledger = folder, crm, ledger
        self._postgres = postgres
        self._stack, self._process = ExitStack(), ExitStack()
        self._namespace: Namespace | None = None
        self._links: list[Forwarder] = []
        self.server: ServerProcess
        self.address = ""

    def open(self, *, in_namespace: bool) -> None:
        """Make its network, and start it."""
        self._folder.mkdir()
        if in_namespace:
            self._namespace = self._stack.enter_context(network_namespace())
        host = self._namespace.outside if self._namespace else "127.0.0.1"
        ports = (self._postgres.port, self._crm.port)
        self._links = [self._stack.enter_context(forwarder(port, host=host)) for port in ports]
        self.start()

    def start(self) -> None:
        """Start the server."""
        ledger, crm = self._links
        url = self._ledger.replace(f"127.0.0.1:{self._postgres.port}", f"{ledger.host}:{ledger.port}")
        settings = on_postgres(self._folder, f"{url}?sslmode=disable") | {"LEADLINE_LEDGER_TIMEOUT": "3"}
        before = self._namespace.command if self._namespace else ()
        promises: dict[str, Any] = {**PROMISES, "url": f"http://{crm.host}:{crm.port}"}
        [self.server] = self._process.enter_context(
            serving(self._folder / "data", self._crm, before=before, settings=settings, **promises)
        )
        self.address = self.server.address
        if self._namespace:
            port = int(self.address.rpartition(":")[2])
            there = self._process.enter_context(forwarder(port, namespace=self._namespace.name))
            self.address = f"127.0.0.1:{there.port}"

    def kill(self) -> None:
        """Kill it with signal 9."""
        self.server.kill()
        self._process.close()

    def cut(self) -> None:
        """Cut it off."""
        for cut in (self._namespace,) if self._namespace else self._links:
            cut.cut()

    def join(self) -> None:
        """Join it again."""
        for cut in (self._namespace,) if self._namespace else self._links:
            cut.join()

    def close(self) -> None:
        """Stop the server, and take its network away."""
        with self._stack:
            self._process.close()


@contextmanager
def three_replicas(
    folder: Path, crm: FakeProcess, postgres: PostgresServer, *, in_namespace: bool
) -> Iterator[list[Replica]]:
    """The servers, until the body ends."""
    ledger = postgres.create()
    replicas = [Replica(folder / f"replica-{number}", crm, postgres, ledger) for number in range(SERVERS)]
    with ExitStack() as stack:
        for replica in replicas:
            stack.callback(replica.close)
            replica.open(in_namespace=in_namespace)
        yield replicas


class Callers:
    """Report calls of strangers again and again, each until it is accepted by some server. They write the history."""

    def __init__(self, replicas: Sequence[Replica]) -> None:
        self.history = History()
        self._replicas = replicas
        self._chance = random.Random(SEED)
        self._is_over = False
        self._count = 0

    @asynccontextmanager
    async def calling(self) -> AsyncIterator[None]:
        """Report while the body runs; at the end each call is accepted."""
        async with asyncio.TaskGroup() as group:
            for _ in range(CALLERS):
                group.create_task(self._call_on())
            yield
            self._is_over = True

    async def _call_on(self) -> None:
        while not self._is_over:
            number, self._count = self._count, self._count + 1
            call_id, caller = f"call-{number:06}", stranger(self._chance.randrange(NUMBERS))
            self.history.sent[call_id] = caller
            reporters = 2 if number % 5 == 0 else 1  # some calls are reported by two phone systems at once
            await asyncio.gather(*(self._until_accepted(call_id, caller) for _ in range(reporters)))
            await asyncio.sleep(PAUSE)

    async def _until_accepted(self, call_id: str, caller: str) -> None:
        while True:
            address = self._chance.choice(self._replicas).address
            try:
                async with grpc.aio.insecure_channel(address) as channel:
                    answer = await CallLogServiceStub(channel).LogCall(report(call_id, caller), timeout=SECONDS)
            except grpc.aio.AioRpcError as error:
                self.history.refused[call_id].append(error.code())
                await asyncio.sleep(0.1)
            else:
                self.history.accepted[call_id].append(answer.call_log)
                return


async def trouble(replicas: Sequence[Replica], postgres: PostgresServer, count: int) -> None:
    """Kill servers and cut them off in turn, and restart PostgreSQL twice. A failover would be one more trouble."""
    chance = random.Random(SEED)
    for number in range(count):
        await asyncio.sleep(chance.uniform(1, 2))
        replica = replicas[number % len(replicas)]
        if number in (count // 3, 2 * count // 3):
            await asyncio.to_thread(kill_and_start, postgres)
        if number % 2:
            await asyncio.to_thread(replica.cut)
            await asyncio.sleep(chance.uniform(1, LONGEST_CUT))
            await asyncio.to_thread(replica.join)
        else:
            await asyncio.to_thread(replica.kill)
            await asyncio.to_thread(replica.start)


async def survive(folder: Path, count: int, *, in_namespace: bool) -> None:
    with (
        postgres_server(parent=MEMORY) as postgres,
        crm_process(folder / "crm.db") as crm,
        three_replicas(folder, crm, postgres, in_namespace=in_namespace) as replicas,
    ):
        await want_placeholders(replicas[0])
        crm.misbehave(index_lag=0.3)
        callers = Callers(replicas)
        async with callers.calling():
            await trouble(replicas, postgres, count)
        logs = await settled(replicas[0], 120)
        history, written = callers.history, crm.written()
    refusals = sum(map(len, history.refused.values()))
    assert refusals
    assert len(history.accepted) == len(history.sent) > 20 * count
    assert problems(history, logs, written) == []
    for plant, sentence in PLANTED.items():
        copies = deepcopy(history), dict(logs), deepcopy(written)
        plant(*copies)
        assert any(sentence in problem for problem in problems(*copies)), sentence


def lose_a_call(history: History, logs: dict[str, CallLog], written: Written) -> None:
    call_id = next(iter(history.accepted))
    del logs[call_id], written.logs[call_id]


def log_a_call_twice(_: History, __: dict[str, CallLog], written: Written) -> None:
    logs = next(iter(written.logs.values()))
    logs.append({**logs[0], "id": "another"})


def lose_a_log_in_the_crm(_: History, __: dict[str, CallLog], written: Written) -> None:
    del written.logs[next(iter(written.logs))]


def create_a_contact_twice(_: History, __: dict[str, CallLog], written: Written) -> None:
    next(iter(written.contacts.values())).append("another")


def refuse_otherwise(history: History, _: dict[str, CallLog], __: Written) -> None:
    history.refused[next(iter(history.sent))].append(grpc.StatusCode.INTERNAL)


def tell_another_log(history: History, _: dict[str, CallLog], __: Written) -> None:
    next(iter(history.accepted.values())).append(CallLog(crm_log_id="another"))


PLANTED: Final[dict[Callable[[History, dict[str, CallLog], Written], None], str]] = {
    lose_a_call: "was accepted and is lost",
    log_a_call_twice: "is in the CRM 2 times",
    lose_a_log_in_the_crm: "is in the CRM 0 times",
    create_a_contact_twice: "contacts",
    refuse_otherwise: "was refused with INTERNAL",
    tell_another_log: "was told as",
}


@pytest.mark.system
async def test_servers_that_are_killed_and_cut_off_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    await survive(tmp_path, TROUBLES, in_namespace=can_make_namespaces())


@pytest.mark.soak
@pytest.mark.parametrize("in_namespace", [True, False])
async def test_servers_that_are_killed_and_cut_off_for_minutes_lose_nothing(
    tmp_path: Path, *, in_namespace: bool
) -> None:
    await survive(tmp_path, SOAK_TROUBLES, in_namespace=in_namespace and can_make_namespaces())
