"""The real service with its CRM, and ways to bring about each of its errors."""

from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any, NoReturn

import grpc
from google.protobuf.message import Message
from leadline.v1 import call_log_service_pb2 as logs_pb
from leadline.v1 import contact_service_pb2 as pb
from leadline.v1 import directory_pb2, directory_service_pb2
from leadline.v1 import preferences_service_pb2 as preferences_pb
from leadline.v1.directory_service_pb2_grpc import DirectoryServiceStub
from leadline_server.domain import tokens
from support.apps import STRANGER
from support.crms import Switch
from transport.real import ASKED, Real, report


class Scene:
    """The service, its CRM, and ways to bring it into trouble."""

    def __init__(self, real: Real, crm: Switch) -> None:
        self.real = real
        self.crm = crm

    def crm_fails(self, error: Exception) -> None:
        """From now on every operation of the CRM raises this."""

        async def fail(_: str) -> NoReturn:
            raise error

        self.crm.before = fail

    async def ledger(self, pragma: str) -> None:
        """Run a PRAGMA on the ledger's writing connection."""
        ledger: Any = self.real.harness.app.ledger
        await ledger._database.write(lambda connection: connection.execute(pragma).close())  # noqa: SLF001 - there is no public way to make storage fail


Act = Callable[[Scene], Awaitable[object]]


def find(request: pb.FindContactRequest = ASKED, **options: Any) -> Act:
    return lambda scene: scene.real.contacts.FindContact(request, **options)


def create(**fields: Any) -> Act:
    good = {"account_id": "demo", "name": "Ada Lovelace", "phone_number": STRANGER}
    request = pb.CreateContactRequest(**{**good, **fields})
    return lambda scene: scene.real.contacts.CreateContact(request)


def watch(token: Callable[[Scene], str]) -> Act:
    def act(scene: Scene) -> Awaitable[object]:
        request = logs_pb.WatchCallLogsRequest(account_id="demo", resume_token=token(scene))
        return anext(aiter(scene.real.calls.WatchCallLogs(request)))

    return act


def raw(data: bytes) -> Act:
    async def act(scene: Scene) -> object:
        async with grpc.aio.insecure_channel(scene.real.address) as channel:
            send: Any = channel.unary_unary("/leadline.v1.ContactService/FindContact")
            return await send(data)

    return act


def crm_raises(error: Exception, act: Act) -> Act:
    async def failing(scene: Scene) -> object:
        scene.crm_fails(error)
        return await act(scene)

    return failing


def after(first: Act, second: Act) -> Act:
    async def both(scene: Scene) -> object:
        await first(scene)
        return await second(scene)

    return both


def storage_fails(pragma: str) -> Act:
    async def failing(scene: Scene) -> object:
        await scene.ledger(pragma)
        request = report("call-1")
        request.call.transcript = "x" * 200_000
        return await scene.real.calls.LogCall(request)

    return failing


async def a_locked_preference(scene: Scene) -> object:
    settings: Any = {"locked": ["wait_until_final"]}
    preferences: Any = {"wait_until_final": True}
    update = preferences_pb.UpdateAccountSettingsRequest(account_id="demo", settings=settings)
    await scene.real.preferences.UpdateAccountSettings(update)
    wish = preferences_pb.UpdatePreferencesRequest(account_id="demo", user_id="alice", preferences=preferences)
    return await scene.real.preferences.UpdatePreferences(wish)


async def another_contact_for_a_logged_call(scene: Scene) -> object:
    contacts = scene.real.contacts
    ada = await contacts.CreateContact(pb.CreateContactRequest(account_id="demo", name="Ada", phone_number=STRANGER))
    bob = pb.CreateContactRequest(account_id="demo", name="Bob", phone_number="+12025550148")
    other = await contacts.CreateContact(bob)
    await scene.real.calls.LogCall(report("call-1", contact_id=ada.contact.id))
    return await scene.real.calls.LogCall(report("call-1", contact_id=other.contact.id))


async def a_lookup_that_hangs(scene: Scene) -> object:
    scene.crm.hang()
    return await scene.real.contacts.FindContact(ASKED, timeout=0.5)


async def a_watch_that_falls_behind(scene: Scene) -> object:
    command: Any = scene.real.harness.app.commands.watch_call_logs
    command._most_missed = -1  # noqa: SLF001 - any change at all is too much; ten thousand of them would take long
    messages = aiter(scene.real.calls.WatchCallLogs(logs_pb.WatchCallLogsRequest(account_id="demo")))
    await anext(messages)
    await scene.real.calls.LogCall(report("call-1"))
    await anext(messages)
    return await anext(messages)


async def a_watch_on_a_server_that_stops(scene: Scene) -> object:
    messages = aiter(scene.real.calls.WatchCallLogs(logs_pb.WatchCallLogsRequest(account_id="demo")))
    await anext(messages)
    await scene.real.server.drain(5)
    return await anext(messages)


def a_token_from_the_future(scene: Scene) -> str:
    return tokens.sign(scene.real.harness.app.ledger.secret, "watch", "demo\n", "1000000")


def get_log(call_id: str) -> Act:
    return lambda scene: scene.real.calls.GetCallLog(logs_pb.GetCallLogRequest(account_id="demo", call_id=call_id))


def list_logs(page_token: str) -> Act:
    request = logs_pb.ListCallLogsRequest(account_id="demo", page_token=page_token)
    return lambda scene: scene.real.calls.ListCallLogs(request)


def directory(rpc: str, request: Message) -> Act:
    """Call an RPC of DirectoryService."""

    async def act(scene: Scene) -> object:
        async with grpc.aio.insecure_channel(scene.real.address) as channel:
            return await getattr(DirectoryServiceStub(channel), rpc)(request)

    return act


def upsert(user_id: str, **fields: Any) -> Act:
    user = directory_pb2.User(user_id=user_id, **fields)
    return directory("UpsertUser", directory_service_pb2.UpsertUserRequest(account_id="demo", user=user))


async def a_quota_that_is_used_up(scene: Scene) -> object:
    await find()(scene)  # an account has its own quota after its first call
    scene.real.server.door.use_of("demo", perf_counter()).in_flight_bytes = 2**40
    return await find()(scene)


async def one_user_too_many(scene: Scene) -> object:
    ledger: Any = scene.real.harness.app.ledger
    rows = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
        " INSERT INTO users (account_id, user_id, is_active, crm_user_id, body) SELECT 'demo', i, 1, '', '' FROM n"
    )
    await ledger._database.write(lambda connection: connection.execute(rows, (10_000,)).close())  # noqa: SLF001 - one by one they would take long
    return await upsert("jane")(scene)
