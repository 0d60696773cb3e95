"""A server without authentication, in this process, and what a platform says to it about accounts."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from leadline.admin.v1 import account_service_pb2 as pb
from leadline.admin.v1.account_pb2 import Account, Connection
from leadline.admin.v1.account_service_pb2_grpc import AccountServiceStub
from leadline.v1.call_log_pb2 import CallLog
from leadline.v1.call_log_service_pb2 import LogCallRequest
from leadline.v1.call_log_service_pb2_grpc import CallLogServiceStub
from leadline.v1.contact_service_pb2 import CreateContactRequest, FindContactRequest, FindContactResponse
from leadline.v1.contact_service_pb2_grpc import ContactServiceStub
from leadline_server.app import App, open_app
from leadline_server.config import Settings
from leadline_server.config_tables import AccountConfig
from leadline_server.transport.server import Server
from prometheus_client import CollectorRegistry
from transport.serving import read_refusal

from support.apps import SettableClock, started
from support.ledgers import ledger_of

NUMBER = "+12025550147"


@dataclass
class Administered:
    """A server, and short words for its RPCs."""

    app: App
    clock: SettableClock
    accounts: Any
    calls: Any
    contacts: Any

    async def create(self, account_id: str = "acme", **fields: Any) -> Account:
        answer = await self.accounts.CreateAccount(pb.CreateAccountRequest(account_id=account_id, **fields))
        return answer.account  # type: ignore[no-any-return] # the stubs of this test are untyped

    async def set_connection(
        self,
        adapter: str,
        options: Mapping[str, Any] | None = None,
        secrets: Mapping[str, str] | None = None,
        account_id: str = "acme",
    ) -> Connection:
        request = pb.SetConnectionRequest(account_id=account_id, adapter=adapter, secrets=secrets or {})
        request.options.update(dict(options or {}))
        return (await self.accounts.SetConnection(request)).connection  # type: ignore[no-any-return] # as above

    async def check(self, account_id: str = "acme") -> Connection:
        answer = await self.accounts.CheckConnection(pb.CheckConnectionRequest(account_id=account_id))
        return answer.connection  # type: ignore[no-any-return] # as above

    async def log(self, call_id: str = "c1", account_id: str = "acme") -> CallLog:
        call: Any = {"id": call_id, "direction": "CALL_DIRECTION_INBOUND", "caller": {"phone_number": NUMBER}}
        request = LogCallRequest(account_id=account_id, user_id="alice", call=call)
        return (await self.calls.LogCall(request, timeout=10)).call_log  # type: ignore[no-any-return] # as above

    async def create_contact(self, name: str = "Ada", account_id: str = "acme") -> None:
        await self.contacts.CreateContact(
            CreateContactRequest(account_id=account_id, user_id="alice", name=name, phone_number=NUMBER)
        )

    async def find(self, account_id: str = "acme") -> FindContactResponse:
        request = FindContactRequest(account_id=account_id, user_id="alice", phone_numbers=[NUMBER], skip_cache=True)
        return await self.contacts.FindContact(request, timeout=10)  # type: ignore[no-any-return] # as above


@asynccontextmanager
async def administered(folder: Path, **settings: Any) -> AsyncIterator[Administered]:
    """Serve an account `filed` of the settings file, and those that the test creates."""
    clock, registry = SettableClock(), CollectorRegistry()
    made = Settings(
        data_dir=folder / "data",
        ledger=ledger_of(folder / "data"),
        secrets_key_file=folder / "secrets.key",
        **{"accounts": {"filed": AccountConfig()}, **settings},
    )
    async with open_app(made, clock=clock, registry=registry) as app:
        server = Server(app.commands, registry)
        address = f"127.0.0.1:{server.bind('127.0.0.1:0')}"
        options = [("grpc.use_local_subchannel_pool", 1)]
        async with started(server), grpc.aio.insecure_channel(address, options=options) as channel:
            stubs = (stub(channel) for stub in (AccountServiceStub, CallLogServiceStub, ContactServiceStub))
            yield Administered(app, clock, *stubs)


async def refused(call: Any) -> tuple[str, str, list[str]]:
    """The code and the reason of a refusal, and the fields that it names."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        refusal = read_refusal(error)
        return error.code().name, refusal.info.reason, list(refusal.violations)
    raise AssertionError("it was not refused")
