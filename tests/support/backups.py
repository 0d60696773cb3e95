"""Calls in the ledger of a server, and backups of them by the command line."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from leadline import AsyncClient, Client, errors
from leadline.v1.call_log_pb2 import CallLog
from leadline.v1.call_pb2 import CALL_DIRECTION_INBOUND, Call, Party

from support.databases import rows
from support.servers import leadline

KNOWN = "+12025550147"


def a_call(call_id: str) -> Call:
    return Call(id=call_id, direction=CALL_DIRECTION_INBOUND, caller=Party(phone_number=KNOWN))


def log(client: Client, call_id: str) -> CallLog:
    return client.log_call(a_call(call_id))


async def report(client: AsyncClient, call_id: str) -> None:
    """Report a call as phone systems do: a report whose answer did not come is sent again, for two minutes at most."""
    async with asyncio.timeout(120):
        while True:
            try:
                await client.log_call(a_call(call_id))
            except (errors.DeadlineExceeded, errors.Unavailable):
                await asyncio.sleep(0.2)
            else:
                return


def log_some(address: str, call_ids: Sequence[str]) -> None:
    with Client(address, account="demo", user="alice") as client:
        for call_id in call_ids:
            log(client, call_id)


def calls_in(ledger: Path) -> set[str]:
    return {call_id for (call_id,) in rows(ledger, "SELECT call_id FROM call_logs")}


def saved(folder: Path, data_dir: Path, *more: str | Path) -> str:
    done = leadline("backup", folder, "--data-dir", data_dir, *more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
