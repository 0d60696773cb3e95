"""Quotas and turns of accounts, over real sockets."""

import asyncio
from time import perf_counter
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import QuotaFailure  # type: ignore[import-untyped] # no py.typed
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped] # no py.typed
from grpc_health.v1.health_pb2 import HealthCheckRequest
from grpc_health.v1.health_pb2_grpc import HealthStub
from leadline.v1 import call_log_service_pb2
from leadline.v1 import contact_service_pb2 as pb
from leadline.v1.call_log_service_pb2_grpc import CallLogServiceStub
from leadline.v1.contact_service_pb2_grpc import ContactServiceStub
from leadline_server.domain.crm_errors import CrmUnavailable
from leadline_server.domain.errors import QuotaExceeded
from leadline_server.transport.admission import door as door_module
from leadline_server.transport.admission.door import OTHER_SLOTS, STORED_RETRY_SECONDS, Door
from leadline_server.transport.admission.quotas import Quotas, QuotaSettings
from leadline_server.transport.metrics import AdmissionMetrics
from leadline_server.transport.server import Server
from prometheus_client import CollectorRegistry
from support.apps import started
from transport.serving import fake_commands, refused

ASK = pb.FindContactRequest(account_id="demo", phone_numbers=["+12025550101"])


class Gate:
    """A command that ends when it is told."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.open = asyncio.Event()

    async def execute(self, account: Any, *_: Any, **__: Any) -> Any:
        self.begun.append(account.id)
        await self.open.wait()
        raise CrmUnavailable("Down.")


def server(quotas: Quotas, registry: CollectorRegistry | None = None, **commands: Any) -> tuple[Server, int]:
    made = Server(fake_commands(**commands), registry or CollectorRegistry(), QuotaSettings(quotas))
    return made, made.bind("127.0.0.1:0")


async def test_a_flooder_is_told_when_to_come_back() -> None:
    async def find(*_: Any, **__: Any) -> Any:
        raise CrmUnavailable("Down.")

    made, port = server(Quotas(calls_per_second=1), find_contact=find)
    async with started(made), grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        answers = await asyncio.gather(*(refused(ContactServiceStub(channel).FindContact(ASK)) for _ in range(5)))
    told = [answer for answer in answers if answer.info.reason == "QUOTA_EXCEEDED"]
    assert len(told) == 4
    for answer in told:
        assert answer.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert 0 < (answer.retry_seconds or 0) <= 1
        assert answer.info.metadata["quota"] == "calls_per_second"
        failure = QuotaFailure()
        assert any(part.Unpack(failure) for part in Status.FromString(answer.raw).details)
        assert failure.violations[0].subject == "account:demo"


async def test_lookups_have_slots_that_other_calls_cannot_take() -> None:
    searches, lookups = Gate(), Gate()
    made, port = server(Quotas(), search_contacts=searches.execute, find_contact=lookups.execute)
    async with started(made), grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = ContactServiceStub(channel)
        search = pb.SearchContactsRequest(account_id="demo", query="Jane")
        many = [asyncio.ensure_future(refused(stub.SearchContacts(search))) for _ in range(3 * OTHER_SLOTS)]
        one = asyncio.ensure_future(refused(stub.FindContact(ASK)))
        async with asyncio.timeout(10):
            while not lookups.begun:
                await asyncio.sleep(0.005)
        searches.open.set()
        lookups.open.set()
        await asyncio.gather(*many, one)
    assert len(searches.begun) == 3 * OTHER_SLOTS


async def test_lookups_and_health_do_not_wait_for_the_calls_that_arrived_before_them() -> None:
    begun = list[str]()

    async def search(*_: Any, **__: Any) -> Any:
        begun.append("search")
        raise CrmUnavailable("Down.")

    async def find(*_: Any, **__: Any) -> Any:
        begun.append("find")
        raise CrmUnavailable("Down.")

    made, port = server(Quotas(), search_contacts=search, find_contact=find)
    async with started(made), grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = ContactServiceStub(channel)
        await refused(stub.FindContact(ASK))  # the connection is open
        many = [stub.SearchContacts(pb.SearchContactsRequest(account_id="demo", query="Jane")) for _ in range(300)]
        one = stub.FindContact(ASK)
        await HealthStub(channel).Check(HealthCheckRequest())  # type: ignore[no-untyped-call] # ships no types
        assert len(begun) < 150, "health was the 302nd"
        await asyncio.gather(refused(one), *map(refused, many))
    assert begun.pop(0) == "find"
    assert len(begun) == 301
    assert begun.index("find") < 150, "it was the 301st"


async def test_more_calls_than_may_wait_are_refused_with_a_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leadline_server.transport.admission.fair_queue.HOLD_SECONDS", 60.0)  # however slowly they come
    searches = Gate()
    made, port = server(Quotas(waiting=1), search_contacts=searches.execute)
    async with started(made), grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        search = pb.SearchContactsRequest(account_id="demo", query="Jane")
        stub = ContactServiceStub(channel)
        calls = [asyncio.ensure_future(refused(stub.SearchContacts(search))) for _ in range(4 * OTHER_SLOTS)]
        done, _ = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED, timeout=10)
        searches.open.set()
        answers = await asyncio.gather(*calls)
    assert done
    assert any(a.info.reason == "QUOTA_EXCEEDED" and a.info.metadata["quota"] == "waiting" for a in answers)


async def test_more_bytes_than_an_account_may_write_are_refused_and_small_calls_go_on() -> None:
    async def create(*_: Any, **__: Any) -> Any:
        raise CrmUnavailable("Down.")

    registry = CollectorRegistry()
    made, port = server(Quotas(bytes_per_minute=60_000), registry, create_contact=create)
    async with started(made), grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = ContactServiceStub(channel)
        large = pb.CreateContactRequest(account_id="demo", phone_number="+12025550101", name="x" * 50_000)
        answers = [await refused(stub.CreateContact(large)) for _ in range(2)]
        small = pb.CreateContactRequest(account_id="demo", phone_number="+12025550101", name="Jane")
        last = await refused(stub.CreateContact(small))
    assert answers[0].info.reason != "QUOTA_EXCEEDED"
    assert answers[1].info.metadata["quota"] == "bytes_per_minute"
    assert 30 < (answers[1].retry_seconds or 0) < 60
    assert last.info.reason != "QUOTA_EXCEEDED"
    assert registry.get_sample_value("leadline_calls_refused_total", {"quota": "bytes_per_minute"}) == 1
    assert registry.get_sample_value("leadline_calls_refused_total", {"quota": "watches"}) == 0


async def test_a_call_above_a_quota_waits_for_a_quarter_of_a_second_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    for quotas, first in ((Quotas(bytes_per_minute=60), 1), (Quotas(calls_per_second=10), 10)):
        entry = Door(lambda _: True, QuotaSettings(quotas)).entry("LogCall")
        for _ in range(first):
            entry.leave(await entry.admit("demo", 60, perf_counter()))
        with pytest.raises(QuotaExceeded):
            await entry.admit("demo", 60, perf_counter())
    assert slept[0] == 0.25
    assert 0 < slept[1] <= 0.1, "there was room earlier"
    assert len(slept) == 2


async def test_a_call_above_the_quota_of_bytes_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door_module, "REFUSAL_SECONDS", 0)
    door = Door(lambda _: True, QuotaSettings(Quotas(calls_per_second=10, bytes_per_minute=60)))
    entry, now = door.entry("LogCall"), perf_counter()
    use = door.use_of("demo", now)
    entry.leave(await entry.admit("demo", 60, now))
    assert entry.admitted_at_once("demo", 60, perf_counter()) is None
    with pytest.raises(QuotaExceeded):
        await entry.admit("demo", 60, perf_counter())
    counted = sum(use.calls.take(1, now) == 0.0 for _ in range(10))
    assert counted == 8, "two calls were made, of ten that may come at once"


async def test_an_account_that_stores_as_much_as_it_may_is_refused_what_stores_more() -> None:
    async def work(*_: Any, **__: Any) -> Any:
        raise CrmUnavailable("Down.")

    made, port = server(Quotas(stored_bytes=1_000), find_contact=work, create_contact=work)
    async with started(made), grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = ContactServiceStub(channel)
        create = pb.CreateContactRequest(account_id="demo", phone_number="+12025550101", name="Jane")
        answers = [await refused(stub.CreateContact(create))]
        assert made.door.set_stored({"demo": 999, "other": 10_000}) == {"other"}
        answers.append(await refused(stub.CreateContact(create)))
        assert made.door.set_stored({"demo": 1_000}) == {"demo"}
        answers += [await refused(stub.CreateContact(create)), await refused(stub.FindContact(ASK))]
        made.door.set_stored({})
        answers.append(await refused(stub.CreateContact(create)))
    assert [answer.info.reason for answer in answers] == [
        "CRM_UNAVAILABLE",
        "CRM_UNAVAILABLE",
        "QUOTA_EXCEEDED",
        "CRM_UNAVAILABLE",
        "CRM_UNAVAILABLE",
    ]
    assert answers[2].info.metadata["quota"] == "stored_bytes"
    assert answers[2].retry_seconds == STORED_RETRY_SECONDS


async def test_an_account_has_no_more_watches_than_it_may() -> None:
    opened, ended = asyncio.Event(), asyncio.Event()

    async def watch(*_: Any, **__: Any) -> Any:
        opened.set()
        await ended.wait()
        yield None  # no item of a watch, and so an error

    registry = CollectorRegistry()
    made, port = server(Quotas(watches=1), registry, watch_call_logs=watch)
    async with started(made), grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = CallLogServiceStub(channel)
        everything = call_log_service_pb2.WatchCallLogsRequest(account_id="demo")
        first = asyncio.ensure_future(refused(stub.WatchCallLogs(everything).read()))
        await asyncio.wait_for(opened.wait(), 10)
        second = await refused(stub.WatchCallLogs(everything).read())
        ended.set()
        await first
        third = await refused(stub.WatchCallLogs(everything).read())
    assert second.info.metadata["quota"] == "watches"
    assert third.info.reason == "INTERNAL"
    assert registry.get_sample_value("leadline_calls_refused_total", {"quota": "watches"}) == 1


async def test_waiting_calls_are_counted() -> None:
    door, registry = Door(lambda _: True, QuotaSettings()), CollectorRegistry()
    registry.register(AdmissionMetrics(door))
    for _ in range(OTHER_SLOTS):
        assert door.others.take(perf_counter()) is not None
    waiting = asyncio.create_task(door.others.wait("demo", 1))
    await asyncio.sleep(0)
    assert registry.get_sample_value("leadline_calls_waiting", {"kind": "others"}) == 1
    assert registry.get_sample_value("leadline_calls_waiting", {"kind": "lookups"}) == 0
    waiting.cancel()
