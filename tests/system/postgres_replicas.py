"""Servers that share a PostgreSQL ledger, and a fake CRM behind them."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from fakes.misbehaviour import GOOD_TOKEN
from fakes.process import FakeProcess
from leadline import AsyncClient
from leadline.v1.preferences_pb2 import UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER, Preferences
from support.servers import server_process

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - on a disk each database takes seconds to create
PARENT: Final = MEMORY if MEMORY.is_dir() else None


@asynccontextmanager
async def replicas(folder: Path, crm: FakeProcess, ledger: str, count: int) -> AsyncIterator[list[AsyncClient]]:
    """A client of each of `count` servers with account `demo` on one ledger."""
    file = folder / "leadline.toml"
    options: Mapping[str, str] = {"adapter": "hubspot", "api_url": crm.url, "token": GOOD_TOKEN}
    lines = [f"{name} = {json.dumps(value)}" for name, value in options.items()]
    file.write_text("\n".join(["[connections.crm]", *lines, "[accounts.demo]", 'connection = "crm"']))
    settings = {"LEADLINE_CONFIG": str(file), "LEADLINE_LEDGER": ledger}
    async with AsyncExitStack() as stack:
        clients = []
        for number in range(count):
            server = stack.enter_context(server_process(folder / f"data-{number}", settings=settings))
            client = AsyncClient(server.address, account="demo", user="alice")
            clients.append(await stack.enter_async_context(client))
        wish = Preferences(unknown_contact_action=UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER)
        await clients[0].update_preferences(wish)
        yield clients
