"""The quota of stored bytes is that of all processes: the ledger counts, and every process refuses."""

import asyncio
from pathlib import Path
from typing import Final

from leadline import AsyncClient, errors
from leadline.v1.call_pb2 import CALL_DIRECTION_INBOUND, Call, Party
from support.servers import ServerProcess, server_process

QUOTA: Final = 200_000
SAID: Final = "account stores as much as it may"


async def accepted(server: ServerProcess, account: str, prefix: str, calls: int) -> int:
    """Report new calls, so many at most; returns how many were accepted before one was refused for the quota."""
    async with AsyncClient(server.address, account=account, user="alice") as client:
        for number in range(calls):
            party = Party(phone_number="+12025550147")
            try:
                await client.log_call(Call(id=f"{prefix}-{number}", direction=CALL_DIRECTION_INBOUND, caller=party))
            except errors.ResourceExhausted as error:
                if error.metadata["quota"] != "stored_bytes":
                    raise
                return number
    return calls


async def test_what_one_process_stored_counts_in_all(tmp_path: Path) -> None:
    file, data = tmp_path / "leadline.toml", tmp_path / "data"
    file.write_text(f"[accounts.greedy]\nstored_bytes = {QUOTA}\n[accounts.other]\n")
    settings = {"LEADLINE_CONFIG": str(file)}
    with server_process(data, settings=settings) as one, server_process(data, settings=settings) as two:
        assert await accepted(one, "greedy", "one", 100_000) >= QUOTA // 8192
        async with asyncio.timeout(20):
            while await accepted(two, "greedy", "two", 1):
                await asyncio.sleep(0.05)
        assert await accepted(one, "other", "one", 20) == await accepted(two, "other", "two", 20) == 20
        async with AsyncClient(two.address, account="greedy", user="alice") as client:
            assert (await client.get_call_log("one-0")).call.id == "one-0"
        assert one.stderr.count(SAID) == 2, "each of the two says it once, in the same file"
