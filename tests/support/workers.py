"""A server of several workers, as tests see it."""

import os
import re
import signal
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc

from support.servers import ServerProcess, server_process, until

CHANNELS: Final = 24
"""Connections, so many that Linux gives some to each worker: all to one of two happens once in 8 million times."""

_sample = re.compile(r"^(\w+)\{(.*)\} (\S+)$", re.MULTILINE).findall
_label = re.compile(r'(\w+)="([^"]*)"').findall


@dataclass(frozen=True)
class Workers:
    """A server and its workers. `server.process` is the supervisor."""

    server: ServerProcess

    @property
    def pids(self) -> dict[int, int]:
        """The workers' process ids by their numbers. While one is replaced, the newer one counts."""
        pids = {}
        for pid in self.children:
            command = Path(f"/proc/{pid}/cmdline")
            if found := re.search(r'"number": (\d+)', command.read_text() if command.exists() else ""):
                pids[int(found[1])] = pid
        return pids

    @property
    def children(self) -> list[int]:
        """All processes of the supervisor, the oldest first."""
        pid = self.server.pid
        return sorted(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))

    def kill(self, number: int) -> None:
        """Kill a worker with signal 9."""
        os.kill(self.pids[number], signal.SIGKILL)

    def metrics(self) -> str:
        """The text of the metrics port."""
        with urllib.request.urlopen(f"http://{self.server.metrics_address}/metrics", timeout=10) as response:
            text: str = response.read().decode()
        return text

    def figure(self, name: str, **labels: str) -> dict[int, float]:
        """The value of a metric by the worker's number, summed over other labels."""
        values: dict[int, float] = {}
        for found, text, value in _sample(self.metrics()):
            given = dict(_label(text))
            if found == name and labels.items() <= given.items():
                number = int(given["worker"])
                values[number] = values.get(number, 0) + float(value)
        return values

    def until_up(self) -> None:
        """Wait until all workers answer."""
        until(lambda: set(self.figure("leadline_worker_up").values()) == {1.0}, 60)


@contextmanager
def workers(
    data_dir: Path, *flags: str, number: int = 2, settings: dict[str, str] | None = None, has_addresses: bool = False
) -> Iterator[Workers]:
    """Run `leadline serve --workers N`; see `server_process`."""
    started = server_process(
        data_dir, "--workers", str(number), *flags, settings=settings, has_addresses=has_addresses, is_executed=True
    )
    with started as server:
        yield Workers(server)


@asynccontextmanager
async def channels(address: str, number: int = CHANNELS) -> AsyncIterator[list[grpc.aio.Channel]]:
    """Channels with a connection each."""
    options = (("grpc.use_local_subchannel_pool", 1),)
    async with AsyncExitStack() as stack:
        opened = [grpc.aio.insecure_channel(address, options=options) for _ in range(number)]
        for channel in opened:
            await stack.enter_async_context(channel)
        yield opened
