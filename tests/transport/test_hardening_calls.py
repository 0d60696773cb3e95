"""Callers who leave, have no time, or vanish: they cost nothing afterwards, and no accepted call is lost with them."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import grpc
import pytest
from leadline.v1 import call_log_service_pb2 as logs_pb
from leadline.v1.call_log_pb2 import CallLogState
from leadline.v1.call_log_service_pb2_grpc import CallLogServiceStub
from leadline.v1.contact_service_pb2_grpc import ContactServiceStub
from leadline_server.domain.call_log_states import CallLogState as State
from leadline_server.domain.preferences import UnknownContactAction
from support.crms import Switch
from support.databases import write_lock
from support.servers import ServerProcess, server_process
from transport import http2
from transport.real import ASKED, Real, real_server, report
from transport.serving import refused
from transport.vitals import nothing_left

LOG_CALL = "/leadline.v1.CallLogService/LogCall"
FIND_CONTACT = "/leadline.v1.ContactService/FindContact"
DEADLINE_EXCEEDED = 4
AT_ONCE = 100
ROUNDS = [10, pytest.param(100, marks=pytest.mark.soak)]


class Gate:
    """A CRM whose operations wait until it opens; `reached` is set by the first of them."""

    def __init__(self, crm: Switch) -> None:
        self.reached, self._opened = asyncio.Event(), asyncio.Event()
        crm.before = self._wait

    async def _wait(self, _: str) -> None:
        self.reached.set()
        await self._opened.wait()

    def open(self) -> None:
        self._opened.set()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with server_process(tmp_path_factory.mktemp("calls") / "data") as process:
        yield process


@pytest.fixture
async def channel(server: ServerProcess) -> AsyncIterator[grpc.aio.Channel]:
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(server.address, options=options) as channel:
        yield channel


_REFUSED_STREAM = "RST_STREAM with error code 7"
"""A connection has at most `grpc.max_concurrent_streams` calls. gRPC also counts calls that the client has cancelled,
until the server has ended them. HTTP/2 says that a refused stream was not processed (RFC 9113, section 8.7). So a
client may send it again, and leadline's does."""

_BURST = (4, 900)
"""Connections and calls on each: none has too many, and together they are more than gRPC lets wait by itself."""


@contextmanager
def stopped(server: ServerProcess) -> Iterator[None]:
    """The process gets no time meanwhile; what is sent to it waits in its sockets."""
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


@pytest.fixture
async def real(tmp_path: Path, crm: Switch) -> AsyncIterator[Real]:
    async with real_server(tmp_path / "data", crm.wrap) as real:
        await real.harness.prefer(unknown_contact_action=UnknownContactAction.CREATE_PLACEHOLDER)
        yield real


@pytest.mark.parametrize("rounds", ROUNDS)
async def test_a_thousand_cancelled_calls_leave_nothing(
    server: ServerProcess, channel: grpc.aio.Channel, rounds: int
) -> None:
    contacts, calls = ContactServiceStub(channel), CallLogServiceStub(channel)
    async with nothing_left(server, growth=60):
        for number in range(rounds):
            asked = [contacts.FindContact(ASKED) for _ in range(AT_ONCE // 2)]
            reported = [calls.LogCall(report(f"cancelled-{number}-{i}")) for i in range(AT_ONCE // 2)]
            await asyncio.sleep(0.002 * (number % 5))  # before, while and after they are read, answered and stored
            both: list[Any] = [*asked, *reported]
            for call in both:
                call.cancel()
            await asyncio.gather(*both, return_exceptions=True)


@pytest.mark.parametrize("rounds", ROUNDS)
async def test_a_thousand_calls_with_hardly_any_time_end_in_time_or_in_an_answer_and_leave_nothing(
    server: ServerProcess, channel: grpc.aio.Channel, rounds: int
) -> None:
    contacts, calls = ContactServiceStub(channel), CallLogServiceStub(channel)
    codes = Counter[grpc.StatusCode]()
    async with nothing_left(server, growth=60):
        for number in range(rounds):
            seconds = 0.001 * (1 + number % 10)
            asked = [contacts.FindContact(ASKED, timeout=seconds) for _ in range(AT_ONCE // 2)]
            reported = [calls.LogCall(report(f"tiny-{number}-{i}"), timeout=seconds) for i in range(AT_ONCE // 2)]
            both: list[Any] = [*asked, *reported]
            for call in both:
                code = await call.code()
                codes[code] += 1
                if code is grpc.StatusCode.UNAVAILABLE:
                    assert _REFUSED_STREAM in str(await call.details())
    assert codes.keys() <= {grpc.StatusCode.OK, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE}
    assert codes.total() == rounds * AT_ONCE
    assert codes[grpc.StatusCode.DEADLINE_EXCEEDED] > codes[grpc.StatusCode.UNAVAILABLE]


async def test_a_burst_on_several_connections_is_answered_call_by_call(server: ServerProcess) -> None:
    async with AsyncExitStack() as stack, nothing_left(server, growth=100):
        connections, calls = _BURST
        options = [("grpc.use_local_subchannel_pool", 1)]
        channels = [grpc.aio.insecure_channel(server.address, options=options) for _ in range(connections)]
        stubs = [ContactServiceStub(await stack.enter_async_context(channel)) for channel in channels]
        await asyncio.gather(*(stub.FindContact(ASKED) for stub in stubs))
        with stopped(server):  # so that all of them are there before it can begin the first
            asked: list[Any] = [stub.FindContact(ASKED, timeout=60) for stub in stubs for _ in range(calls)]
        codes = Counter([await call.code() for call in asked])
    assert codes == {grpc.StatusCode.OK: connections * calls}


async def test_a_lookup_whose_deadline_has_passed_on_the_way_is_told_so(real: Real, crm: Switch) -> None:
    gate = Gate(crm)
    async with http2.connection(real.address) as opened, asyncio.timeout(10):
        await opened.send(http2.request(FIND_CONTACT, ASKED.SerializeToString(), grpc_timeout="1n"))
        assert await opened.status() == DEADLINE_EXCEEDED
    gate.open()


async def test_a_call_that_cannot_be_stored_before_its_deadline_is_told_so(
    server: ServerProcess, channel: grpc.aio.Channel
) -> None:
    late = http2.request(LOG_CALL, report("late").SerializeToString(), grpc_timeout="1n")
    async with nothing_left(server, growth=40), http2.connection(server.address) as opened, asyncio.timeout(10):
        with write_lock(server.data_dir / "ledger.db"):
            await opened.send(late)
            assert await opened.status() == DEADLINE_EXCEEDED
            soon = CallLogServiceStub(channel).LogCall(report("soon"), timeout=0.2)
            assert await soon.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_without_a_deadline_a_call_is_answered(channel: grpc.aio.Channel) -> None:
    log = (await CallLogServiceStub(channel).LogCall(report("patient"))).call_log
    assert log.state == CallLogState.CALL_LOG_STATE_UNLOGGED


@pytest.mark.parametrize("seconds", [0.5, 1.0])
async def test_a_crm_that_hangs_is_answered_with_pending_in_time(real: Real, crm: Switch, seconds: float) -> None:
    gate = Gate(crm)
    began = monotonic()
    log = (await real.calls.LogCall(report("call-1"), timeout=seconds)).call_log
    assert monotonic() - began < seconds
    assert log.state == CallLogState.CALL_LOG_STATE_PENDING
    assert real.in_flight("LogCall") == 0
    gate.open()


async def test_many_calls_on_a_crm_that_hangs_are_all_answered_in_time(real: Real, crm: Switch) -> None:
    gate = Gate(crm)
    reports = [real.calls.LogCall(report(f"call-{number}"), timeout=1.5) for number in range(100)]
    states = {answer.call_log.state for answer in await asyncio.gather(*reports)}
    assert states == {CallLogState.CALL_LOG_STATE_PENDING}
    lookup = await refused(real.contacts.FindContact(ASKED, timeout=0.5))
    assert lookup.info.reason == "DEADLINE_EXCEEDED"
    gate.open()


@pytest.mark.parametrize("how", ["cancels", "vanishes"])
async def test_the_call_of_a_client_that_leaves_while_it_is_logged_is_delivered_once(
    real: Real, crm: Switch, how: str
) -> None:
    gate = Gate(crm)
    if how == "cancels":
        call = real.calls.LogCall(report("call-1"))
        await asyncio.wait_for(gate.reached.wait(), 5)
        call.cancel()
    else:
        async with http2.connection(real.address) as opened:
            await opened.send(http2.request(LOG_CALL, report("call-1").SerializeToString()))
            await asyncio.wait_for(gate.reached.wait(), 5)
            opened.vanish()
    async with asyncio.timeout(5):
        while real.in_flight("LogCall"):
            await asyncio.sleep(0)
    gate.open()
    await real.harness.settled("call-1", lambda log: log.state is State.LOGGED)
    assert crm.calls["create_call_log"] == crm.calls["create_contact"] == 1


@pytest.mark.timed  # a lookup that hangs ends after some seconds, and all have to be under way before
async def test_calls_that_were_left_leave_no_task(real: Real, crm: Switch) -> None:
    await real.contacts.FindContact(ASKED)
    before = len(asyncio.all_tasks())
    crm.hang()
    lookups = [real.contacts.FindContact(ASKED) for _ in range(200)]
    watches = [real.calls.WatchCallLogs(logs_pb.WatchCallLogsRequest(account_id="demo")) for _ in range(200)]
    async with asyncio.timeout(10):
        while real.in_flight("FindContact") != 200 or real.in_flight("WatchCallLogs") != 200:
            await asyncio.sleep(0)
        for call in (*lookups, *watches):
            call.cancel()
        while len(asyncio.all_tasks()) > before or real.in_flight("FindContact") or real.in_flight("WatchCallLogs"):
            await asyncio.sleep(0)
