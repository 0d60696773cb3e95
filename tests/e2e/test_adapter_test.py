"""`leadline adapter test`: the suite over an adapter in another process, by one command."""

import asyncio
import sys


async def run(*arguments: str) -> tuple[int, str]:
    """The exit code and the output of the command."""
    command = [sys.executable, "-m", "leadline_server.cli", "adapter", "test", *arguments]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()
