"""WatchCallLogs: streams the calls of an account as they change."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from operator import attrgetter
from typing import Final

from leadline_server.accounts.registry import AccountRegistry
from leadline_server.domain import tokens
from leadline_server.domain.errors import FieldViolation, InvalidResumeToken, ResumeTokenExpired, WatcherTooSlow
from leadline_server.ports.ledger import CallLogs, Change
from leadline_server.watch.batch import WatchBatch, WatchItem
from leadline_server.watch.feed import ChangeFeed, FellBehind
from leadline_server.watch.feeds import ChangeFeeds

MOST_MISSED: Final = 10_000
"""Changes of the account that may happen while a watcher takes one message."""

_MAX_BATCHES: Final = 64
_KEPT_BYTES: Final = 32 * 1024 * 1024
"""How many batches are kept, and how many bytes of them, for other watchers at the same position."""

MOST_BATCH_BYTES: Final = 4 * 1024 * 1024
"""The most bytes of the changes in one batch; it has one at least. A watcher gets one or several messages for it."""

_POSITION_EVERY: Final = 1_000
"""After so many changes of other calls a watcher gets its position, so that its token does not expire."""

_sequence: Final = attrgetter("sequence")


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A request to watch the calls of an account, or of one of its users (`user_id`).

    Without `resume_token` it starts now, otherwise after an earlier watch. `max_call_logs` is the size of batches; 0:
    one call at a time, as soon as it changes.
    """

    account_id: str
    user_id: str
    resume_token: str
    max_call_logs: int = 0


class WatchCallLogs:
    """Streams changes, each at least once, in the order of their commits."""

    def __init__(
        self,
        registry: AccountRegistry,
        call_logs: CallLogs,
        feeds: ChangeFeeds,
        secret: bytes,
        most_missed: int = MOST_MISSED,
    ) -> None:
        self._registry = registry
        self._call_logs = call_logs
        self._feeds = feeds
        self._secret = secret
        self._most_missed = most_missed
        self._batches: dict[tuple[str, int, int, int, int], WatchBatch] = {}
        self._batch_bytes = 0

    async def execute(self, watch: Watch) -> AsyncGenerator[WatchItem, None]:
        """Yield the position at once, then every change until the watcher leaves.

        Ask for the next item only when the watcher has taken the one before.

        Raises:
            AccountNotFound: there is no such account.
            InvalidResumeToken: the token belongs to another watch.
            ResumeTokenExpired: changes after the token were pruned, or the token is newer than the restored ledger.
            WatcherTooSlow: too many calls changed while the watcher took one item, or changes that it has not seen were
                pruned. The metadata has the token to resume with.
        """
        await self._registry.get(watch.account_id)
        with self._feeds.watching(watch.account_id) as feed:
            position = sent = await self._start(watch)
            yield WatchItem(None, self._token(watch, position))
            while True:
                for change in await self._after(feed, watch, position, sent):
                    position = change.sequence
                    is_news = _belongs(watch, change)
                    if not is_news and position - sent < _POSITION_EVERY:
                        continue
                    sent, head = position, feed.head
                    yield WatchItem(change if is_news else None, self._token(watch, position))
                    if feed.head - head > self._most_missed:
                        raise self._too_slow(watch, sent)

    async def batches(self, watch: Watch) -> AsyncGenerator[WatchBatch, None]:
        """As `execute`, with up to `max_call_logs` changes at once.

        Ask for the next batch only when the watcher has taken the one before. Raises as `execute` does.
        """
        await self._registry.get(watch.account_id)
        with self._feeds.watching(watch.account_id) as feed, feed.watching_in_batches() as phase:
            position = sent = await self._start(watch)
            is_behind = False
            yield self._batch_of(watch, (), position)
            while True:
                changes = await self._after(feed, watch, position, sent, None if is_behind else phase)
                batch = self._batch(watch, position, changes)
                position, head = batch.position, feed.head
                is_behind = batch.position < changes[-1].sequence or len(batch.changes) == watch.max_call_logs
                if not batch.changes and position - sent < _POSITION_EVERY:
                    continue
                sent = position
                yield batch
                if feed.head - head > self._most_missed:
                    raise self._too_slow(watch, sent)

    def _batch(self, watch: Watch, position: int, changes: Sequence[Change]) -> WatchBatch:
        """The batch of a watch at `position`, from the `changes` that follow: of each call only its last change."""
        key = (_selection(watch), watch.max_call_logs, position, changes[-1].sequence, len(changes))
        batch = self._batches.get(key)
        if batch is None:
            if len(self._batches) >= _MAX_BATCHES or self._batch_bytes > _KEPT_BYTES:
                self._batches.clear()
                self._batch_bytes = 0
            last = {change.call_id: change for change in changes if _belongs(watch, change)}
            news = first_changes(sorted(last.values(), key=_sequence), watch.max_call_logs)
            end = (changes if len(news) == len(last) < watch.max_call_logs else news)[-1].sequence
            self._batch_bytes += sum(change.size for change in news)
            batch = self._batches[key] = self._batch_of(watch, tuple(news), end)
        return batch

    def _batch_of(self, watch: Watch, changes: Sequence[Change], position: int) -> WatchBatch:
        return WatchBatch(changes, position, partial(_signed, self._secret, _selection(watch)))

    async def _after(
        self, feed: ChangeFeed, watch: Watch, position: int, sent: int, phase: float | None = None
    ) -> Sequence[Change]:
        try:
            if phase is None:
                return await feed.after(position)
            return await feed.batch_after(position, phase)
        except FellBehind:
            raise self._too_slow(watch, sent) from None

    def _too_slow(self, watch: Watch, sent: int) -> WatcherTooSlow:
        message = "Calls change faster than this watcher takes its messages. Watch again with the last resume_token."
        return WatcherTooSlow(message, metadata={"resume_token": self._token(watch, sent)})

    async def _start(self, watch: Watch) -> int:
        if not watch.resume_token:
            return await self._call_logs.last_sequence(watch.account_id)
        payload = tokens.verify(self._secret, "watch", _selection(watch), watch.resume_token)
        if payload is None:
            raise InvalidResumeToken([FieldViolation("resume_token", "was not made for this watch")])
        position = int(payload)
        if position > await self._call_logs.last_sequence(watch.account_id):
            raise ResumeTokenExpired("The token is newer than the ledger. List the calls, and watch without a token.")
        if position < await self._call_logs.pruned_through(watch.account_id):
            raise ResumeTokenExpired("Calls that changed since were pruned. List the calls, and watch without a token.")
        return position

    def _token(self, watch: Watch, position: int) -> str:
        return _signed(self._secret, _selection(watch), position)


@lru_cache(maxsize=8192)
def _signed(secret: bytes, selection: str, position: int) -> str:
    """The token of a position. Watchers of the same calls share it."""
    return tokens.sign(secret, "watch", selection, str(position))


def first_changes(changes: Sequence[Change], most: int) -> Sequence[Change]:
    """The first changes: `most`, or fewer if more would have over MOST_BATCH_BYTES."""
    left = MOST_BATCH_BYTES
    for index, change in enumerate(changes[:most]):
        left -= change.size
        if left < 0 < index:
            return changes[:index]
    return changes[:most]


def _belongs(watch: Watch, change: Change) -> bool:
    return watch.user_id in ("", change.user_id)


def _selection(watch: Watch) -> str:
    return f"{watch.account_id}\n{watch.user_id}"
