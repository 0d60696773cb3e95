"""Sends calls to a server, many at a time, and hands on what became of each."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto
from itertools import count

import grpc
from leadline.v1 import (
    call_log_pb2,
    call_log_service_pb2,
    call_log_service_pb2_grpc,
    directory_pb2,
    directory_service_pb2,
    directory_service_pb2_grpc,
    placeholder_service_pb2,
    placeholder_service_pb2_grpc,
    preferences_pb2,
    preferences_service_pb2,
    preferences_service_pb2_grpc,
)

from leadline_server.domain.call_ids import sourced_id
from leadline_server.replay.account import AccountDetails, account_details
from leadline_server.replay.grouping import GroupItem, ReplayCall
from leadline_server.replay.messages import to_request
from leadline_server.replay.records import Ignored, NoRecord, Skipped

_USERS_A_PAGE = 1000
_MAX_PAGES = 1000

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


class Effect(Enum):
    """The effect of a report on the log of its call."""

    NEW = auto()
    CHANGED = auto()
    UNCHANGED = auto()
    UNKNOWN = auto()
    """The server did not say whether it knew the call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of one call: its log, or else the error."""

    replayed: ReplayCall
    call_log: call_log_pb2.CallLog | None = None
    error: str = ""
    effect: Effect = Effect.UNKNOWN


Item = Outcome | Skipped | Ignored | NoRecord


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
        source: the source that call ids carry. A call that the server knows by its own id keeps that.
        patience: how long to bear with the server.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        account_id: str,
        *,
        concurrency: int = 16,
        patience: Patience | None = None,
        source: str = "",
    ) -> None:
        self._source = source
        self._channel = channel
        self._stub = call_log_service_pb2_grpc.CallLogServiceStub(channel)
        self._account_id = account_id
        self._concurrency = concurrency
        self._patience = patience or Patience()
        self._jitter = random.Random()  # noqa: S311 spreads retries, keeps no secret
        self._lost_in_a_row = 0
        self._stopped = ""
        self._tells_revisions = True
        self._replay_id = ""

    async def account_details(self) -> AccountDetails:
        """The account's settings and users, as the server tells them.

        Raises:
            ReplayStopped: the server cannot be reached, or refuses to tell anything of this account.
        """
        await _connect(self._channel, self._patience)
        try:
            settings = await self._settings()
            users = [user async for user in self._users()]
        except grpc.aio.AioRpcError as failure:
            sentence = "the server does not say how the account's numbers are read"
            raise ReplayStopped(f"{sentence}: {failure.details()}") from None
        return account_details(settings, users)

    async def _settings(self) -> preferences_pb2.AccountSettings:
        stub = preferences_service_pb2_grpc.PreferencesServiceStub(self._channel)
        request = preferences_service_pb2.GetAccountSettingsRequest(account_id=self._account_id)
        response = await stub.GetAccountSettings(request, timeout=self._patience.deadline)
        return response.settings

    async def _users(self) -> AsyncIterator[directory_pb2.User]:
        """The users of the account's directory; none of a server that has no directory."""
        stub = directory_service_pb2_grpc.DirectoryServiceStub(self._channel)
        request = directory_service_pb2.ListUsersRequest(account_id=self._account_id, page_size=_USERS_A_PAGE)
        for _ in range(_MAX_PAGES):
            try:
                response = await stub.ListUsers(request, timeout=self._patience.deadline)
            except grpc.aio.AioRpcError as failure:
                if failure.code() is grpc.StatusCode.UNIMPLEMENTED:
                    return
                raise
            for user in response.users:
                yield user
            if not response.next_page_token:
                return
            request.page_token = response.next_page_token

    async def open(self, placeholder_limit: int) -> None:
        """Open a replay, so that the calls count against its own limit of placeholders and not the account's.

        A server that has no replays counts them like live calls.

        Raises:
            ReplayStopped: the server refuses it.
        """
        await _connect(self._channel, self._patience)
        stub = placeholder_service_pb2_grpc.PlaceholderServiceStub(self._channel)
        request = placeholder_service_pb2.OpenReplayRequest(
            account_id=self._account_id, placeholder_limit=placeholder_limit
        )
        try:
            self._replay_id = (await stub.OpenReplay(request, timeout=self._patience.deadline)).replay_id
        except grpc.aio.AioRpcError as failure:
            if failure.code() is not grpc.StatusCode.UNIMPLEMENTED:
                raise ReplayStopped(f"the server does not open a replay: {failure.details()}") from None

    async def run(self, items: Iterable[GroupItem], on_item: Callable[[Item], None]) -> None:
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

    async def _work(self, source: Iterator[GroupItem], on_item: Callable[[Item], None]) -> None:
        for item in source:
            on_item(await self._send(item) if isinstance(item, ReplayCall) else item)
            if self._stopped:
                return

    async def _send(self, replayed: ReplayCall) -> Outcome:
        before = await self._revision(replayed.call.id)
        if self._source and not before:
            replayed = _with_source(replayed, self._source)
            before = await self._revision(replayed.call.id)
        try:
            call_log = await self._log(to_request(self._account_id, replayed, self._replay_id))
        except grpc.aio.AioRpcError as failure:
            self._note_failure(failure)
            return Outcome(replayed=replayed, error=f"{failure.code().name}: {failure.details()}")
        self._lost_in_a_row = 0
        return Outcome(replayed=replayed, call_log=call_log, effect=_effect(before, call_log.revision))

    async def _log(self, request: call_log_service_pb2.LogCallRequest) -> call_log_pb2.CallLog:
        """The log of a call, tried again while the server is UNAVAILABLE."""
        for attempt in count(1):
            try:
                response = await self._stub.LogCall(request, timeout=self._patience.deadline)
            except grpc.aio.AioRpcError as failure:
                is_passing = failure.code() is grpc.StatusCode.UNAVAILABLE and not self._stopped
                if not is_passing or attempt >= self._patience.attempts:
                    raise
            else:
                return response.call_log
            await asyncio.sleep(self._pause(attempt))
        raise AssertionError  # the loop has no end

    async def _revision(self, call_id: str) -> int | None:
        """The revision of the call's log before the report; 0 where there is none, None where it cannot be told."""
        if not self._tells_revisions:
            return None
        request = call_log_service_pb2.GetCallLogRequest(account_id=self._account_id, call_id=call_id)
        try:
            response = await self._stub.GetCallLog(request, timeout=self._patience.deadline)
        except grpc.aio.AioRpcError as failure:
            self._tells_revisions = failure.code() is not grpc.StatusCode.UNIMPLEMENTED
            return 0 if failure.code() is grpc.StatusCode.NOT_FOUND else None
        return int(response.call_log.revision)

    def _pause(self, attempt: int) -> float:
        bound = min(self._patience.first_pause * 2.0 ** (attempt - 1), self._patience.longest_pause)
        return bound * self._jitter.uniform(0.5, 1.0)

    def _note_failure(self, failure: grpc.aio.AioRpcError) -> None:
        if failure.code() in _HOPELESS:
            self._stopped = self._stopped or f"the server refuses every call for the same reason: {failure.details()}"
        elif failure.code() is grpc.StatusCode.UNAVAILABLE:
            self._lost_in_a_row += 1
            if self._lost_in_a_row >= self._patience.give_up_after:
                self._stopped = self._stopped or f"the server went away: {failure.details()}"
        else:
            self._lost_in_a_row = 0


def _with_source(replayed: ReplayCall, source: str) -> ReplayCall:
    """The call with ids that carry the source."""
    call = replayed.call
    linked_id = sourced_id(source, call.linked_id) if call.linked_id else None
    return replace(replayed, call=replace(call, id=sourced_id(source, call.id), linked_id=linked_id))


def _effect(before: int | None, after: int) -> Effect:
    if before is None:
        return Effect.UNKNOWN
    if before == 0:
        return Effect.NEW
    return Effect.UNCHANGED if after == before else Effect.CHANGED
