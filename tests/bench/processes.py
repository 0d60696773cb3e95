"""The processes of a measurement: servers whose CPU time is read, and loads."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

TESTS = Path(__file__).parents[1]
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """A server under measurement."""

    address: str
    pid: int
    http_address: str = ""

    def cpu_seconds(self) -> float:
        """User and system time of the whole process so far, and of its workers."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return sum(map(_cpu_seconds, [self.pid, *map(int, children)]))

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

    @property
    def cpu_per_call(self) -> float:
        """Server CPU seconds a call."""
        return self.cpu / self.calls

    @property
    def rate(self) -> float:
        """Calls a second."""
        return self.calls / self.seconds


def _cpu_seconds(pid: int) -> float:
    # proc(5): fields 14 and 15, counted behind the parenthesis that ends the name.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


@contextmanager
def echo_server(response: Path) -> Iterator[Server]:
    """The bare echo of one response."""
    with _process([sys.executable, str(TESTS / "bench" / "echo.py"), str(response)], {}) as process:
        yield Server(_line(process).strip(), process.pid)


@contextmanager
def http_echo_server(response: Path) -> Iterator[Server]:
    """The bare connectrpc echo of one response."""
    command = [sys.executable, "-m", "bench.http_echo", str(response)]
    with _process(command, {"PYTHONPATH": str(TESTS)}) as process:
        address = _line(process).strip()
        yield Server(address, process.pid, address)


@contextmanager
def leadline_server(data: Path, settings: Mapping[str, str] = MappingProxyType({})) -> Iterator[Server]:
    """One leadline server process over the files in `data`, as it comes but for `settings`: durable writes on."""
    environment = {
        "LEADLINE_DATA_DIR": str(data),
        "LEADLINE_LISTEN": "127.0.0.1:0",
        "LEADLINE_METRICS_LISTEN": "127.0.0.1:0",
        "LEADLINE_HTTP_LISTEN": "",
        "LEADLINE_LOG_LEVEL": "error",
        **settings,
    }
    with _process([sys.executable, "-m", "leadline_server"], environment) as process:
        address, http = _line(process).split(" on ")[1].split()[0], ""
        if settings.get("LEADLINE_HTTP_LISTEN"):
            http = _line(process).partition("http://")[2].strip().rstrip(".")
        yield Server(address, process.pid, http)


def load(
    server: Server, method: str, requests: Path, in_flight: int, responses: Path | None = None, rate: float = 0
) -> Result:
    """Send all requests to a server from another process: `in_flight` at once, or at a rate in calls a second."""
    command = [sys.executable, "-m", "bench.load", server.address, method, str(requests), str(in_flight)]
    before = server.cpu_seconds()
    done = subprocess.run(
        [*command, str(responses or "-"), str(rate)],
        env=os.environ | {"PYTHONPATH": str(TESTS)},
        stdout=subprocess.PIPE,
        check=True,
        timeout=300,
    )
    return Result(**json.loads(done.stdout), cpu=server.cpu_seconds() - before)


def loads(server: Server, method: str, requests: Sequence[Path], in_flight: int, connections: int) -> Result:
    """Send several files of requests at once, each from a process of its own with so many connections."""
    before = server.cpu_seconds()
    command = [sys.executable, "-m", "bench.load", server.address, method]
    processes = [
        subprocess.Popen(
            [*command, str(file), str(in_flight), "-", "0", str(connections)],
            env=os.environ | {"PYTHONPATH": str(TESTS)},
            stdout=subprocess.PIPE,
        )
        for file in requests
    ]
    found = [json.loads(process.communicate(timeout=300)[0]) for process in processes]
    calls, seconds = sum(each["calls"] for each in found), max(each["seconds"] for each in found)
    p50, p99 = (max(each[name] for each in found) for name in ("p50", "p99"))
    return Result(calls, seconds, p50, p99, server.cpu_seconds() - before)


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
