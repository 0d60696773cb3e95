"""An import beside a server that logs calls: `PYTHONPATH=tests python -m bench.importing --contacts 1000000`.

Calls come at a rate, without an import and then beside one, by turns. Meanwhile a probe takes the ledger's write lock
again and again, and notes how long it waits. The files are in memory if `--folder` is on a tmpfs such as /dev/shm: a
disk that stalls by itself says nothing about leadline.
"""

import argparse
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench import workload
from bench.messages import write_messages
from bench.processes import Result, Server, leadline_server, load

KNOWN: Final = 1_000
_PROBE_SECONDS: Final = 0.002
_SHARE: Final = 0.9  # of the time that the import takes alone
_HEAD: Final = """| contacts | import s | alone s | LogCall p50 ms | p99.9 ms | without | lock p99.9 ms | most ms |
|---|---|---|---|---|---|---|---|"""


@dataclass
class Probe:
    """How long the write lock was waited for, in seconds."""

    waits: list[float] = field(default_factory=list)

    def at(self, share: float) -> float:
        """The wait that this share of the waits does not exceed."""
        return sorted(self.waits)[min(len(self.waits) - 1, int(len(self.waits) * share))]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.importing")
    parser.add_argument("--contacts", type=int, default=200_000, help="that are imported")
    parser.add_argument("--rate", type=float, default=100, help="calls a second")
    parser.add_argument("--runs", type=int, default=1, help="each with and without an import")
    parser.add_argument("--folder", type=Path, default=None, help="where the files are; a tmpfs is best")
    options = parser.parse_args()
    sys.stdout.write(_HEAD + "\n")
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        for run in range(options.runs):
            folder = Path(name) / str(run)
            folder.mkdir()
            sys.stdout.write(_row(folder, options.contacts, options.rate) + "\n")
            sys.stdout.flush()
            shutil.rmtree(folder)


def _row(folder: Path, contacts: int, rate: float) -> str:
    known, new, data = folder / "known.csv", folder / "new.csv", folder / "data"
    workload.write_contacts(known, KNOWN)
    workload.write_contacts(new, contacts)
    alone = _import_alone(known, new, folder / "alone")
    _finish(_start_import(known, data))
    with leadline_server(data) as server:
        # The load ends before the import does: else calls of a quiet server would hide those beside it.
        calls = max(100, int(rate * alone * _SHARE))
        without = _load(server, folder, "without", calls, rate)
        with _probing(data) as probe:
            began = time.perf_counter()
            importing = _start_import(new, data)
            beside = _load(server, folder, "beside", calls, rate)
            _finish(importing)
            took = time.perf_counter() - began
    return (
        f"| {contacts:,} | {took:.1f} | {alone:.1f} | {beside.p50 * 1e3:.1f} | {beside.p999 * 1e3:.1f} |"
        f" {without.p999 * 1e3:.1f} | {probe.at(0.999) * 1e3:.1f} | {max(probe.waits) * 1e3:.1f} |"
    )


def _import_alone(known: Path, new: Path, data: Path) -> float:
    _finish(_start_import(known, data))
    began = time.perf_counter()
    _finish(_start_import(new, data))
    took = time.perf_counter() - began
    shutil.rmtree(data)
    return took


def _start_import(csv: Path, data: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "leadline_server.cli", "contacts", "import", str(csv), "--data-dir", str(data)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _finish(importing: "subprocess.Popen[bytes]") -> None:
    if importing.wait(timeout=3_600):
        raise AssertionError("The import failed.")


def _load(server: Server, folder: Path, name: str, calls: int, rate: float) -> Result:
    requests = folder / "requests"
    numbers = [workload.known_number(index % KNOWN) for index in range(calls)]
    write_messages(requests, workload.log_requests(name, "user", numbers))
    return load(server, workload.LOG, requests, 256, None, rate)


@contextmanager
def _probing(data: Path) -> Iterator[Probe]:
    probe, stopped = Probe(), threading.Event()
    thread = threading.Thread(target=_probe, args=(data / "ledger.db", probe, stopped))
    thread.start()
    try:
        yield probe
    finally:
        stopped.set()
        thread.join()


def _probe(path: Path, probe: Probe, stopped: threading.Event) -> None:
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        while not stopped.is_set():
            began = time.perf_counter()
            while not _takes_lock(connection):
                time.sleep(0.0002)
            probe.waits.append(time.perf_counter() - began)
            time.sleep(_PROBE_SECONDS)


def _takes_lock(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return False
    connection.execute("ROLLBACK")
    return True


if __name__ == "__main__":
    main()
