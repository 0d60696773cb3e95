"""The server, and the other commands of the console script, as processes of their own."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from support import forked_commands
from support.ledgers import settings_of

LEADLINE: Final = Path(sys.executable).with_name("leadline")
"""The console script of the virtual environment that the tests run in."""

Process = subprocess.Popen[bytes] | forked_commands.ForkedProcess

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 0.005

_http = re.compile(r"^JSON over HTTP on https?://(\S+?)\.(?: |$)", re.MULTILINE).search
_ready = re.compile(r"gRPC on (\S+) \(metrics on https?://(\S+)/metrics").search


@dataclass
class ServerProcess:
    """A `leadline serve` that printed where it serves.

    Attributes:
        process: the process.
        address: where gRPC is served, `host:port`.
        metrics_address: where `/metrics` and `/healthz` are served, `host:port`.
        data_dir: the folder of its databases.
        stdout: what it printed for people when it began to serve.
        stderr_path: the file that its standard error goes to; a restart on the same folder goes on in it.
        start_seconds: from the start of the process until it said that it serves.
    """

    process: Process
    address: str
    metrics_address: str
    data_dir: Path
    stdout: str
    stderr_path: Path
    start_seconds: float

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def http_address(self) -> str:
        """Where JSON over HTTP is served, `host:port`; empty: nowhere."""
        served = _http(self.stdout)
        return served[1] if served else ""

    @property
    def stderr(self) -> str:
        """Its standard error so far."""
        return self.stderr_path.read_text()

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def terminate(self) -> None:
        """Send SIGTERM, and do not wait."""
        os.kill(self.pid, signal.SIGTERM)

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        """The exit code, once it has ended."""
        return self.process.wait(seconds)

    def stop(self, seconds: float = STOP_SECONDS) -> int:
        """SIGTERM, then the exit code."""
        self.terminate()
        return self.wait(seconds)

    def kill(self) -> None:
        """Kill it with signal 9: whatever it was doing ends here."""
        os.kill(self.pid, signal.SIGKILL)
        self.process.wait(STOP_SECONDS)


@contextmanager
def server_process(
    data_dir: Path,
    *flags: str,
    settings: Mapping[str, str] | None = None,
    has_addresses: bool = False,
    has_data_dir: bool = False,
    is_executed: bool = False,
) -> Iterator[ServerProcess]:
    """Run `leadline serve` until the body ends; a server that still runs then has to stop cleanly on SIGTERM.

    Args:
        data_dir: its data directory, which may be that of a server before.
        flags: of the command line.
        settings: environment variables, whole names.
        has_addresses: the flags, `settings` or a file say where to listen; else it listens on free ports.
        has_data_dir: they say where its data is; else it is in `data_dir`.
        is_executed: it has an interpreter and a command line of its own, as in real life; else it is forked from a
            process that has imported the modules, which takes a fraction of the time.
    """
    given = {} if has_data_dir else {"LEADLINE_DATA_DIR": str(data_dir), **settings_of(data_dir)}
    if not has_addresses:
        given |= {
            "LEADLINE_LISTEN": "127.0.0.1:0",
            "LEADLINE_METRICS_LISTEN": "127.0.0.1:0",
            "LEADLINE_HTTP_LISTEN": "",
            "LEADLINE_CHECK_CONNECTIONS": "false",  # tests count the requests to their CRMs
        }
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    stdout_path, stderr_path = data_dir.with_suffix(".stdout"), data_dir.with_suffix(".stderr")
    started = time.monotonic()
    with stdout_path.open("wb") as stdout, stderr_path.open("ab") as stderr:
        variables = environment(given | dict(settings or {}))
        process: Process
        if not is_executed and forked_commands.is_usual(variables):
            process = forked_commands.fork(["serve", *flags], variables, stdout, stderr)
        else:
            process = subprocess.Popen([LEADLINE, "serve", *flags], env=variables, stdout=stdout, stderr=stderr)
    try:
        printed, ready = _announcement(process, stdout_path, stderr_path)
        server = ServerProcess(
            process=process,
            address=ready[1],
            metrics_address=ready[2],
            data_dir=data_dir,
            stdout=printed,
            stderr_path=stderr_path,
            start_seconds=time.monotonic() - started,
        )
        yield server
        if server.is_running:
            assert server.stop() == 0, server.stderr
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(STOP_SECONDS)


@contextmanager
def server_of_accounts(folder: Path, count: int) -> Iterator[ServerProcess]:
    """A server with accounts a0, a1, ... in region US, so that each test can have its own. Its data is in `folder`."""
    config = folder / "leadline.toml"
    config.write_text("".join(f'[accounts.a{number}]\ndefault_region = "US"\n' for number in range(count)))
    with server_process(folder / "data", settings={"LEADLINE_CONFIG": str(config)}) as running:
        yield running


def leadline(
    *arguments: str | Path, settings: Mapping[str, str] | None = None, seconds: float = 60.0
) -> subprocess.CompletedProcess[str]:
    """Run the console script to its end, with no settings but `settings`."""
    variables = environment(settings or {})
    if forked_commands.is_usual(variables):
        return forked_commands.run([str(argument) for argument in arguments], variables, seconds)
    return subprocess.run(
        [LEADLINE, *arguments],
        env=variables,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with `settings` for its only LEADLINE_ variables, and a terminal wide enough."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LEADLINE_")}
    return {**inherited, "COLUMNS": "200", **settings}


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until the condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(_POLL_SECONDS)


def _announcement(process: Process, stdout_path: Path, stderr_path: Path) -> tuple[str, re.Match[str]]:
    """The server's output when it is ready, and the match of its addresses."""

    def read() -> re.Match[str] | None:
        return _ready(stdout_path.read_text())

    until(lambda: read() is not None or process.poll() is not None, START_SECONDS)
    ready = read()
    assert ready is not None, f"It ended with {process.returncode}: {stderr_path.read_text()}"
    return ready.string, ready
