"""Commands that run until they are stopped, such as `leadline listen`, and the account that they report to."""

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import IO, Protocol

from leadline import AsyncClient, Client
from leadline.v1.call_log_pb2 import CallLog
from leadline.v1.call_pb2 import CALL_RESULT_ANSWERED
from leadline.v1.directory_pb2 import User
from support import forked_commands
from support.servers import STOP_SECONDS, ServerProcess, environment, leadline


class FakePhoneSystem(Protocol):
    """A fake that a listener connects to."""

    port: int

    def play(self, event: Mapping[str, str]) -> None:
        """Send an event to the clients."""
        ...

    async def until(self, *, logins: int = 0, listed: int = 0) -> None:
        """Wait until clients logged in, and had the channels listed, so many times."""
        ...


class Account:
    """An account of its own, with alice at extension 101 and bob at 102."""

    def __init__(self, server: ServerProcess, name: str) -> None:
        self.name = name
        self.client = Client(server.address, account=self.name)
        self.client.upsert_user(User(user_id="alice", extensions=["101"]))
        self.client.upsert_user(User(user_id="bob", extensions=["102"]))

    def logs(self) -> list[CallLog]:
        return list(self.client.list_call_logs())


@dataclass(frozen=True)
class RunningCommand:
    """A command of the console script that runs, forked as `support.servers.leadline` is, and its standard error."""

    process: forked_commands.ForkedProcess
    stderr: IO[bytes]


@contextmanager
def running_command(*arguments: str, settings: Mapping[str, str]) -> Iterator[RunningCommand]:
    """Run a command until the body ends."""
    with tempfile.TemporaryFile() as stderr:
        with os.fdopen(os.dup(1), "wb") as stdout:
            process = forked_commands.fork(arguments, environment(settings), stdout, stderr)
        try:
            yield RunningCommand(process, stderr)
        finally:
            process.kill()
            process.wait(STOP_SECONDS)


@asynccontextmanager
async def listening(
    kind: str,
    secret: Mapping[str, str],
    server: ServerProcess,
    account: Account,
    phone_system: FakePhoneSystem,
    *options: str,
) -> AsyncIterator[RunningCommand]:
    """`leadline listen`, with the channels listed once."""
    command = ["listen", kind, "--port", str(phone_system.port), "--server", server.address, "--account", account.name]
    with running_command(*command, *options, settings=secret) as process:
        await phone_system.until(listed=1)
        yield process


async def until(account: Account, is_so: Callable[[CallLog], bool]) -> CallLog:
    """The account's only log, as soon as it is as expected."""
    async with asyncio.timeout(30):
        while not ((found := await asyncio.to_thread(account.logs)) and is_so(found[0])):
            await asyncio.sleep(0.01)
    assert len(found) == 1
    return found[0]


async def check_that_the_log_follows(
    account: Account, phone_system: FakePhoneSystem, events: Sequence[Mapping[str, str]], *, answer: int, end: int
) -> None:
    """Play a call of 30 seconds: its log is there as it rings, before event `answer`, and follows it to its end."""
    for event in events[:answer]:
        phone_system.play(event)
    ringing = await until(account, lambda log: True)
    assert (ringing.user_id, ringing.call.caller.phone_number) == ("alice", "2025550123")
    assert not ringing.call.HasField("answer_time")
    for event in events[answer:end]:
        phone_system.play(event)
    talking = await until(account, lambda log: log.call.result == CALL_RESULT_ANSWERED)
    assert not talking.call.is_final
    for event in events[end:]:
        phone_system.play(event)
    ended = await until(account, lambda log: log.call.is_final)
    assert ended.call.end_time.seconds - ended.call.answer_time.seconds == 30


def check_same_call(account: Account, before: CallLog) -> None:
    """Check that reports of a call after `before` made no second log, and changed nothing of it."""
    [after] = account.logs()
    assert after.user_id == "alice"
    assert {leg.id for leg in after.call.legs} == {leg.id for leg in before.call.legs}
    for name in ("id", "direction", "start_time", "answer_time", "end_time", "result"):
        assert getattr(after.call, name) == getattr(before.call, name), name


async def refused(kind: str, secret: Mapping[str, str], server: ServerProcess, phone_system: FakePhoneSystem) -> str:
    """The errors of the command, which ends because the phone system does not let it in."""
    command = ("listen", kind, "--port", str(phone_system.port), "--server", server.address, "--account", "a0")
    done = await asyncio.to_thread(leadline, *command, settings=secret)
    assert done.returncode == 1
    return done.stderr


async def rings_to_pops(server: ServerProcess, account: Account, ring: Callable[[int], str]) -> list[float]:
    """Seconds from a call's ring until a client that watches sees it, in order: 50 calls, 5 a second.

    `ring` lets a call ring, by its number, and returns its id.
    """
    began, seen = dict[str, float](), dict[str, float]()

    async def take(watch: AsyncIterator[CallLog]) -> None:
        async for log in watch:
            seen.setdefault(log.call.id, time.monotonic())

    async with AsyncClient(server.address, account=account.name) as client:
        watch = client.watch_call_logs()
        await watch.start()
        taking = asyncio.create_task(take(watch))
        for number in range(50):
            before = time.monotonic()
            began[ring(number)] = before
            await asyncio.sleep(0.2)
        async with asyncio.timeout(30):
            while seen.keys() < began.keys():
                await asyncio.sleep(0.05)
        taking.cancel()
    waits = sorted(seen[call_id] - before for call_id, before in began.items())
    print(f"ring to pop: p50 {waits[25] * 1000:.0f} ms, p95 {waits[47] * 1000:.0f} ms")  # noqa: T201
    return waits


async def stop(command: RunningCommand) -> str:
    """What the command wrote to its standard error, once it has stopped."""
    command.process.send_signal(signal.SIGTERM)
    code = await asyncio.to_thread(command.process.wait, STOP_SECONDS)
    command.stderr.seek(0)
    said = command.stderr.read().decode()
    assert code == 0, said
    return said
