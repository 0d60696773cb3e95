"""A phone system that reports calls on many lines at once, and remembers what it was answered."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol

import grpc
from leadline.v1 import call_log_service_pb2 as pb
from leadline.v1.call_log_pb2 import CallLog, CallLogState
from leadline.v1.call_log_service_pb2_grpc import CallLogServiceStub
from leadline.v1.preferences_service_pb2 import UpdateAccountSettingsRequest, UpdatePreferencesRequest
from leadline.v1.preferences_service_pb2_grpc import PreferencesServiceStub
from support.servers import ServerProcess

ACCOUNT: Final = "demo"
USER: Final = "bob"
LINES: Final = 32
PENDING: Final = CallLogState.CALL_LOG_STATE_PENDING
LOGGED: Final = CallLogState.CALL_LOG_STATE_LOGGED


def stranger(number: int) -> str:
    """One of 79,000 fictional numbers (NXX 555-0100 to 555-0199 are reserved for fiction in North America)."""
    return f"+1{201 + number // 100}55501{number % 100:02}"


class Phones:
    """Reports calls, each step by step: ringing, then what came of it.

    Attributes:
        sent: the last step that was sent of each call, from 1.
        answered: the last step of each call that was answered with OK.
        answers: the answer to it.
        refusals: how often reports ended otherwise, by status code.
        waits: seconds that each answer took.
    """

    def __init__(
        self, name: str, numbers: Callable[[int], str] = stranger, *, steps: int = 2, timeout: float = 20.0
    ) -> None:
        self._name = name
        self._numbers = numbers
        self._steps = steps
        self._timeout = timeout
        self._count = itertools.count()
        self.sent: dict[str, int] = {}
        self.answered: dict[str, int] = {}
        self.answers: dict[str, CallLog] = {}
        self.refusals: Counter[grpc.StatusCode] = Counter()
        self.waits: list[float] = []

    async def ring(self, servers: Sequence[ServerProcess], calls: int, *, lines: int = LINES) -> float:
        """Report so many calls, in turn to each of the servers; every report has to be accepted. Calls a second."""
        left = iter(range(calls))
        async with _stubs(servers) as stubs:

            async def line(stub: CallLogServiceStub) -> None:
                for _ in left:
                    assert await self._call(stub), self.refusals

            began = time.perf_counter()
            await asyncio.gather(*(line(stubs[number % len(stubs)]) for number in range(lines)))
            return calls / (time.perf_counter() - began)

    async def ring_until_gone(self, server: ServerProcess, *, lines: int = LINES, pause: float = 0.0) -> None:
        """Report calls until the server answers no more; each line waits for `pause` seconds after one."""
        async with _stubs([server]) as [stub]:

            async def line() -> None:
                while await self._call(stub):
                    await asyncio.sleep(pause)

            await asyncio.gather(*(line() for _ in range(lines)))

    async def _call(self, stub: CallLogServiceStub) -> bool:
        """Report a call; False if a report of it was not accepted."""
        number = next(self._count)
        call_id = f"{self._name}-{number:06}-call"
        for step in range(1, self._steps + 1):
            self.sent[call_id] = step
            began = time.perf_counter()
            try:
                answer = await stub.LogCall(report(call_id, self._numbers(number), step), timeout=self._timeout)
            except grpc.aio.AioRpcError as error:
                self.refusals[error.code()] += 1
                return False
            self.waits.append(time.perf_counter() - began)
            self.answered[call_id] = step
            self.answers[call_id] = answer.call_log
        return True


def report(call_id: str, caller: str, step: int = 1) -> pb.LogCallRequest:
    call: Any = {
        "id": call_id,
        "direction": "CALL_DIRECTION_INBOUND",
        "caller": {"phone_number": caller},
        "subject": f"step {step}",
    }
    return pb.LogCallRequest(account_id=ACCOUNT, user_id=USER, call=call)


class Addressed(Protocol):
    """The server at a host and port."""

    address: str


async def want_placeholders(server: Addressed) -> None:
    """Have contacts made for strangers from now on, as many as there are."""
    wish: Any = {"unknown_contact_action": "UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER"}
    room: Any = {"placeholder_limit_per_hour": 1_000_000, "placeholder_limit_per_day": 1_000_000}
    async with grpc.aio.insecure_channel(server.address) as channel:
        stub = PreferencesServiceStub(channel)
        await stub.UpdateAccountSettings(UpdateAccountSettingsRequest(account_id=ACCOUNT, settings=room))
        update = UpdatePreferencesRequest(account_id=ACCOUNT, user_id=USER, preferences=wish)
        await stub.UpdatePreferences(update)


async def settled(server: Addressed, seconds: float = 60.0) -> dict[str, CallLog]:
    """Every call log by call id, once all of them have arrived in the CRM as they are."""
    async with grpc.aio.insecure_channel(server.address) as channel:
        stub = CallLogServiceStub(channel)
        end = time.monotonic() + seconds
        while True:
            logs = await _listed(stub)
            unsettled = [log for log in logs.values() if log.state == PENDING or log.update_pending]
            if not unsettled:
                return logs
            assert time.monotonic() < end, f"{len(unsettled)} not settled in {seconds} s, such as {unsettled[0]}"
            await asyncio.sleep(0.1 if len(unsettled) < 1_000 else 1.0)


async def _listed(stub: CallLogServiceStub) -> dict[str, CallLog]:
    logs, token = dict[str, CallLog](), ""
    while True:
        page = await stub.ListCallLogs(pb.ListCallLogsRequest(account_id=ACCOUNT, page_size=500, page_token=token))
        logs |= {log.call.id: log for log in page.call_logs}
        if not (token := page.next_page_token):
            return logs


@asynccontextmanager
async def _stubs(servers: Sequence[ServerProcess]) -> AsyncIterator[list[CallLogServiceStub]]:
    channels = [grpc.aio.insecure_channel(server.address) for server in servers]
    try:
        yield [CallLogServiceStub(channel) for channel in channels]
    finally:
        for channel in channels:
            await channel.close()
