"""A ledger with many calls, written without a server."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

from leadline_server.clock import SystemClock
from leadline_server.domain.call_log_states import CallLogReason, CallLogState
from leadline_server.ledger.sqlite.ledger import open_sqlite_ledger
from leadline_server.testing.ledger_samples import call_log, put

GROUP = 500


def fill(path: Path, calls: int) -> None:
    """Write finished calls of account demo into a new ledger, one a minute."""
    with ThreadPoolExecutor(1) as thread:  # the browser's driver has an event loop on this one
        thread.submit(asyncio.run, _fill(path, calls)).result()


async def _fill(path: Path, calls: int) -> None:
    now = SystemClock().now()
    async with open_sqlite_ledger(path) as ledger:
        for first in range(0, calls, GROUP):
            logs = [
                call_log(
                    f"old-{number}",
                    account_id="demo",
                    start_time=now - timedelta(minutes=number + 1),
                    state=CallLogState.UNLOGGED,
                    reason=CallLogReason.NO_CONTACT,
                    input_revision=1,
                    decided_revision=1,
                    explanation="No contact has it; unknown_contact_action is DO_NOTHING by the built-in default.",
                )
                for number in range(first, first + GROUP)
            ]
            await asyncio.gather(*(put(ledger, log) for log in logs))
