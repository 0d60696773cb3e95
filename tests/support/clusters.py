"""Several server processes on one data directory, started at the same moment and by any command."""

import re
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from support.ledgers import settings_of
from support.servers import LEADLINE, START_SECONDS, STOP_SECONDS, ServerProcess, environment, until

SERVE: Final = (str(LEADLINE), "serve")

_ready = re.compile(r"gRPC on (\S+) \(metrics on http://(\S+)/metrics").search


@contextmanager
def cluster(
    data_dir: Path, size: int, *, command: Sequence[str] = SERVE, settings: Mapping[str, str] | None = None
) -> Iterator[list[ServerProcess]]:
    """Run `size` servers on `data_dir`, on free ports, until the body ends. Those still running must stop cleanly.

    Their output is in files beside `data_dir`. A later cluster appends to the files of standard error.

    Args:
        data_dir: the data directory of all servers.
        size: how many servers.
        command: the command that starts one.
        settings: environment variables by their full names.
    """
    given = {
        "LEADLINE_DATA_DIR": str(data_dir),
        "LEADLINE_LISTEN": "127.0.0.1:0",
        "LEADLINE_METRICS_LISTEN": "127.0.0.1:0",
        "LEADLINE_HTTP_LISTEN": "",
        **settings_of(data_dir),
    }
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    starts = [
        _start(data_dir.with_name(f"{data_dir.name}-{number}"), command, environment(given | dict(settings or {})))
        for number in range(size)
    ]
    try:
        servers = [start.served(data_dir) for start in starts]
        yield servers
        running = [server for server in servers if server.is_running]
        for server in running:
            server.terminate()
        for server in running:
            assert server.wait() == 0, server.stderr
    finally:
        for start in starts:
            if start.process.poll() is None:
                start.process.kill()
                start.process.wait(STOP_SECONDS)


@dataclass(frozen=True)
class _Start:
    """A server on its way."""

    process: subprocess.Popen[bytes]
    files: Path
    began: float

    def served(self, data_dir: Path) -> ServerProcess:
        """The server, once it says that it serves."""
        until(lambda: self._announced() is not None or self.process.poll() is not None, START_SECONDS)
        ready = self._announced()
        stderr_path = self.files.with_suffix(".stderr")
        assert ready is not None, f"It ended with {self.process.returncode}: {stderr_path.read_text()}"
        return ServerProcess(
            process=self.process,
            address=ready[1],
            metrics_address=ready[2],
            data_dir=data_dir,
            stdout=ready.string,
            stderr_path=stderr_path,
            start_seconds=time.monotonic() - self.began,
        )

    def _announced(self) -> re.Match[str] | None:
        return _ready(self.files.with_suffix(".stdout").read_text())


def _start(files: Path, command: Sequence[str], variables: Mapping[str, str]) -> _Start:
    began = time.monotonic()
    with files.with_suffix(".stdout").open("wb") as stdout, files.with_suffix(".stderr").open("ab") as stderr:
        process = subprocess.Popen(command, env=variables, stdout=stdout, stderr=stderr)
    return _Start(process, files, began)
