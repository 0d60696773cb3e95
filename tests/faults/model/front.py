"""The gRPC server of the model's runs, before the app that serves now."""

import asyncio
from collections.abc import Awaitable
from types import SimpleNamespace
from typing import Any, Protocol, TypeVar, cast

import grpc
from leadline.v1.call_log_service_pb2_grpc import CallLogServiceStub
from leadline.v1.contact_service_pb2_grpc import ContactServiceStub
from leadline.v1.preferences_service_pb2_grpc import PreferencesServiceStub
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
        commands = SimpleNamespace(**{name: _Forward(self, name) for name in Commands.__dataclass_fields__})
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
    """A command, or the accounts, of the app that is behind the front now."""

    def __init__(self, front: Front, name: str) -> None:
        self._front = front
        self._name = name

    def __getattr__(self, method: str) -> Any:
        """A method of it. The server takes some before there is an app."""

        def forward(*args: Any, **named: Any) -> Any:
            return getattr(getattr(self._front.app.commands, self._name), method)(*args, **named)

        return forward

    def seen_in_ledger(self, account_id: str) -> Any:
        """As the method of the accounts, which only some ledgers have."""
        seen_in_ledger = self._front.app.commands.accounts.seen_in_ledger
        return None if seen_in_ledger is None else seen_in_ledger(account_id)
