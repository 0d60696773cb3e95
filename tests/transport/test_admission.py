"""Quotas and turns of accounts, over real sockets."""

import asyncio
from typing import Any

import grpc
from google.rpc.error_details_pb2 import QuotaFailure  # type: ignore[import-untyped] # no py.typed
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped] # no py.typed
from leadline.v1 import contact_service_pb2 as pb
from leadline.v1.contact_service_pb2_grpc import ContactServiceStub
from leadline_server.transport.admission.door import OTHER_SLOTS
from leadline_server.transport.admission.quotas import Quotas, QuotaSettings
from leadline_server.transport.server import Server
from prometheus_client import CollectorRegistry
from transport.serving import fake_commands, refused


class Gate:
    """A command that ends when it is told."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.open = asyncio.Event()

    async def execute(self, account: Any, *_: Any, **__: Any) -> Any:
        self.begun.append(account.id)
        await self.open.wait()
        raise ZeroDivisionError


def server(quotas: Quotas, **commands: Any) -> tuple[Server, int]:
    made = Server(fake_commands(**commands), CollectorRegistry(), QuotaSettings(quotas))
    return made, made.bind("127.0.0.1:0")


async def test_a_flooder_is_told_when_to_come_back() -> None:
    async def find(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    made, port = server(Quotas(calls_per_second=1), find_contact=find)
    await made.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        ask = pb.FindContactRequest(account_id="demo", phone_numbers=["+12025550101"])
        answers = await asyncio.gather(*(refused(ContactServiceStub(channel).FindContact(ask)) for _ in range(5)))
    await made.drain(0.5)
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
    await made.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = ContactServiceStub(channel)
        search = pb.SearchContactsRequest(account_id="demo", query="Jane")
        many = [asyncio.ensure_future(refused(stub.SearchContacts(search))) for _ in range(3 * OTHER_SLOTS)]
        ask = pb.FindContactRequest(account_id="demo", phone_numbers=["+12025550101"])
        one = asyncio.ensure_future(refused(stub.FindContact(ask)))
        async with asyncio.timeout(10):
            while not lookups.begun:
                await asyncio.sleep(0.005)
        searches.open.set()
        lookups.open.set()
        await asyncio.gather(*many, one)
    await made.drain(0.5)
    assert len(searches.begun) == 3 * OTHER_SLOTS


async def test_more_calls_than_may_wait_are_refused_with_a_delay() -> None:
    searches = Gate()
    made, port = server(Quotas(waiting=1), search_contacts=searches.execute)
    await made.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        search = pb.SearchContactsRequest(account_id="demo", query="Jane")
        stub = ContactServiceStub(channel)
        calls = [asyncio.ensure_future(refused(stub.SearchContacts(search))) for _ in range(4 * OTHER_SLOTS)]
        done, _ = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED, timeout=10)
        searches.open.set()
        answers = await asyncio.gather(*calls)
    await made.drain(0.5)
    assert done
    assert any(a.info.reason == "QUOTA_EXCEEDED" and a.info.metadata["quota"] == "waiting" for a in answers)
