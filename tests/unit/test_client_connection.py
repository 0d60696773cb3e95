"""The client against servers made by hand: what is tried again, what is sent along, how it ends."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from leadline import AsyncClient, Client, errors
from leadline._connection import service_config
from leadline.v1 import call_log_service_pb2 as logs_pb
from leadline.v1 import contact_service_pb2 as contacts_pb
from leadline.v1.contact_pb2 import Contact
from leadline.v1.preferences_pb2 import Preferences
from leadline.v1.preferences_service_pb2 import UpdatePreferencesRequest, UpdatePreferencesResponse

Handler = Callable[[Any, grpc.aio.ServicerContext[Any, Any]], Awaitable[Any]]

DOCS = Path(__file__).parents[2] / "docs" / "clients.md"

READS_AND_SAFE_WRITES = {
    ("leadline.v1.ContactService", "FindContact"),
    ("leadline.v1.ContactService", "SearchContacts"),
    ("leadline.v1.ContactService", "CreateContact"),
    ("leadline.v1.CallLogService", "LogCall"),
    ("leadline.v1.CallLogService", "GetCallLog"),
    ("leadline.v1.CallLogService", "ListCallLogs"),
    ("leadline.v1.CallLogService", "CountCallLogs"),
    ("leadline.v1.DirectoryService", "GetUser"),
    ("leadline.v1.DirectoryService", "ListUsers"),
    ("leadline.v1.DirectoryService", "ListCrmUsers"),
    ("leadline.v1.DirectoryService", "UpsertUser"),
    ("leadline.v1.PlaceholderService", "ListPlaceholders"),
    ("leadline.admin.v1.KeyService", "ListKeys"),
    ("leadline.admin.v1.KeyService", "RevokeKey"),
    ("leadline.admin.v1.KeyService", "DenyTokens"),
    ("leadline.admin.v1.AuditService", "ListAuditEntries"),
    ("leadline.v1.PreferencesService", "GetPreferences"),
    ("leadline.v1.PreferencesService", "GetAccountSettings"),
}


@asynccontextmanager
async def answering(method: str, request: Any, handler: Handler) -> AsyncIterator[str]:
    """A server that has one RPC; yields its address."""
    server = grpc.aio.server()
    service, name = method.split("/")
    unary: Any = grpc.unary_unary_rpc_method_handler(
        handler, request_deserializer=request.FromString, response_serializer=lambda answer: answer.SerializeToString()
    )
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(f"leadline.v1.{service}", {name: unary})])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


@asynccontextmanager
async def asking(method: str, request: Any, handler: Handler, **options: Any) -> AsyncIterator[AsyncClient]:
    """A client of such a server."""
    async with (
        answering(method, request, handler) as address,
        AsyncClient(address, account="demo", **options) as client,
    ):
        yield client


class Flaky:
    """Fails so many times with a code, then answers; keeps the requests."""

    def __init__(self, answer: Any, failures: int, code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE) -> None:
        self.answer, self.failures, self.code = answer, failures, code
        self.requests: list[Any] = []

    async def handle(self, request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        self.requests.append(request)
        if len(self.requests) <= self.failures:
            await context.abort(self.code, "Not now.")
        return self.answer


def test_reads_and_safe_writes_are_tried_again_and_nothing_else() -> None:
    methods = json.loads(service_config())["methodConfig"]
    assert {(name["service"], name["method"]) for config in methods for name in config["name"]} == READS_AND_SAFE_WRITES


def test_only_unavailable_is_tried_again_a_few_times() -> None:
    (config,) = json.loads(service_config())["methodConfig"]
    assert config["retryPolicy"]["retryableStatusCodes"] == ["UNAVAILABLE"]
    assert config["retryPolicy"]["maxAttempts"] == 4


def test_the_documentation_gives_other_clients_the_same_service_config() -> None:
    documented, used = json.loads(DOCS.read_text().split("```json\n")[1].split("```")[0]), json.loads(service_config())
    for config in (documented, used):
        config["methodConfig"][0]["name"].sort(key=str)
    assert documented == used


async def test_a_lookup_outlasts_three_failures() -> None:
    flaky = Flaky(contacts_pb.FindContactResponse(), failures=3)
    async with asking("ContactService/FindContact", contacts_pb.FindContactRequest, flaky.handle) as client:
        await client.find_contact("+14155550123")
    assert len(flaky.requests) == 4


async def test_after_the_fourth_failure_the_error_is_raised() -> None:
    flaky = Flaky(logs_pb.LogCallResponse(), failures=99)
    async with asking("CallLogService/LogCall", logs_pb.LogCallRequest, flaky.handle) as client:
        with pytest.raises(errors.Unavailable, match="Not now"):
            await client.log_call(id="c1", direction="INBOUND")
    assert len(flaky.requests) == 4


async def test_every_try_of_a_creation_has_the_same_request_id_and_the_next_creation_another() -> None:
    flaky = Flaky(contacts_pb.CreateContactResponse(contact=Contact(id="p1")), failures=1)
    async with asking("ContactService/CreateContact", contacts_pb.CreateContactRequest, flaky.handle) as client:
        await client.create_contact("Ann", "+14155550123")
        await client.create_contact("Ann", "+14155550123")
    first, again, other = (request.request_id for request in flaky.requests)
    assert first
    assert first == again
    assert first != other


async def test_a_write_of_preferences_is_not_repeated() -> None:
    flaky = Flaky(UpdatePreferencesResponse(), failures=1)
    async with asking("PreferencesService/UpdatePreferences", UpdatePreferencesRequest, flaky.handle) as client:
        with pytest.raises(errors.Unavailable):
            await client.update_preferences(Preferences(auto_log_calls=False))
    assert len(flaky.requests) == 1


async def test_other_errors_are_not_tried_again() -> None:
    flaky = Flaky(contacts_pb.FindContactResponse(), failures=1, code=grpc.StatusCode.INTERNAL)
    async with asking("ContactService/FindContact", contacts_pb.FindContactRequest, flaky.handle) as client:
        with pytest.raises(errors.Internal):
            await client.find_contact("+14155550123")
    assert len(flaky.requests) == 1


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
    client = Client("127.0.0.1:1", account="demo", timeout=5)
    with pytest.raises(errors.Unavailable):
        client.get_call_log("c1")
    client.close()
    client.close()
    with pytest.raises(errors.Cancelled):
        client.get_call_log("c1")
    assert "leadline-client" not in [thread.name for thread in threading.enumerate()]


def test_a_client_that_was_never_used_starts_no_thread() -> None:
    with Client("127.0.0.1:1", account="demo"):
        assert "leadline-client" not in [thread.name for thread in threading.enumerate()]
