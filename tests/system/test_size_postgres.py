"""Calls among a million finished ones, or ten million, and a million contacts: as quick as in an empty ledger.

All goes through the whole service, with the ledger in a file and in PostgreSQL. `-s` shows the figures.
"""

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

import pytest
from support.apps import open_harness
from support.ledgers import POSTGRESQL, SQLITE
from support.postgres import postgres_server
from system.filled_ledgers import EACH, fill
from system.maintenance import OPTIONS, Asked, Maintenance, held_up_by_maintenance, in_milliseconds
from system.measures import Comparison, compared

FEW_CALLS: Final = EACH
"""Calls of the empty ledger: its pages have as many calls as those of the other."""

FEW_CONTACTS: Final = 100
CALLS, MOST_CALLS = 1_000_000, 10_000_000
CONTACTS: Final = 1_000_000
MOST_TIMES: Final = 1.3
MOST_SECONDS: Final = 0.1


@dataclass(frozen=True)
class Ledgers:
    """The service on a ledger with few calls, and on one with many, and the maintenance of the latter."""

    few: Asked
    many: Asked
    maintenance: Maintenance | None

    async def compare(self) -> Mapping[str, Comparison]:
        """How long requests take on both."""
        names = ("log", "list", "list_of_number", "find")
        return {name: await compared(getattr(self.few, name), getattr(self.many, name)) for name in names}

    async def hold_up(self) -> Mapping[str, float]:
        """How much longer a writer waits while others prune, migrate and vacuum, in seconds."""
        return await held_up_by_maintenance(self.many, self.maintenance)


@asynccontextmanager
async def filled(folder: Path, kind: str, calls: int) -> AsyncIterator[Ledgers]:
    """Fill both. PostgreSQL keeps them on the disk."""
    async with AsyncExitStack() as stack:
        server = stack.enter_context(postgres_server(options=OPTIONS)) if kind == POSTGRESQL else None
        asked: list[Asked] = []
        for number, contacts in ((FEW_CALLS, FEW_CONTACTS), (calls, CONTACTS)):
            began, url = perf_counter(), server.create() if server else ""
            data_dir = folder / f"calls-{number}"
            await fill(data_dir, number, contacts, server, url)
            sys.stdout.write(f"\n{kind}: {number:,} calls, {contacts:,} contacts in {perf_counter() - began:.0f} s\n")
            harness = await stack.enter_async_context(open_harness(data_dir, ledger=url))
            asked.append(Asked(harness, contacts))
        few, many = asked
        yield Ledgers(few, many, maintenance=Maintenance(server, url, calls) if server else None)


@pytest.mark.soak
@pytest.mark.parametrize("calls", [CALLS, MOST_CALLS])
@pytest.mark.parametrize("kind", [SQLITE, POSTGRESQL])
async def test_calls_take_no_longer_among_millions(tmp_path: Path, kind: str, calls: int) -> None:
    async with filled(tmp_path, kind, calls) as ledgers:
        figures, waits = await ledgers.compare(), await ledgers.hold_up()
    shown = "; ".join(f"{name} {comparison}" for name, comparison in figures.items())
    sys.stdout.write(f"{kind}, {calls:,} calls: {shown}; a writer waited longer by {in_milliseconds(waits)}\n")
    assert max(comparison.ratio for comparison in figures.values()) <= MOST_TIMES, shown
    assert max(waits.values()) < MOST_SECONDS, in_milliseconds(waits)
