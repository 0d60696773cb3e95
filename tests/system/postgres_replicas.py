"""Servers that share a PostgreSQL ledger, and a fake CRM behind them."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final

import grpc
from e2e.crm_journey import a_call
from fakes.misbehaviour import GOOD_TOKEN
from fakes.process import FakeProcess
from leadline import AsyncClient, LeadlineError
from leadline.v1.preferences_pb2 import UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER, Preferences
from support.servers import ServerProcess, server_process

SECONDS: Final = 180.0
"""How long these tests wait for anything. The machine may be busy."""


@contextmanager
def servers(folder: Path, crm: FakeProcess, ledger: str, count: int, **more: str) -> Iterator[list[ServerProcess]]:
    """`count` servers with account `demo` on one ledger. `more` are settings by their environment variables."""
    file = folder / "leadline.toml"
    options: Mapping[str, str] = {"adapter": "hubspot", "api_url": crm.url, "token": GOOD_TOKEN}
    lines = [f"{name} = {json.dumps(value)}" for name, value in options.items()]
    file.write_text("\n".join(["[connections.crm]", *lines, "[accounts.demo]", 'connection = "crm"']))
    settings = {"LEADLINE_CONFIG": str(file), "LEADLINE_LEDGER": ledger, **more}
    with ExitStack() as stack:
        yield [
            stack.enter_context(server_process(folder / f"data-{number}", settings=settings)) for number in range(count)
        ]


@asynccontextmanager
async def clients_of(running: Sequence[ServerProcess]) -> AsyncIterator[list[AsyncClient]]:
    """A client of each server, for a user whose unknown callers become placeholders."""
    async with AsyncExitStack() as stack:
        clients = [AsyncClient(server.address, account="demo", user="alice") for server in running]
        for client in clients:
            await stack.enter_async_context(client)
        wish = Preferences(unknown_contact_action=UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER)
        await clients[0].update_preferences(wish)
        yield clients


@asynccontextmanager
async def replicas(folder: Path, crm: FakeProcess, ledger: str, count: int) -> AsyncIterator[list[AsyncClient]]:
    """A client of each of `count` servers with account `demo` on one ledger."""
    with servers(folder, crm, ledger, count) as running:
        async with clients_of(running) as clients:
            yield clients


async def report_all(
    clients: list[AsyncClient], count: int, patience: float = 30
) -> tuple[list[str], set[grpc.StatusCode]]:
    """Report calls until each was accepted; returns their ids, and the codes of refusals."""
    codes: set[grpc.StatusCode] = set()

    async def report(number: int) -> str:
        await asyncio.sleep(number / 20)
        call_id = f"call-{number}"
        while True:
            try:
                await clients[number % len(clients)].log_call(a_call(call_id, "+12025550147"), timeout=patience)
            except LeadlineError as error:
                codes.add(error.code)
                await asyncio.sleep(0.1)
            else:
                return call_id

    return list(await asyncio.gather(*map(report, range(count)))), codes


async def until_logged(client: AsyncClient, call_id: str) -> None:
    """Return once a call is in the CRM."""
    async with asyncio.timeout(SECONDS):
        while True:
            with suppress(LeadlineError):
                if (await client.get_call_log(call_id)).crm_log_id:
                    return
            await asyncio.sleep(0.1)
