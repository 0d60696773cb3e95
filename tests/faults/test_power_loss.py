"""Leadline answers, and tells the CRM, only what is on the disk. A kill loses no page, so this reads system calls.

strace shows every write to the ledger's log, every fdatasync of it, and every byte that leaves on a socket. A call's id
is in all three, so for each call they can be put in order: a power loss at any instant would find on the disk whatever
a client or the CRM has heard of.
"""

import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fakes.process import TESTS
from faults.http_crm.launch import SYNCHRONOUS_OFF
from faults.http_crm.phones import Phones, stranger, want_placeholders
from faults.http_crm.process import crm_process
from faults.http_crm.stage import LAUNCH, serving
from support.clusters import cluster, command
from support.servers import ServerProcess

CALLS, SOAK_CALLS = 100, 2_000
STRANGERS = 20
WATCHED = "pwrite64,pwritev,write,writev,sendto,sendmsg,fdatasync,fsync"

_traced = re.compile(r"^(?P<thread>\d+) +(?P<resumed><\.\.\. )?(?P<call>\w+)(?:\((?:\d+)<(?P<what>.*?)>[,) ])?").match
_call_id = re.compile(r"power-\d{6}-call").findall


@pytest.fixture(autouse=True)
def _strace() -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed, and nothing else shows when a commit reaches the disk")
    tried = subprocess.run([strace, "-f", "-o", "/dev/null", "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"strace may not trace here: {tried.stderr.strip()}")


async def test_nothing_is_answered_or_told_before_the_disk_has_it(tmp_path: Path) -> None:
    assert_on_disk_first(await traced(tmp_path, CALLS))


@pytest.mark.soak
async def test_nothing_is_answered_or_told_before_the_disk_has_it_for_long(tmp_path: Path) -> None:
    assert_on_disk_first(await traced(tmp_path, SOAK_CALLS))


async def test_a_ledger_that_leaves_it_to_the_system_when_to_write_is_caught(tmp_path: Path) -> None:
    trace = await traced(tmp_path, CALLS, SYNCHRONOUS_OFF)
    assert trace.too_early == trace.answered == trace.told
    assert trace.syncs == 0


async def test_what_one_transaction_of_the_embedded_crm_did_is_on_the_disk_before_the_answer(tmp_path: Path) -> None:
    trace = await traced_embedded(tmp_path, CALLS)
    assert trace.durable >= trace.answered
    assert not trace.too_early
    assert 0 < trace.syncs < 2 * CALLS, "one commit a call at most, beside those of the start"


async def test_an_embedded_crm_whose_commits_are_not_synced_is_caught(tmp_path: Path) -> None:
    trace = await traced_embedded(tmp_path, CALLS, SYNCHRONOUS_OFF)
    assert trace.too_early == trace.answered
    assert trace.syncs == 0


def assert_on_disk_first(trace: "Trace") -> None:
    assert trace.durable == trace.answered == trace.told
    assert not trace.too_early, f"{len(trace.too_early)} of {len(trace.answered)} left before they were on the disk"
    assert trace.syncs > 0


@dataclass
class Trace:
    """The events in a server's system calls, by call id.

    Attributes:
        written: written to the ledger's log.
        durable: ... and synced after that.
        answered: sent to the phone system.
        told: sent to the CRM.
        too_early: sent to either before they were durable.
        syncs: how many syncs the ledger's log got.
    """

    written: set[str] = field(default_factory=set)
    durable: set[str] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)
    told: set[str] = field(default_factory=set)
    too_early: set[str] = field(default_factory=set)
    syncs: int = 0


async def traced(folder: Path, calls: int, *flags: str) -> Trace:
    """Report calls to a server that is watched, and read what was seen."""
    output = folder / "trace"
    with (
        crm_process(folder / "crm.db") as crm,
        serving(folder / "data", crm, before=strace_to(output), flags=flags) as [server],
    ):
        return await traced_calls(server, output, calls)


async def traced_embedded(folder: Path, calls: int, *flags: str) -> Trace:
    """As `traced`, with the embedded CRM."""
    output = folder / "trace"
    start = command(*strace_to(output), *LAUNCH, *flags)
    with cluster(folder / "data", 1, start=start, settings={"PYTHONPATH": str(TESTS)}) as [server]:
        return await traced_calls(server, output, calls)


def strace_to(output: Path) -> list[str]:
    """The program to run a server under; its output is read by `read_trace`."""
    # -D keeps the server the child, -yy names files and sockets, -s is more than a page and more than an answer.
    return ["strace", "-D", "-f", "--seccomp-bpf", "-yy", "-s", "16384", "-e", f"trace={WATCHED}", "-o", str(output)]


async def traced_calls(server: ServerProcess, output: Path, calls: int) -> Trace:
    """Report calls, and read what was seen."""
    await want_placeholders(server)
    phones = Phones("power", lambda call: stranger(call % STRANGERS), steps=1)
    await phones.ring([server], calls)
    trace = read_trace(output, server.address.rpartition(":")[2])
    assert trace.answered == phones.answered.keys()
    return trace


def read_trace(output: Path, port: str) -> Trace:
    """Follow the calls through the system calls, in the order in which these began and ended.

    A sync counts when it has ended, and for what was written before it began; a send counts when it begins.
    """
    trace = Trace()
    syncing: dict[str, set[str]] = defaultdict(set)
    for thread, call, what, text, has_begun, has_ended in _steps(output):
        is_ledger = what.endswith("ledger.db-wal")
        is_sync = call in {"fdatasync", "fsync"}
        if has_begun and is_sync and is_ledger:
            syncing[thread] = set(trace.written)
            trace.syncs += 1
        if has_ended and is_sync:
            trace.durable |= syncing.pop(thread, set())
        if has_begun and not is_sync and is_ledger:
            trace.written.update(_call_id(text))
        if has_begun and what.startswith("TCP"):
            sent = set(_call_id(text))
            is_answer = f":{port}->" in what
            (trace.answered if is_answer else trace.told).update(sent)
            trace.too_early |= sent - trace.durable
    return trace


def _steps(output: Path) -> Iterator[tuple[str, str, str, str, bool, bool]]:
    """Thread, system call, file or socket, all the text, whether the call begins here, and whether it ends here."""
    with output.open(errors="replace") as lines:
        for line in lines:
            if step := _traced(line):
                has_begun = not step["resumed"]
                has_ended = not line.rstrip().endswith("<unfinished ...>")
                yield step["thread"], step["call"], step["what"] or "", line, has_begun, has_ended
