"""Instructions per call, counted by callgrind: a figure that does not depend on how busy the machine is.

The server's endpoints are called in this process, in groups of a fixed size, without gRPC: under callgrind a call takes
longer than the timers that hold groups open, so groups of a real load would never form.

    python -m bench.instructions                  FindContact and LogCall, groups of 1 and 8
    python -m bench.instructions --calls 200      fewer calls, a rougher figure
    python -m bench.instructions --only find --http    with the HTTP port open and idle
    python -m bench.instructions --only find --trace 1    with every call traced, and sent to a receiver
    python -m bench.instructions --only find --credential key    with authentication, by an API key or a JWT (jwt)
    python -m bench.instructions --check                compare with docs/performance.md; fail if 5% more are needed
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import uvloop
from support.otlp_receiver import otlp_receiver

from bench import workload
from bench.endpoints import CONTACTS, drive
from bench.kept_figures import PAGE, Counts, excesses, kept_counts

LOADS = ("find", "log known", "log unknown")
GROUPS = (1, 8)


def count(
    name: str, *, calls: int, group: int, has_http: bool = False, traced: float | None = None, credential: str = ""
) -> float:
    """Instructions per call of the load `name`, called in groups of `group`. `traced`: the share of calls; None: off.

    `credential` is `key` or `jwt`; empty: authentication is off.

    Raises:
        RuntimeError: valgrind is not installed.
    """
    if shutil.which("valgrind") is None:
        raise RuntimeError("valgrind is not installed: instructions cannot be counted.")
    with (
        tempfile.TemporaryDirectory() as folder,
        otlp_receiver() as receiver,
        _driver(
            Path(folder),
            name,
            (["--http"] if has_http else [])
            + ([] if traced is None else ["--trace", str(traced), "--receiver", receiver.address])
            + (["--credential", credential] if credential else [])
            + ["--calls", str(calls), "--group", str(group)],
        ) as process,
    ):
        _expect(process, "ready")
        _instrumentation(process, "on")
        _go_on(process)
        _expect(process, "done")
        _instrumentation(process, "off")
        _go_on(process)
        if process.wait(timeout=120):
            raise AssertionError(f"The driver of {name!r} failed.")
        return _total(Path(folder)) / calls


@contextmanager
def _driver(folder: Path, name: str, options: Sequence[str]) -> "Iterator[subprocess.Popen[str]]":
    """The process that makes the calls, under callgrind, over a contact book of CONTACTS."""
    data, csv = folder / "data", folder / "contacts.csv"
    workload.write_contacts(csv, CONTACTS)
    importing = [sys.executable, "-m", "leadline_server.cli", "contacts", "import", str(csv), "--data-dir", str(data)]
    subprocess.run(importing, check=True, stdout=subprocess.DEVNULL)
    workload.rebuild_name_index(data / "ledger.db")
    callgrind = [
        *fixed_addresses(),
        "valgrind",
        "--tool=callgrind",
        "--instr-atstart=no",
        f"--callgrind-out-file={folder}/callgrind.out",
    ]
    driven = [sys.executable, "-m", "bench.instructions", "--drive", name, str(data)]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    process = subprocess.Popen(
        [*callgrind, *driven, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=(folder / "log").open("w"),
        text=True,
        env=environment,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def fixed_addresses() -> list[str]:
    """The command that gives a program the same addresses at each start. Hashes of objects are their addresses."""
    return ["setarch", "--addr-no-randomize"] if shutil.which("setarch") else []


def _expect(process: "subprocess.Popen[str]", word: str) -> None:
    """Wait for a line; those of leadline's own log are passed over."""
    for line in process.stdout or ():
        if line.strip() == word:
            return
    raise AssertionError(f"The driver did not say {word!r}.")


def _go_on(process: "subprocess.Popen[str]") -> None:
    if process.stdin is not None:
        process.stdin.write("\n")
        process.stdin.flush()


def _instrumentation(process: "subprocess.Popen[str]", state: str) -> None:
    command = ["callgrind_control", "-i", state, str(process.pid)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def _total(folder: Path) -> int:
    """All instructions that were counted: one line of totals a file."""
    texts = [path.read_text() for path in folder.glob("callgrind.out*")]
    return sum(int(found) for text in texts for found in re.findall(r"^totals: (\d+)", text, re.MULTILINE))


def main() -> None:
    """Print a line for each load and size of group."""
    parser = argparse.ArgumentParser(prog="python -m bench.instructions")
    parser.add_argument("--calls", type=int, default=800)
    parser.add_argument("--group", type=int, default=0)
    parser.add_argument("--only", default="", help="loads whose name begins so: find, log known, log unknown")
    parser.add_argument("--drive", nargs=2, metavar=("LOAD", "DATA"), help=argparse.SUPPRESS)
    parser.add_argument("--http", action="store_true", help="with the HTTP port open and idle")
    parser.add_argument("--trace", type=float, help="the share of calls that are traced; without it tracing is off")
    parser.add_argument("--credential", choices=("key", "jwt"), default="", help="what calls are authenticated by")
    parser.add_argument("--check", action="store_true", help="fail if a count is 5%% more than docs/performance.md has")
    parser.add_argument("--receiver", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.drive:
        load, data = options.drive
        traces = options.receiver, options.trace or 0.0
        how = {"has_http": options.http, "traces": traces, "kind": options.credential}
        uvloop.run(drive(load, options.calls, options.group, Path(data), **how))
        return
    if options.check:
        sys.exit("\n".join(excesses(_all_counts(options.calls), kept_counts(PAGE.read_text()))) or None)
    how = {"has_http": options.http, "traced": options.trace, "credential": options.credential}
    for name in LOADS:
        for group in (options.group,) if options.group else GROUPS:
            if name.startswith(options.only):
                _show(name, options.credential, group, count(name, calls=options.calls, group=group, **how))


def _all_counts(calls: int) -> Counts:
    """What docs/performance.md keeps: every load without a credential, and lookups with each kind."""
    wanted = [(name, "", group) for name in LOADS for group in GROUPS]
    wanted += [("find", credential, 8) for credential in ("key", "jwt")]
    counts = {}
    for name, credential, group in wanted:
        counts[name, credential, group] = count(name, calls=calls, group=group, credential=credential)
        _show(name, credential, group, counts[name, credential, group])
    return counts


def _show(name: str, credential: str, group: int, figure: float) -> None:
    sys.stdout.write(f"| `{name}` | {credential or 'none'} | {group} | {figure:,.0f} |\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
