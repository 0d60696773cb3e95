"""The processes of a measurement: servers whose CPU time is read, and loads."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

TESTS = Path(__file__).parents[1]
_CPU_CLOCK = 2  # clock_getcpuclockid(3): the scheduler's clock of a process


@dataclass(frozen=True)
class Server:
    """A server under measurement."""

    address: str
    pid: int
    http_address: str = ""
    authority: Path | None = None

    def cpu_seconds(self) -> float:
        """How long the process had a processor so far, in nanoseconds' steps.

        It is the sum over its threads of the first figure of `/proc/PID/task/*/schedstat`, with the threads that ended.
        """
        return time.clock_gettime((~self.pid << 3) | _CPU_CLOCK)

    def resident_bytes(self) -> int:
        """Memory in use."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Result:
    """One load against one server."""

    calls: int
    seconds: float
    p50: float
    p99: float
    cpu: float
    p999: float = 0.0

    @property
    def cpu_per_call(self) -> float:
        """Server CPU seconds a call."""
        return self.cpu / self.calls

    @property
    def rate(self) -> float:
        """Calls a second."""
        return self.calls / self.seconds


@dataclass(frozen=True)
class TlsFiles:
    """A server's certificate, its key, and the CA that signed it."""

    certificate: Path
    key: Path
    authority: Path


@contextmanager
def echo_server(response: Path, tls: TlsFiles | None = None, *, has_uvloop: bool = False) -> Iterator[Server]:
    """The bare echo of one response."""
    command = [sys.executable, str(TESTS / "bench" / "echo.py"), str(response), *(["--uvloop"] if has_uvloop else [])]
    if tls is not None:
        command += ["--certificate", str(tls.certificate), str(tls.key)]
    with _process(command, {}) as process:
        yield Server(_line(process).strip(), process.pid, authority=None if tls is None else tls.authority)


@contextmanager
def http_echo_server(response: Path) -> Iterator[Server]:
    """The bare connectrpc echo of one response."""
    command = [sys.executable, "-m", "bench.http_echo", str(response)]
    with _process(command, {"PYTHONPATH": str(TESTS)}) as process:
        address = _line(process).strip()
        yield Server(address, process.pid, address)


@contextmanager
def leadline_server(
    data: Path, settings: Mapping[str, str] = MappingProxyType({}), tls: TlsFiles | None = None
) -> Iterator[Server]:
    """One leadline server process over the files in `data`, as it comes but for `settings`: durable writes on."""
    environment = {
        "LEADLINE_DATA_DIR": str(data),
        "LEADLINE_LISTEN": "127.0.0.1:0",
        "LEADLINE_METRICS_LISTEN": "127.0.0.1:0",
        "LEADLINE_HTTP_LISTEN": "",
        "LEADLINE_LOG_LEVEL": "error",
        **settings,
    }
    if tls is not None:
        environment |= {"LEADLINE_TLS_CERTIFICATE": str(tls.certificate), "LEADLINE_TLS_KEY": str(tls.key)}
    with _process([sys.executable, "-m", "leadline_server"], environment) as process:
        address, http = _line(process).split(" on ")[1].split()[0], ""
        if settings.get("LEADLINE_HTTP_LISTEN"):
            http = _line(process).partition("http://")[2].strip().rstrip(".")
        yield Server(address, process.pid, http, None if tls is None else tls.authority)


def load(
    server: Server, method: str, requests: Path, in_flight: int, responses: Path | None = None, rate: float = 0
) -> Result:
    """Send all requests to a server from another process: `in_flight` at once, or at a rate in calls a second."""
    command = [sys.executable, "-m", "bench.load", server.address, method, str(requests), str(in_flight)]
    before = server.cpu_seconds()
    done = subprocess.run(
        [*command, str(responses or "-"), str(rate), str(server.authority or "-")],
        env=os.environ | {"PYTHONPATH": str(TESTS)},
        stdout=subprocess.PIPE,
        check=True,
        timeout=300,
    )
    return Result(**json.loads(done.stdout), cpu=server.cpu_seconds() - before)


def http_load(server: Server, method: str, requests: Path, in_flight: int, responses: Path | None = None) -> Result:
    """Send all requests to a server as JSON over HTTP from another process, `in_flight` at once."""
    command = [sys.executable, "-m", "bench.http_load", server.http_address, method, str(requests), str(in_flight)]
    before = server.cpu_seconds()
    done = subprocess.run(
        [*command, str(responses or "-")],
        env=os.environ | {"PYTHONPATH": str(TESTS)},
        stdout=subprocess.PIPE,
        check=True,
        timeout=300,
    )
    return Result(**json.loads(done.stdout), cpu=server.cpu_seconds() - before)


@contextmanager
def watchers(server: Server, count: int, calls: int, at_once: int) -> Iterator["subprocess.Popen[str]"]:
    """A process of watchers, all of them watching, that take so many logs a message; it ends when each has seen all."""
    command = [sys.executable, "-m", "bench.watchers", server.address, str(count), str(calls), str(at_once)]
    with _process(command, {"PYTHONPATH": str(TESTS)}) as process:
        _line(process)
        yield process


@contextmanager
def _process(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LEADLINE_")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=clean | environment) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _line(process: subprocess.Popen[str]) -> str:
    if process.stdout is None or not (line := process.stdout.readline()):
        raise RuntimeError("the server did not start")
    return line
