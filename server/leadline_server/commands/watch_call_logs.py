"""WatchCallLogs: the calls of an account as they change."""

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from operator import attrgetter
from typing import Final

from leadline_server.accounts.registry import AccountRegistry
from leadline_server.domain import tokens
from leadline_server.domain.errors import FieldViolation, InvalidResumeToken, ResumeTokenExpired, WatcherTooSlow
from leadline_server.ports.ledger import CallLogs, Change
from leadline_server.watch.feed import ChangeFeed, FellBehind

TOO_FAR: Final = 10_000
"""Changes, of all accounts, that may pass while a watcher takes one message."""

_MAX_BATCHES: Final = 64
"""How many places are remembered at which watchers stood, with what they were told there."""

_TOLD_EVERY: Final = 1_000
"""After so many changes that do not concern a watcher it is told its position, so that its token stays young."""

_sequence: Final = attrgetter("sequence")


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What to watch: an account's calls, or one user's; from now on, or from where another watch ended (its token).

    `max_call_logs` is how many calls to take at once; 0: one, as soon as it changes.
    """

    account_id: str
    user_id: str
    resume_token: str
    max_call_logs: int = 0


@dataclass(frozen=True, slots=True)
class WatchItem:
    """A call that changed (None: only the position is told), and the token to go on from after it."""

    change: Change | None
    resume_token: str


@dataclass(frozen=True, slots=True, eq=False)
class WatchBatch:
    """Calls that changed, each with its last change (none: only the position is told), and the position after them.

    Watchers that are told the same get the very same batch.
    """

    changes: Sequence[Change]
    position: int
    token: Callable[[int], str]
    """The token to go on from after a position."""


class WatchCallLogs:
    """Streams changes, at least once each, in the order of their commits."""

    def __init__(
        self, registry: AccountRegistry, call_logs: CallLogs, feed: ChangeFeed, secret: bytes, too_far: int = TOO_FAR
    ) -> None:
        self._registry = registry
        self._call_logs = call_logs
        self._feed = feed
        self._secret = secret
        self._too_far = too_far
        self._batches: dict[tuple[str, int, int, int, int], WatchBatch] = {}

    async def execute(self, watch: Watch) -> AsyncGenerator[WatchItem, None]:
        """Yield the position at once, then every change until the watcher leaves.

        To be asked for the next item only when the watcher has taken the one before.

        Raises:
            AccountNotFound: there is no such account.
            InvalidResumeToken: the token is of another watch.
            ResumeTokenExpired: the ledger does not reach back, or not yet forward, to the token.
            WatcherTooSlow: too much changed while the watcher took one item, or what it has not seen was pruned; its
                metadata has the token to resume from.
        """
        await self._registry.get(watch.account_id)
        with self._feed.watching():
            position = told = await self._start(watch)
            yield WatchItem(None, self._token(watch, position))
            while True:
                for change in await self._after(watch, position, told):
                    position = change.sequence
                    is_news = _concerns(watch, change)
                    if not is_news and position - told < _TOLD_EVERY:
                        continue
                    told, head = position, self._feed.head
                    yield WatchItem(change if is_news else None, self._token(watch, position))
                    if self._feed.head - head > self._too_far:
                        raise self._too_slow(watch, told)

    async def batches(self, watch: Watch) -> AsyncGenerator[WatchBatch, None]:
        """What `execute` yields, up to `max_call_logs` at once.

        To be asked for the next ones only when the watcher has taken those before. Raises as `execute` does.
        """
        await self._registry.get(watch.account_id)
        with self._feed.watching_in_batches() as phase:
            position = told = await self._start(watch)
            is_behind = False
            yield self._batch_of(watch, (), position)
            while True:
                changes = await self._after(watch, position, told, None if is_behind else phase)
                batch = self._batch(watch, position, changes)
                position, head = batch.position, self._feed.head
                is_behind = len(batch.changes) == watch.max_call_logs
                if not batch.changes and position - told < _TOLD_EVERY:
                    continue
                told = position
                yield batch
                if self._feed.head - head > self._too_far:
                    raise self._too_slow(watch, told)

    def _batch(self, watch: Watch, position: int, changes: Sequence[Change]) -> WatchBatch:
        """The first of `changes`, which follow `position`, that concern a watch: of each call the last."""
        place = (_selection(watch), watch.max_call_logs, position, changes[-1].sequence, len(changes))
        batch = self._batches.get(place)
        if batch is None:
            if len(self._batches) >= _MAX_BATCHES:
                self._batches.clear()
            last = {change.call_id: change for change in changes if _concerns(watch, change)}
            news = sorted(last.values(), key=_sequence)[: watch.max_call_logs]
            end = (news if len(news) == watch.max_call_logs else changes)[-1].sequence
            batch = self._batches[place] = self._batch_of(watch, tuple(news), end)
        return batch

    def _batch_of(self, watch: Watch, changes: Sequence[Change], position: int) -> WatchBatch:
        return WatchBatch(changes, position, partial(_signed, self._secret, _selection(watch)))

    async def _after(self, watch: Watch, position: int, told: int, phase: float | None = None) -> Sequence[Change]:
        try:
            if phase is None:
                return await self._feed.after(position)
            return await self._feed.batch_after(position, phase)
        except FellBehind:
            raise self._too_slow(watch, told) from None

    def _too_slow(self, watch: Watch, told: int) -> WatcherTooSlow:
        message = "Calls change faster than this watcher takes its messages. Watch again with the last resume_token."
        return WatcherTooSlow(message, metadata={"resume_token": self._token(watch, told)})

    async def _start(self, watch: Watch) -> int:
        if not watch.resume_token:
            return await self._call_logs.last_sequence()
        payload = tokens.verify(self._secret, "watch", _selection(watch), watch.resume_token)
        if payload is None:
            raise InvalidResumeToken([FieldViolation("resume_token", "was not made for this watch")])
        position = int(payload)
        if position > await self._call_logs.last_sequence():
            raise ResumeTokenExpired("The token is of a later state of the ledger. List the calls, and watch from now.")
        if position < await self._call_logs.pruned_through():
            raise ResumeTokenExpired("Calls that changed since are no longer kept. List the calls, and watch from now.")
        return position

    def _token(self, watch: Watch, position: int) -> str:
        return _signed(self._secret, _selection(watch), position)


@lru_cache(maxsize=8192)
def _signed(secret: bytes, selection: str, position: int) -> str:
    """The token of a position; watchers of the same calls share it."""
    return tokens.sign(secret, "watch", selection, str(position))


def _concerns(watch: Watch, change: Change) -> bool:
    return change.account_id == watch.account_id and watch.user_id in ("", change.user_id)


def _selection(watch: Watch) -> str:
    return f"{watch.account_id}\n{watch.user_id}"
