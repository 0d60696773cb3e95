"""The conversations of a phone system: channels that belong together, found by the ids that events name.

A listener keeps one table. It is bounded, and forgets what is over.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, Self, TypeVar

MOST_IDS: Final = 50_000
"""Ids of channels and of what links them. Beyond it the conversation without news for longest is forgotten."""

KEPT: Final = timedelta(minutes=2)
"""How long a conversation that is over is remembered, for events that come late."""

MOST_CHANNELS: Final = 512
"""Channels of a conversation; a further one is left out."""

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True, eq=False)
class TrackedChannel:
    """One channel, with the times that are kept of every phone system's channels.

    Attributes:
        seen: the time of the latest event of it.
        is_lost: it ended while there was no connection, so that the time is a guess.
    """

    unique_id: str
    started: datetime
    seen: datetime
    ended: datetime | None = field(default=None, kw_only=True)
    is_lost: bool = field(default=False, kw_only=True)


C = TypeVar("C", bound=TrackedChannel)


@dataclass(slots=True, eq=False)
class ChannelConversation(Generic[C]):
    """Channels that belong together.

    Attributes:
        ids: all ids of it that were seen: of channels, and those that link them.
        has_gap: events of it may have been missed.
        touched: when the latest news of it came, by our clock.
    """

    ids: set[str] = field(default_factory=set)
    channels: dict[str, C] = field(default_factory=dict)
    has_gap: bool = False
    touched: datetime = _LONG_AGO

    @property
    def is_over(self) -> bool:
        """Whether all channels have ended."""
        return all(channel.ended is not None for channel in self.channels.values())

    def take(self, other: Self) -> None:
        """Take over everything of a conversation that turned out to be the same one."""
        self.ids |= other.ids
        self.channels |= other.channels
        self.has_gap = self.has_gap or other.has_gap


V = TypeVar("V", bound=ChannelConversation[Any])


class ConversationTable(Generic[V]):
    """The conversations of one phone system.

    Args:
        make: makes an empty conversation.
        now: the time.
    """

    def __init__(self, make: Callable[[], V], now: Callable[[], datetime]) -> None:
        self._make = make
        self._now = now
        self._by_id: OrderedDict[str, V] = OrderedDict()
        self._changed: dict[int, V] = {}
        self._missing: set[str] = set()

    def of(self, ids: Iterable[str]) -> V:
        """The conversation with these ids; several become one, and none a new one. It counts as changed."""
        names = [name for name in dict.fromkeys(ids) if name]
        known = {id(one): one for name in names if (one := self._by_id.get(name)) is not None}
        first, *others = known.values() or [self._make()]
        for other in others:
            first.take(other)
            self._changed.pop(id(other), None)
        first.ids.update(names)
        first.touched = self._now()
        for name in first.ids:
            self._by_id[name] = first
            self._by_id.move_to_end(name)
        self._changed[id(first)] = first
        return first

    def found(self, unique_id: str) -> None:
        """A channel is told of: it has not ended without a word."""
        self._missing.discard(unique_id)

    def connected(self) -> None:
        """A connection begins: channels that its list does not have, and no event tells of, have ended meanwhile."""
        self._missing = set()
        for conversation in self._all():
            alive = {channel.unique_id for channel in conversation.channels.values() if channel.ended is None}
            self._missing |= alive
            conversation.has_gap = conversation.has_gap or bool(alive)

    def listed(self) -> None:
        """All channels are listed: end those that ended while there was no connection. When they did is not known."""
        now = self._now()
        for unique_id in self._missing:
            conversation = self._by_id.get(unique_id)
            channel = conversation.channels.get(unique_id) if conversation is not None else None
            if conversation is not None and channel is not None and channel.ended is None:
                channel.ended, channel.is_lost = now, True
                self._changed[id(conversation)] = conversation
        self._missing = set()

    def changed(self) -> list[V]:
        """The conversations that have changed since the last time."""
        changed = list(self._changed.values())
        self._changed.clear()
        self._forget()
        return changed

    def goes_on(self, call_id: str) -> bool:
        """Whether a call's conversation has a channel that has not ended."""
        conversation = self._by_id.get(call_id)
        return conversation is not None and call_id in conversation.channels and not conversation.is_over

    def _all(self) -> Iterator[V]:
        return iter({id(one): one for one in self._by_id.values()}.values())

    def _forget(self) -> None:
        """Forget conversations that are over for long, and the oldest ones beyond the bound."""
        while self._by_id:
            conversation = next(iter(self._by_id.values()))
            is_due = conversation.is_over and conversation.touched + KEPT < self._now()
            if not is_due and len(self._by_id) <= MOST_IDS:
                return
            for name in conversation.ids:
                self._by_id.pop(name, None)
