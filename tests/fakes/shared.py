"""A fake CRM that the tests of a class may share: to serve one, and to open a ledger, takes longer than most tests."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Generic, TypeVar

from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.crm import CrmAdapter
from support.adapters import LedgerTokens, opened_adapter

from fakes.base import FakeCrm
from fakes.serving import FakeServer, fake_server

CrmT = TypeVar("CrmT", bound=FakeCrm)


@dataclass
class SharedFake(Generic[CrmT]):
    """A fake that is served in this loop, and a ledger for the tokens of connections to it.

    Attributes:
        server: the fake as it is served.
        make: makes a new fake.
        folder: the data directory of its adapters.
        tokens: the ledger's tokens, which opens when an adapter first uses them.
        connections: how many adapters were opened.
    """

    server: FakeServer[CrmT]
    make: Callable[[], CrmT]
    folder: Path
    tokens: LedgerTokens
    connections: int = 0

    async def renew(self) -> None:
        """Be as a new fake: without records or faults, and with nothing counted."""
        await self.server.renew(self.make())

    @asynccontextmanager
    async def adapter(
        self, name: str, options: Mapping[str, Any], settings: AccountSettings
    ) -> AsyncIterator[CrmAdapter]:
        """A new adapter for an account with `settings`; its connection is a new one too, so it has no token yet."""
        self.connections += 1
        connection = f"crm-{self.connections}"
        async with opened_adapter(name, options, self.folder, lambda: settings, self.tokens, connection) as adapter:
            yield adapter


@asynccontextmanager
async def shared_fake(make: Callable[[], CrmT]) -> AsyncIterator[SharedFake[CrmT]]:
    """What `make` makes, served until the body ends."""
    with TemporaryDirectory() as folder:
        async with AsyncExitStack() as closing, fake_server(make()) as server:
            yield SharedFake(server, make, Path(folder), LedgerTokens(Path(folder), closing))


@asynccontextmanager
async def given_or_new(given: SharedFake[CrmT] | None, make: Callable[[], CrmT]) -> AsyncIterator[SharedFake[CrmT]]:
    """The fake that tests share, if one is given; else a new one until the body ends."""
    if given is not None:
        yield given
        return
    async with shared_fake(make) as fake:
        yield fake
