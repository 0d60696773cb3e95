"""A server that wants credentials, in this process, with two accounts; and keys for it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import grpc
from leadline_server.app import App, open_app
from leadline_server.commands.keys import IssuedKey, KeyWish
from leadline_server.config import Settings
from leadline_server.config_tables import AccountConfig, ConnectionTable
from leadline_server.domain.access.principals import GRANTS_OF, WITHOUT_ACCOUNT, Grant, Principal, Role
from leadline_server.transport.server import Server
from prometheus_client import CollectorRegistry

from support.apps import SettableClock, started

OWN: Final = "acme"
OTHER: Final = "hooli-1"
MISSING: Final = "initech"
ALICE: Final = "alice"
BOB: Final = "bob"
ISSUER: Final = Principal(id="key:test", role=Role.PLATFORM)


def wish(role: Role, account_id: str = OWN, *, granted: bool = True, user_id: str = ALICE, **more: Any) -> KeyWish:
    """The wish for a key of a role."""
    grants = frozenset({GRANTS_OF[role]}) if granted and role in GRANTS_OF else frozenset[Grant]()
    return KeyWish(
        account_id="" if role in WITHOUT_ACCOUNT else account_id,
        role=role,
        user_id=user_id if role is Role.USER else "",
        grants=grants,
        **more,
    )


@dataclass
class Guarded:
    """A server that wants credentials."""

    app: App
    server: Server
    address: str
    channel: grpc.aio.Channel
    registry: CollectorRegistry
    clock: SettableClock
    keys: dict[Any, IssuedKey] = field(default_factory=dict)

    async def issue(self, role: Role, account_id: str = OWN, **more: Any) -> IssuedKey:
        """A new key."""
        return await self.app.commands.keys.issue(wish(role, account_id, **more), ISSUER)

    async def key(self, role: Role, account_id: str = OWN) -> str:
        """The one key of a role."""
        if (role, account_id) not in self.keys:
            self.keys[role, account_id] = await self.issue(role, account_id)
        return self.keys[role, account_id].secret

    async def call(self, path: str, request: Any, key: str | None, answer: Any = None) -> Any:
        """Call an RPC with a key. Returns the answer's bytes, or the answer."""
        call: Any = self.channel.unary_unary(path, response_deserializer=answer and answer.FromString)
        return await call(request.SerializeToString(), metadata=bearer(key), timeout=10.0)


def bearer(key: str | None) -> Sequence[tuple[str, str]]:
    """The metadata of a call with a key."""
    return () if key is None else (("authorization", f"Bearer {key}"),)


@asynccontextmanager
async def guarded(
    folder: Path, *, connection: Mapping[str, Any] | None = None, **settings: Any
) -> AsyncIterator[Guarded]:
    """Serve the accounts OWN and OTHER, with authentication. `connection`: of both to a CRM; None: the embedded one."""
    clock, registry = SettableClock(), CollectorRegistry()
    if connection is not None:
        settings["connections"] = {"crm": ConnectionTable.model_validate(connection)}
    account = AccountConfig() if connection is None else AccountConfig(connection="crm")
    made = Settings(data_dir=folder, authentication=True, accounts={OWN: account, OTHER: account}, **settings)
    async with open_app(made, clock=clock, registry=registry) as app:
        server = Server(app.commands, registry, authenticator=app.authenticator, has_reflection=made.reflection)
        address = f"127.0.0.1:{server.bind('127.0.0.1:0')}"
        options = [("grpc.use_local_subchannel_pool", 1)]
        async with started(server), grpc.aio.insecure_channel(address, options=options) as channel:
            yield Guarded(app, server, address, channel, registry, clock)
