"""The faulty CRM as a process of its own: started, switched, killed and read by tests."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from faults.http_crm.book import Body, read_journal
from support.servers import until

TESTS: Final = Path(__file__).resolve().parents[2]
"""The folder that the modules of tests are imported from."""

_STOP_SECONDS: Final = 10.0


@dataclass
class CrmProcess:
    """A faulty CRM that runs. Its ports stay its own when it is killed and started again."""

    path: Path
    port: int
    control_port: int
    process: subprocess.Popen[str] = field(init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it serves."""
        command: list[str | Path] = [
            sys.executable,
            "-m",
            "faults.http_crm.server",
            self.path,
            str(self.port),
            str(self.control_port),
        ]
        environment = os.environ | {"PYTHONPATH": str(TESTS)}
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        """Kill it with signal 9."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(_STOP_SECONDS)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def misbehave(self, **faults: Any) -> None:
        """Have just these faults from now on; see `misbehaviour.Faults`."""
        self._control("PUT", "/faults", faults)

    def recover(self) -> None:
        """Have no faults."""
        self.misbehave()

    def written(self) -> "Written":
        """All that was ever written to it, once what is under way has taken effect."""
        until(lambda: self._control("GET", "/work") == 0)
        return Written(read_journal(self.path))

    def _control(self, method: str, path: str, body: Any = None) -> Any:
        url, data = f"http://127.0.0.1:{self.control_port}{path}", json.dumps(body).encode()
        request = urllib.request.Request(url, data, method=method)
        with urllib.request.urlopen(request, timeout=_STOP_SECONDS) as response:  # noqa: S310 - our own process
            return json.load(response)


class Written:
    """The journal of a CRM, by what a test asks.

    Attributes:
        contacts: the ids of the contacts by number.
        logs: the logs by call id, each as it is now.
        steps: by call id, what its logs were said to be about, write after write.
    """

    def __init__(self, journal: list[tuple[str, Body]]) -> None:
        self.contacts: dict[str, list[str]] = defaultdict(list)
        self.logs: dict[str, list[Body]] = defaultdict(list)
        self.steps: dict[str, list[str]] = defaultdict(list)
        latest = {body["id"]: body for _, body in journal}
        for operation, body in journal:
            if operation == "create_contact":
                self.contacts[body["number"]].append(body["id"])
                continue
            if operation == "create_log":
                self.logs[body["call_id"]].append(latest[body["id"]])
            self.steps[body["call_id"]].append(body["subject"])


@contextmanager
def crm_process(path: Path) -> Iterator[CrmProcess]:
    """A faulty CRM with its book at `path`, without faults to begin with, until the body ends."""
    with ExitStack() as kept:
        crm = CrmProcess(path, kept.enter_context(_kept_port()), kept.enter_context(_kept_port()))
        crm.start()
        try:
            yield crm
        finally:
            if crm.process.poll() is None:
                crm.kill()


@contextmanager
def _kept_port() -> Iterator[int]:
    """A free port, kept from others by a socket that is bound to it and does not listen."""
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        keeper.bind(("127.0.0.1", 0))
        yield keeper.getsockname()[1]
