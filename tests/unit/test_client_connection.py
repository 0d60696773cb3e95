"""The client against servers made by hand: its deadlines, what is sent along, and how it ends."""

import asyncio
import threading
from typing import Any

import grpc
import pytest
from leadline import AsyncClient, Client, errors
from leadline.v1 import call_log_service_pb2 as logs_pb
from leadline.v1 import contact_service_pb2 as contacts_pb
from unit.client_servers import Flaky, answering, asking


async def deadline_given(client_timeout: float, rpc_timeout: float | None) -> float:
    given: list[float] = []

    async def note(_: Any, context: grpc.aio.ServicerContext[Any, Any]) -> contacts_pb.FindContactResponse:
        given.append(context.time_remaining())
        return contacts_pb.FindContactResponse()

    async with asking(
        "ContactService/FindContact", contacts_pb.FindContactRequest, note, timeout=client_timeout
    ) as client:
        await client.find_contact("+14155550123", timeout=rpc_timeout)
    return given[0]


async def test_every_rpc_has_the_clients_deadline() -> None:
    assert 20 < await deadline_given(30, None) <= 31  # gRPC rounds up


async def test_an_rpc_can_have_its_own_deadline() -> None:
    assert 50 < await deadline_given(30, 60) <= 61  # gRPC rounds up


async def test_a_deadline_that_passes_is_deadline_exceeded() -> None:
    async def never(*_: Any) -> None:
        await asyncio.Event().wait()

    async with asking("ContactService/FindContact", contacts_pb.FindContactRequest, never, timeout=0.2) as client:
        with pytest.raises(errors.DeadlineExceeded):
            await client.find_contact("+14155550123")


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_timeout_must_be_positive(timeout: float) -> None:
    with pytest.raises(ValueError, match="timeout"):
        AsyncClient("127.0.0.1:1", account="demo", timeout=timeout)


@pytest.mark.parametrize("is_asynchronous", [False, True])
async def test_the_metadata_hook_is_asked_before_every_rpc(is_asynchronous: bool) -> None:  # noqa: FBT001 - a parameter
    seen: list[str] = []
    tokens = iter(("one", "two"))

    async def note(_: Any, context: grpc.aio.ServicerContext[Any, Any]) -> contacts_pb.FindContactResponse:
        seen.extend(str(value) for key, value in context.invocation_metadata() or () if key == "authorization")
        return contacts_pb.FindContactResponse()

    def hook() -> list[tuple[str, str]]:
        return [("authorization", next(tokens))]

    async def slow_hook() -> list[tuple[str, str]]:
        return hook()

    async with answering("ContactService/FindContact", contacts_pb.FindContactRequest, note) as address:
        chosen: Any = slow_hook if is_asynchronous else hook
        async with AsyncClient(address, account="demo", metadata=chosen) as client:
            await client.find_contact("+14155550123")
            await client.find_contact("+14155550123")
    assert seen == ["one", "two"]


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    async with AsyncClient("127.0.0.1:1", account="demo") as client:
        with pytest.raises(errors.Unavailable):
            await client.get_call_log("c1")


async def test_a_closed_client_answers_cancelled() -> None:
    client = AsyncClient("127.0.0.1:1", account="demo")
    await client.close()
    await client.close()
    with pytest.raises(errors.Cancelled, match="closed"):
        await client.get_call_log("c1")


async def test_closing_ends_what_is_under_way_with_cancelled() -> None:
    started = asyncio.Event()

    async def never(*_: Any) -> None:
        started.set()
        await asyncio.Event().wait()

    async with answering("ContactService/FindContact", contacts_pb.FindContactRequest, never) as address:
        client = AsyncClient(address, account="demo")
        lookup = asyncio.create_task(client.find_contact("+14155550123"))
        await started.wait()
        await client.close()
        with pytest.raises(errors.Cancelled):
            await lookup


async def test_cancelling_a_task_stays_a_cancellation() -> None:
    started = asyncio.Event()

    async def never(*_: Any) -> None:
        started.set()
        await asyncio.Event().wait()

    async with asking("ContactService/FindContact", contacts_pb.FindContactRequest, never) as client:
        lookup = asyncio.create_task(client.find_contact("+14155550123"))
        await started.wait()
        lookup.cancel()
        with pytest.raises(asyncio.CancelledError):
            await lookup


async def test_a_call_and_its_fields_together_are_refused() -> None:
    async with AsyncClient("127.0.0.1:1", account="demo") as client:
        with pytest.raises(TypeError, match="not both"):
            await client.log_call(logs_pb.LogCallRequest().call, id="c1")


async def test_using_changes_who_asks_and_shares_the_connection() -> None:
    flaky = Flaky(contacts_pb.FindContactResponse(), failures=0)
    async with asking(
        "ContactService/FindContact", contacts_pb.FindContactRequest, flaky.handle, user="alice"
    ) as client:
        await client.using(user="bob").find_contact("+14155550123")
        await client.using(account="acme").find_contact("+14155550123")
    with pytest.raises(errors.Cancelled):
        await client.using(user="carol").find_contact("+14155550123")
    assert [(request.account_id, request.user_id) for request in flaky.requests] == [("demo", "bob"), ("acme", "alice")]


async def test_closing_the_synchronous_client_ends_a_wait_in_another_thread() -> None:
    started = asyncio.Event()
    caught: list[BaseException] = []

    async def never(*_: Any) -> None:
        started.set()
        await asyncio.Event().wait()

    def look_up(client: Client) -> None:
        try:
            client.find_contact("+14155550123")
        except errors.LeadlineError as error:
            caught.append(error)

    async with answering("ContactService/FindContact", contacts_pb.FindContactRequest, never) as address:
        client = Client(address, account="demo")
        thread = threading.Thread(target=look_up, args=(client,))
        thread.start()
        await started.wait()
        await asyncio.to_thread(client.close)
        await asyncio.to_thread(thread.join)
    assert [type(error) for error in caught] == [errors.Cancelled]


def test_a_closed_synchronous_client_answers_cancelled_and_leaves_no_thread() -> None:
    before = client_threads()
    client = Client("127.0.0.1:1", account="demo", timeout=5)
    with pytest.raises(errors.Unavailable):
        client.get_call_log("c1")
    client.close()
    client.close()
    with pytest.raises(errors.Cancelled):
        client.get_call_log("c1")
    assert client_threads() == before


def test_a_client_that_was_never_used_starts_no_thread() -> None:
    before = client_threads()
    with Client("127.0.0.1:1", account="demo"):
        assert client_threads() == before


def client_threads() -> set[threading.Thread]:
    """The threads of clients. A client of tests that share one may have its thread."""
    return {thread for thread in threading.enumerate() if thread.name == "leadline-client"}
