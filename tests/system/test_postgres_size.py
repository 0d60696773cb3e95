"""Pruning, autovacuum and migrations of a PostgreSQL ledger hold no writer up. `-s` shows the figures.

`test_size_postgres` does the same with millions of calls.
"""

import sys
from pathlib import Path
from typing import Final

import pytest
from support.apps import open_harness
from support.postgres import postgres_server
from system.filled_ledgers import EACH, fill
from system.maintenance import OPTIONS, Asked, Maintenance, held_up_by_maintenance, in_milliseconds

CALLS: Final = 20_000
MOST_SECONDS: Final = 0.1


@pytest.mark.system
async def test_pruning_autovacuum_and_migrations_hold_no_writer_up(tmp_path: Path) -> None:
    with postgres_server(options=OPTIONS) as server:
        url, contacts = server.create(), CALLS // EACH
        await fill(tmp_path / "data", CALLS, contacts, server, url)
        async with open_harness(tmp_path / "data", ledger=url) as harness:
            figures = await held_up_by_maintenance(Asked(harness, contacts), Maintenance(server, url, CALLS))
    sys.stdout.write(f"\n{CALLS:,} calls: a writer waited longer by {in_milliseconds(figures)}\n")
    assert max(figures.values()) < MOST_SECONDS, in_milliseconds(figures)
