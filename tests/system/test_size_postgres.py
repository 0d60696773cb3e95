"""Calls among a million finished ones, or ten million, and a million contacts: as quick as in an empty ledger.

All goes through the whole service, with the ledger in a file and in PostgreSQL. `-s` shows the figures.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import perf_counter
from typing import Final

import pytest
from leadline_server.commands.list_call_logs import CallLogQuery
from leadline_server.domain.call_log_states import CallLogState
from leadline_server.ports.ledger import CallLogFilter
from support.apps import ACCOUNT, Harness, open_harness
from support.ledgers import POSTGRESQL, SQLITE
from support.postgres import postgres_server
from system.filled_ledgers import EACH, KNOWN, NUMBER, fill, prune
from system.measures import compared, held_up

FEW: Final = EACH
"""Calls of the empty ledger: its pages have as many calls as those of the other."""

CALLS, MOST_CALLS = 1_000_000, 10_000_000
CONTACTS: Final = 1_000_000
MOST_TIMES: Final = 1.3
MOST_SECONDS: Final = 0.1
IN_MEMORY: Final = {"shared_buffers": "1GB", "max_wal_size": "8GB"}


class Asked:
    """The requests of a phone system."""

    def __init__(self, harness: Harness) -> None:
        self.harness = harness
        self._count = 0

    async def log(self) -> None:
        """LogCall of a known caller."""
        self._count += 1
        assert (await self.harness.log(f"new-{self._count}", KNOWN)).state is CallLogState.LOGGED

    async def list(self) -> None:
        """ListCallLogs: the newest page."""
        await self._page(CallLogFilter(account_id=ACCOUNT))

    async def list_of_number(self) -> None:
        """ListCallLogs of one number."""
        await self._page(CallLogFilter(account_id=ACCOUNT, phone_number=NUMBER))

    async def find(self) -> None:
        """FindContact."""
        assert len(await self.harness.find(KNOWN)) == 1

    async def prune(self) -> None:
        """Delete the oldest calls, some at a time."""
        await prune(self.harness)

    async def _page(self, selection: CallLogFilter) -> None:
        page = await self.harness.app.commands.list_call_logs.execute(
            CallLogQuery(selection=selection, page_size=50, page_token="")
        )
        assert len(page.call_logs) == 50


@asynccontextmanager
async def empty_and_full(folder: Path, kind: str, calls: int) -> AsyncIterator[tuple[Asked, Asked]]:
    """The service on a ledger with few calls, and on one with many. PostgreSQL keeps them on the disk."""
    async with AsyncExitStack() as stack:
        server = stack.enter_context(postgres_server(options=IN_MEMORY)) if kind == POSTGRESQL else None
        asked: list[Asked] = []
        for number, contacts in ((FEW, 1), (calls, CONTACTS)):
            began, url = perf_counter(), server.create() if server else ""
            data_dir = folder / f"calls-{number}"
            await fill(data_dir, number, contacts, server, url)
            sys.stdout.write(f"\n{kind}: {number:,} calls, {contacts:,} contacts in {perf_counter() - began:.0f} s\n")
            asked.append(Asked(await stack.enter_async_context(open_harness(data_dir, ledger=url))))
        empty, full = asked
        yield empty, full


async def measure(folder: Path, kind: str, calls: int) -> None:
    """Measure all, then judge."""
    async with empty_and_full(folder, kind, calls) as (empty, full):
        names = ("log", "list", "list_of_number", "find")
        figures = {name: await compared(getattr(empty, name), getattr(full, name)) for name in names}
        blocked = await held_up(full.log, full.prune)
    shown = ", ".join(f"{name} {ratio:.2f}" for name, ratio in figures.items())
    sys.stdout.write(f"{kind}, {calls:,} calls: {shown}; pruning held a writer {blocked * 1e3:.0f} ms\n")
    assert max(figures.values()) <= MOST_TIMES, shown
    assert blocked < MOST_SECONDS


@pytest.mark.soak
@pytest.mark.parametrize("calls", [CALLS, MOST_CALLS])
@pytest.mark.parametrize("kind", [SQLITE, POSTGRESQL])
async def test_calls_take_no_longer_among_millions(tmp_path: Path, kind: str, calls: int) -> None:
    await measure(tmp_path, kind, calls)
