"""Sends calls to a server, many at a time, and hands on what became of each."""

import asyncio
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import grpc
from leadline.v1 import (
    call_log_pb2,
    call_log_service_pb2_grpc,
    preferences_service_pb2,
    preferences_service_pb2_grpc,
)

from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.replay.grouping import ReplayCall
from leadline_server.replay.messages import to_request
from leadline_server.replay.records import Ignored, Skipped

# The same answer awaits every other call: going on would only repeat it.
_HOPELESS = frozenset(
    {
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one call: its log, or else the error."""

    replayed: ReplayCall
    call_log: call_log_pb2.CallLog | None = None
    error: str = ""


Item = Outcome | Skipped | Ignored


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to bear with a server. Times in seconds.

    Attributes:
        connect: until the first connection stands.
        deadline: of one LogCall.
        attempts: how often a call is tried while the server is UNAVAILABLE.
        first_pause: before the second attempt; it doubles from one to the next, with jitter.
        longest_pause: bound of the pauses.
        give_up_after: calls in a row that ran out of attempts, before the rest is not even tried.
    """

    connect: float = 10.0
    deadline: float = 10.0
    attempts: int = 6
    first_pause: float = 0.2
    longest_pause: float = 5.0
    give_up_after: int = 5


class ReplayStopped(Exception):
    """The replay ended early, because going on would have been pointless. The message says why."""


async def numbering_of(channel: grpc.aio.Channel, account_id: str, patience: Patience | None = None) -> NumberingRules:
    """How the account's numbers are read, by its settings.

    Raises:
        ReplayStopped: the server cannot be reached, or does not say.
    """
    patience = patience or Patience()
    await _connect(channel, patience)
    request = preferences_service_pb2.GetAccountSettingsRequest(account_id=account_id)
    stub = preferences_service_pb2_grpc.PreferencesServiceStub(channel)
    try:
        settings = (await stub.GetAccountSettings(request, timeout=patience.deadline)).settings
    except grpc.aio.AioRpcError as error:
        raise ReplayStopped(f"the server does not say how the account's numbers are read: {error.details()}") from None
    return NumberingRules(settings.default_region, settings.extension_pattern, tuple(settings.dial_prefixes))


async def _connect(channel: grpc.aio.Channel, patience: Patience) -> None:
    try:
        await asyncio.wait_for(channel.channel_ready(), patience.connect)
    except TimeoutError:
        raise ReplayStopped("no server answers there; start one with: leadline serve") from None


class Replayer:
    """Replays calls through LogCall on one channel.

    A call that was sent twice is one call log, so a replay may be broken off and begun again at any time.

    Args:
        channel: to the server.
        account_id: whose calls they are.
        concurrency: how many calls are under way at once. With 1 they go in order, each after the answer to the last.
        patience: how long to bear with the server.
    """

    def __init__(
        self, channel: grpc.aio.Channel, account_id: str, *, concurrency: int = 16, patience: Patience | None = None
    ) -> None:
        self._channel = channel
        self._stub = call_log_service_pb2_grpc.CallLogServiceStub(channel)
        self._account_id = account_id
        self._concurrency = concurrency
        self._patience = patience or Patience()
        self._jitter = random.Random()  # noqa: S311 spreads retries, keeps no secret
        self._lost_in_a_row = 0
        self._stopped = ""

    async def run(self, items: Iterable[ReplayCall | Skipped | Ignored], on_item: Callable[[Item], None]) -> None:
        """Sends every call; `on_item` is told of each outcome, and of each row left out, as they come.

        Raises:
            ReplayStopped: the server cannot be reached, or refuses all calls alike.
        """
        await _connect(self._channel, self._patience)
        source = iter(items)
        async with asyncio.TaskGroup() as workers:
            for _ in range(self._concurrency):
                workers.create_task(self._work(source, on_item))
        if self._stopped:
            raise ReplayStopped(self._stopped)

    async def _work(self, source: Iterator[ReplayCall | Skipped | Ignored], on_item: Callable[[Item], None]) -> None:
        for item in source:
            on_item(await self._send(item) if isinstance(item, ReplayCall) else item)
            if self._stopped:
                return

    async def _send(self, replayed: ReplayCall) -> Outcome:
        request = to_request(self._account_id, replayed)
        for attempt in range(1, self._patience.attempts + 1):
            try:
                response = await self._stub.LogCall(request, timeout=self._patience.deadline)
            except grpc.aio.AioRpcError as error:
                failure = error
            else:
                self._lost_in_a_row = 0
                return Outcome(replayed=replayed, call_log=response.call_log)
            if failure.code() is not grpc.StatusCode.UNAVAILABLE or self._stopped:
                break
            if attempt < self._patience.attempts:
                await asyncio.sleep(self._pause(attempt))
        self._note_failure(failure)
        return Outcome(replayed=replayed, error=f"{failure.code().name}: {failure.details()}")

    def _pause(self, attempt: int) -> float:
        bound = min(self._patience.first_pause * 2.0 ** (attempt - 1), self._patience.longest_pause)
        return bound * self._jitter.uniform(0.5, 1.0)

    def _note_failure(self, failure: grpc.aio.AioRpcError) -> None:
        if failure.code() in _HOPELESS:
            self._stopped = self._stopped or f"the server refuses all calls alike: {failure.details()}"
        elif failure.code() is grpc.StatusCode.UNAVAILABLE:
            self._lost_in_a_row += 1
            if self._lost_in_a_row >= self._patience.give_up_after:
                self._stopped = self._stopped or f"the server went away: {failure.details()}"
        else:
            self._lost_in_a_row = 0
