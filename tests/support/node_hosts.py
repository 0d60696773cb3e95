"""The Node host of the examples as a process, and what arrived in its example CRM."""

import json
import os
import re
import shutil
import signal
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
SOURCES: Final = ROOT / "examples" / "adapter-node"
NODE, NPM = shutil.which("node"), shutil.which("npm")

_STOP_SECONDS: Final = 10.0


@dataclass
class Written:
    """The records in the CRM: the ids of contacts by number, and the logs by key."""

    contacts: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    logs: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))


@dataclass
class NodeHost:
    """A host that runs. Its port stays its own when it is killed and started again."""

    home: Path
    connector: Path
    crm_file: Path
    flags: tuple[str, ...] = ()
    port: int = 0
    process: subprocess.Popen[str] = field(init=False)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it serves."""
        command = ["node", self.home / "host" / "main.js", self.connector, "--listen", self.address, *self.flags]
        self.process = subprocess.Popen(
            [str(part) for part in (*command, "--protos", ROOT / "protos")],
            env=os.environ | {"EXAMPLE_CRM_FILE": str(self.crm_file)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        serves = re.match(r"serves .* on \S+:(\d+)\n", self.process.stdout.readline())
        assert serves
        self.port = int(serves[1])

    def kill(self) -> None:
        """Kill it with signal 9."""
        os.kill(self.process.pid, signal.SIGKILL)
        self._ended()

    def stop(self) -> int:
        """SIGTERM, then the exit code."""
        os.kill(self.process.pid, signal.SIGTERM)
        return self._ended()

    def misbehave(self, **faults: Any) -> None:
        """Not be there: the one way in which a test has it fail."""
        assert faults == {"refuses": True}
        self.kill()

    def recover(self) -> None:
        """Be there again."""
        self.start()

    def written(self) -> Written:
        """All that is in the CRM."""
        written = Written()
        for contact in self._book()["contacts"]:
            written.contacts[contact["phone"]].append(contact["id"])
        for log in self._book()["logs"]:
            told = {"id": log["id"], "contact_id": log["contactId"], "subject": log["subject"]}
            written.logs[log["key"]].append(told)
        return written

    def records(self, table: str) -> dict[str, Any]:
        """The records of a table, by id."""
        return {record["id"]: record for record in self._book()[table]}

    def edit(self, table: str, record_id: str, changes: Mapping[str, Any]) -> None:
        """Change a record as a person does, while the host is not running."""
        self.kill()
        book = self._book()
        next(record for record in book[table] if record["id"] == record_id).update(changes)
        self.crm_file.write_text(json.dumps(book))
        self.start()

    def _ended(self) -> int:
        code = self.process.wait(_STOP_SECONDS)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def _book(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.crm_file.read_text())
        return read


def installed(folder: Path) -> Path:
    """The example with its packages, as its lock file pins them."""
    home = shutil.copytree(SOURCES, folder / "adapter-node", ignore=shutil.ignore_patterns("node_modules"))
    ended = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"],
        cwd=home,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return home


@contextmanager
def node_host(home: Path, connector: Path, crm_file: Path, *flags: str) -> Iterator[NodeHost]:
    """The host with a connector, until the body ends."""
    if not crm_file.exists():
        crm_file.write_text('{"contacts": [], "logs": []}')
    host = NodeHost(home, connector, crm_file, flags)
    host.start()
    try:
        yield host
    finally:
        if host.process.poll() is None:
            host.kill()
