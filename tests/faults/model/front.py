"""The gRPC server of the model's runs, before the app that serves now."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, Protocol, TypeVar, cast

import grpc
from leadline.v1.call_log_service_pb2_grpc import CallLogServiceStub
from leadline.v1.contact_service_pb2_grpc import ContactServiceStub
from leadline.v1.preferences_service_pb2_grpc import PreferencesServiceStub
from leadline_server.accounts.registry import Account
from leadline_server.app import App
from leadline_server.commands import Commands
from leadline_server.transport.server import Server
from prometheus_client import CollectorRegistry

T = TypeVar("T")


class Ledgers(Protocol):
    """Where the ledgers of runs are, other than in files: each has an address."""

    def create(self) -> str:
        """A new ledger for a run."""
        ...

    def taken_away(self, ledger: str) -> str:
        """The same ledger as it is at this instant, at another address. The old one reaches nothing any more."""
        ...

    def drop(self, ledger: str) -> None:
        """The run is over."""
        ...


class Front:
    """The server and the channel to it; `app` is what is behind it now. Without `ledgers` they are files."""

    def __init__(self, runner: asyncio.Runner, ledgers: Ledgers | None = None) -> None:
        self._runner = runner
        self.ledgers = ledgers
        self.app: App
        self.run(self._open())

    def run(self, work: Awaitable[T]) -> T:
        async def awaited() -> T:
            return await work

        return self._runner.run(awaited())

    async def _open(self) -> None:
        names = [name for name in Commands.__dataclass_fields__ if name != "accounts"]
        commands = SimpleNamespace(**{name: _Forward(self, name) for name in names}, accounts=_ForwardAccounts(self))
        self.server = Server(cast("Commands", commands), CollectorRegistry())
        port = self.server.bind("127.0.0.1:0")
        await self.server.start()
        self.channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
        self.calls = CallLogServiceStub(self.channel)
        self.contacts = ContactServiceStub(self.channel)
        self.preferences = PreferencesServiceStub(self.channel)

    async def close(self) -> None:
        await self.channel.close()
        await self.server.drain(0.1)


class _Forward:
    """A command of whatever app is behind the front now."""

    def __init__(self, front: Front, name: str) -> None:
        self._front = front
        self._name = name

    def __getattr__(self, method: str) -> Any:
        return getattr(getattr(self._front.app.commands, self._name), method)


class _ForwardAccounts:
    """The accounts of whatever app is behind the front now."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def knows(self, account_id: str) -> bool:
        return self._front.app.commands.accounts.knows(account_id)

    async def get(self, account_id: str) -> Account:
        return await self._front.app.commands.accounts.get(account_id)

    async def confirmed(self, account_id: str, work: Callable[[Account, int], Awaitable[T]]) -> T:
        return await self._front.app.commands.accounts.confirmed(account_id, work)

    async def find(self, account_id: str) -> Account | None:
        return await self._front.app.commands.accounts.find(account_id)
