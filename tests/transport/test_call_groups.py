"""Groups of FindContact calls, over real sockets: each call is answered, counted and ended by itself."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import grpc
import pytest
from leadline.v1 import contact_service_pb2 as pb
from leadline.v1.contact_service_pb2_grpc import ContactServiceStub
from leadline_server.contacts.lookup import FoundContacts
from leadline_server.domain.crm_errors import CrmUnavailable
from leadline_server.domain.errors import BudgetExhausted
from leadline_server.transport.admission.door import LOOKUP_SLOTS, Door
from leadline_server.transport.admission.quotas import QuotaSettings
from transport.serving import Serving, serving

NOW = datetime(2026, 11, 29, tzinfo=UTC)
ASKED = pb.FindContactRequest(account_id="demo", phone_numbers=["+12025550101"])


class Turns:
    """Counts the lookups that begin in each turn of the event loop, without turns of its own."""

    def __init__(self) -> None:
        self._turn = 0
        self._is_counted = False
        self.begun: Counter[int] = Counter()

    async def find(self, *_: Any, **__: Any) -> FoundContacts:
        self.begun[self._turn] += 1
        if not self._is_counted:
            self._is_counted = True
            asyncio.get_running_loop().call_soon(self._end_turn)
        if sum(self.begun.values()) % 4 == 0:
            raise CrmUnavailable("Down.")
        return FoundContacts((), NOW)

    def _end_turn(self) -> None:
        self._turn += 1
        self._is_counted = False


async def answers(stub: ContactServiceStub, calls: int, in_flight: int) -> Counter[grpc.StatusCode]:
    """The status codes of so many calls."""
    codes: Counter[grpc.StatusCode] = Counter()
    left = iter(range(calls))

    async def caller() -> None:
        for _ in left:
            call = stub.FindContact(ASKED, timeout=30)
            codes[await call.code()] += 1

    await asyncio.gather(*(caller() for _ in range(in_flight)))
    return codes


async def served(turns: Turns, calls: int, in_flight: int) -> tuple[Counter[grpc.StatusCode], Serving]:
    async with serving(find_contact=turns.find) as made:
        return await answers(ContactServiceStub(made.channel), calls, in_flight), made


@pytest.mark.timed
async def test_calls_in_flight_at_the_same_time_begin_in_groups_and_end_by_themselves() -> None:
    turns, codes = Turns(), Counter[grpc.StatusCode]()
    async with serving(find_contact=turns.find) as made:
        stub = ContactServiceStub(made.channel)
        # The first group needs two calls in one turn of the loop. When that happens, chance decides.
        while max(turns.begun.values(), default=0) < 2 and codes.total() < 20_000:
            codes += await answers(stub, calls=400, in_flight=32)
        before = turns.begun.copy()
        codes += await answers(stub, calls=800, in_flight=32)
    later = turns.begun - before
    assert sum(size for size in later.values() if size > 1) > later.total() / 2, "groups do not last"
    assert codes == {grpc.StatusCode.OK: codes.total() * 3 // 4, grpc.StatusCode.UNAVAILABLE: codes.total() // 4}
    for code in (grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE):
        labels = {"rpc": "FindContact", "code": code.name}
        assert made.registry.get_sample_value("leadline_rpc_seconds_count", labels) == codes[code]
    assert made.server.door.lookups.waiting == 0


async def test_a_lone_caller_is_never_in_a_group() -> None:
    turns = Turns()
    codes, _ = await served(turns, calls=40, in_flight=1)
    assert codes == {grpc.StatusCode.OK: 30, grpc.StatusCode.UNAVAILABLE: 10}
    assert max(turns.begun.values()) == 1


async def test_a_server_that_stops_answers_the_calls_of_all_groups() -> None:
    turns = Turns()
    async with serving(find_contact=turns.find) as made:
        stub = ContactServiceStub(made.channel)
        calling = asyncio.create_task(answers(stub, calls=64, in_flight=64))
        while not turns.begun.total():
            await asyncio.sleep(0)
        stopping = asyncio.create_task(made.server.drain(5))
        codes = await calling
        await stopping
    assert codes.keys() <= {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}
    assert codes.total() == 64


async def test_a_call_whose_deadline_passed_while_it_waited_is_not_worked_on() -> None:
    door = Door(lambda _: True, QuotaSettings())
    entry = door.entry("FindContact")
    with pytest.raises(BudgetExhausted):
        await entry.admit("demo", 10, perf_counter(), lambda: 0.0)
    assert door.use_of("demo", perf_counter()).in_flight_bytes == 0
    for _ in range(LOOKUP_SLOTS):
        await asyncio.sleep(0)  # in one turn they would be a group
        assert door.lookups.take(perf_counter()) is not None
