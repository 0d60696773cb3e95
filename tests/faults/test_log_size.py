"""The write-ahead log stays small however often servers are killed, each of them too early to have moved it."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Final

from leadline_server.ledger.sqlite import open_sqlite_ledger
from leadline_server.storage.sqlite import CHECKPOINT_AFTER
from leadline_server.testing.ledger_samples import call_log, put
from support.databases import rows

ROUNDS, CALLS, NOTE_LENGTH = 12, 150, 20_000

WRITE_AND_DIE: Final = """
import asyncio, os, signal, sys
from pathlib import Path
from leadline_server.ledger.sqlite import open_sqlite_ledger
from leadline_server.testing.ledger_samples import call_log, put

async def main(path, name, calls, length):
    async with open_sqlite_ledger(Path(path)) as ledger:
        for number in range(int(calls)):
            await put(ledger, call_log(f"{name}-{number}", explanation="x" * int(length)))
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_the_log_does_not_grow_from_kill_to_kill(tmp_path: Path) -> None:
    path, sizes = tmp_path / "ledger.db", list[int]()
    assert CALLS < CHECKPOINT_AFTER / 2  # no process lives long enough to move the log on its own account
    for number in range(ROUNDS):
        arguments = (str(path), f"round-{number}", str(CALLS), str(NOTE_LENGTH))
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", WRITE_AND_DIE, *arguments)
        assert await process.wait() == -signal.SIGKILL
        sizes.append(path.with_name("ledger.db-wal").stat().st_size)
    # The log holds the writes of one process, and those that the process before it had left.
    assert max(sizes) <= 2.5 * sizes[0], sizes
    async with open_sqlite_ledger(path) as ledger:
        await put(ledger, call_log("last"))
    assert rows(path, "SELECT count(*) FROM call_logs") == [(ROUNDS * CALLS + 1,)]
