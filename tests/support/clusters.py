"""Several server processes on one data directory, started at the same moment and by any command."""

import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from support import forked_commands
from support.ledgers import settings_of
from support.servers import LEADLINE, START_SECONDS, STOP_SECONDS, Process, ServerProcess, environment, until

SERVE: Final = (str(LEADLINE), "serve")

Start = Callable[[Mapping[str, str], IO[bytes], IO[bytes]], Process]
"""Starts a server with environment variables; its output goes to the files."""


def serve(variables: Mapping[str, str], stdout: IO[bytes], stderr: IO[bytes]) -> Process:
    """Start `leadline serve`."""
    if forked_commands.is_usual(variables):
        return forked_commands.fork(["serve"], variables, stdout, stderr)
    return subprocess.Popen(SERVE, env=variables, stdout=stdout, stderr=stderr)


def command(*words: str) -> Start:
    """Start a server by a command, with an interpreter of its own."""
    return lambda variables, stdout, stderr: subprocess.Popen(words, env=variables, stdout=stdout, stderr=stderr)


_ready = re.compile(r"gRPC on (\S+) \(metrics on http://(\S+)/metrics").search


@contextmanager
def cluster(
    data_dir: Path, size: int, *, start: Start = serve, settings: Mapping[str, str] | None = None
) -> Iterator[list[ServerProcess]]:
    """Run `size` servers on `data_dir`, on free ports, until the body ends. Those still running must stop cleanly.

    Their output is in files beside `data_dir`. A later cluster appends to the files of standard error.

    Args:
        data_dir: the data directory of all servers.
        size: how many servers.
        start: starts one.
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
    started = [
        _start(data_dir.with_name(f"{data_dir.name}-{number}"), start, environment(given | dict(settings or {})))
        for number in range(size)
    ]
    try:
        servers = [each.served(data_dir) for each in started]
        yield servers
        running = [server for server in servers if server.is_running]
        for server in running:
            server.terminate()
        for server in running:
            assert server.wait() == 0, server.stderr
    finally:
        for each in started:
            if each.process.poll() is None:
                each.process.kill()
                each.process.wait(STOP_SECONDS)


@dataclass(frozen=True)
class _Started:
    """A server on its way."""

    process: Process
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


def _start(files: Path, start: Start, variables: Mapping[str, str]) -> _Started:
    began = time.monotonic()
    with files.with_suffix(".stdout").open("wb") as stdout, files.with_suffix(".stderr").open("ab") as stderr:
        process = start(variables, stdout, stderr)
    return _Started(process, files, began)
