"""A fake CRM as a process of its own: started, switched, killed and read by tests."""

import json
import os
import signal
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from support import forked_commands
from support.servers import until

from fakes.serving import kept_port
from fakes.written import Written

TESTS: Final = Path(__file__).resolve().parents[1]
"""The folder that the modules of tests are imported from."""

_STOP_SECONDS: Final = 10.0


@dataclass
class FakeProcess:
    """A fake CRM that runs. Its ports stay its own when it is killed and started again."""

    vendor: str
    path: Path
    port: int
    control_port: int
    options: Mapping[str, Any]
    process: forked_commands.ForkedProcess = field(init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it serves."""
        ports = [str(self.port), str(self.control_port)]
        arguments = [self.vendor, str(self.path), *ports, json.dumps(self.options)]
        reader, writer = os.pipe()
        with os.fdopen(reader) as stdout:
            with os.fdopen(writer, "wb") as theirs, os.fdopen(os.dup(2), "wb") as stderr:
                self.process = forked_commands.fork(arguments, os.environ, theirs, stderr, forked_commands.FAKES)
            assert stdout.readline() == "ready\n"

    def kill(self) -> None:
        """Kill it with signal 9."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(_STOP_SECONDS)

    def misbehave(self, **faults: Any) -> None:
        """Have just these faults from now on; see `misbehaviour.Faults`."""
        self.control("PUT", "/faults", faults)

    def recover(self) -> None:
        """Have no faults."""
        self.misbehave()

    def written(self) -> Written:
        """All that was ever written to it, once what is under way has taken effect."""
        until(lambda: self.control("GET", "/work") == 0)
        return Written.from_json(self.control("GET", "/written"))

    def records(self, table: str) -> dict[str, Any]:
        """The records of a table: their fields, by id."""
        kept: dict[str, Any] = self.control("GET", f"/records/{table}")
        return kept

    def edit(self, table: str, record_id: str, fields: Mapping[str, Any]) -> None:
        """Change a record as people do."""
        self.control("PATCH", f"/records/{table}/{record_id}", fields)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """The answer of the control port; see `serving.serve_process`."""
        url, data = f"http://127.0.0.1:{self.control_port}{path}", json.dumps(body).encode()
        request = urllib.request.Request(url, data, method=method)
        with urllib.request.urlopen(request, timeout=_STOP_SECONDS) as response:  # noqa: S310 - our own process
            return json.load(response)


@contextmanager
def fake_process(vendor: str, path: Path, **options: Any) -> Iterator[FakeProcess]:
    """A vendor's fake CRM with what it keeps at `path`, without faults to begin with, until the body ends.

    `options` are given to the fake's class.
    """
    with ExitStack() as kept:
        crm = FakeProcess(vendor, path, kept.enter_context(kept_port()), kept.enter_context(kept_port()), options)
        crm.start()
        try:
            yield crm
        finally:
            if crm.process.poll() is None:
                crm.kill()
