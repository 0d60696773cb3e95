"""The channels of an Asterisk, and the channels that each of them rang, by events in any order, doubled, or with gaps.

A channel is named by its `Uniqueid`. `Linkedid` is equal for the channels of one conversation. A transfer changes it,
which joins two conversations. Source: docs.asterisk.org, "AMI Events" and "AMI v2 Specification".
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import combinations
from typing import Final, Self

from leadline_server.domain.call_legs import earliest
from leadline_server.domain.unshown import unshown
from leadline_server.listen.conversations import MOST_CHANNELS, ChannelConversation, TrackedChannel
from leadline_server.replay.zones import epoch_of

_UP: Final = "6"  # AST_STATE_UP
_CONFERENCES: Final = frozenset({"confbridge", "meetme"})
SHORT_EXTENSIONS: Final = frozenset({"", *"sithoaeT"})
"""Extensions of the dial plan that are no numbers. They replace none that was dialled."""


@unshown
@dataclass(slots=True, eq=False)
class Channel(TrackedChannel):
    """One channel.

    Attributes:
        number, caller_name: its caller ID, the latest one.
        exten, context: where it is in the dial plan; the latest extension that is a number.
        app, app_data: the application that it runs.
        is_dialled: another channel rang it.
        is_told: an event told more of it than its end.
    """

    name: str = ""
    linked_id: str = ""
    number: str = ""
    caller_name: str = ""
    exten: str = ""
    context: str = ""
    account_code: str = ""
    app: str = ""
    app_data: str = ""
    answered: datetime | None = None
    is_dialled: bool = False
    is_told: bool = False

    @property
    def is_local(self) -> bool:
        """Whether it is half of a Local channel, which connects two parts of the dial plan."""
        return self.name.lower().startswith("local/")

    @property
    def is_in_conference(self) -> bool:
        """Whether it is in a conference: it has no pair there."""
        return self.app.lower() in _CONFERENCES

    def tell(self, fields: "ChannelFields", time: datetime, *, is_listed: bool = False) -> None:
        """Take what an event says of it. An older event than the last one only fills what is not known.

        A list of channels tells the present, but not when anything happened: it is no event of the channel.
        """
        is_news = is_listed or time >= self.seen
        if not is_listed:
            self.seen, self.started = max(self.seen, time), min(self.started, time)
        for name in ("name", "linked_id", "number", "caller_name", "account_code", "app", "app_data"):
            value = getattr(fields, name)
            if value and (is_news or not getattr(self, name)):
                setattr(self, name, value)
        if _is_better(fields.exten, self.exten, is_news=is_news):
            self.exten, self.context = fields.exten, fields.context
        if fields.is_up:
            self.answered = earliest((self.answered, time))


def _is_better(exten: str, known: str, *, is_news: bool) -> bool:
    if exten in SHORT_EXTENSIONS:
        return not known
    return is_news or known in SHORT_EXTENSIONS


@unshown
@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelFields:
    """The fields of one channel in one event. Empty: nothing."""

    unique_id: str
    name: str = ""
    linked_id: str = ""
    number: str = ""
    caller_name: str = ""
    exten: str = ""
    context: str = ""
    account_code: str = ""
    app: str = ""
    app_data: str = ""
    state: str = ""

    @property
    def is_up(self) -> bool:
        """Whether the channel is answered."""
        return self.state == _UP


@dataclass(slots=True, eq=False)
class ChannelPair:
    """A channel that rang another one, or that talked to it after a transfer.

    Attributes:
        exten, context: where the caller was in the dial plan when it began.
        status: Dial's word for the outcome, such as ANSWER or BUSY; empty: not told.
        bridged: when the two talked first.
        closed: when Dial ended without an answer.
        is_dialled: it began with ringing, not with a transfer.
    """

    caller: Channel
    callee: Channel
    began: datetime
    exten: str
    context: str
    status: str = ""
    bridged: datetime | None = None
    closed: datetime | None = None
    is_dialled: bool = True

    @property
    def answered(self) -> datetime | None:
        """When it was answered; None: it was not."""
        if self.status not in {"", "ANSWER"} and self.bridged is None:
            return None
        return self.bridged if not self.is_dialled else earliest((self.callee.answered, self.bridged))

    @property
    def ended(self) -> datetime | None:
        """When it ended."""
        ends = (self.caller.ended, self.callee.ended)
        return earliest(ends) if self.answered is not None else earliest((*ends, self.closed))


@dataclass(slots=True, eq=False)
class BridgeStay:
    """The time that a channel was in a bridge. `left` is None while it is in it."""

    channel: Channel
    entered: datetime
    left: datetime | None = None

    @property
    def end(self) -> datetime | None:
        """When it left, or hung up."""
        return earliest((self.left, self.channel.ended))

    def meets(self, other: "BridgeStay") -> bool:
        """Whether both were in the bridge at the same time, and not only at the instant of a transfer."""
        one, two = self.end, other.end
        return (two is None or self.entered < two) and (one is None or other.entered < one)


@dataclass(slots=True, eq=False)
class LinkedChannels(ChannelConversation[Channel]):
    """Channels that belong together, and the pairs among them.

    Attributes:
        dials: the pairs of which one rang the other, by the ids of both.
        bridges: who was in each bridge, by the bridge's id and the channel's.
    """

    dials: dict[tuple[str, str], ChannelPair] = field(default_factory=dict)
    bridges: dict[str, dict[str, BridgeStay]] = field(default_factory=dict)

    def channel(self, fields: ChannelFields, time: datetime, *, is_listed: bool = False) -> Channel | None:
        """The channel that an event tells of, with its news; None if there are too many."""
        known = self.channels.get(fields.unique_id)
        if known is None:
            if len(self.channels) >= MOST_CHANNELS:
                return None
            since = (epoch_of(fields.unique_id) if is_listed else None) or time
            known = self.channels[fields.unique_id] = Channel(fields.unique_id, since, since)
        known.tell(fields, time, is_listed=is_listed)
        return known

    def dialled(self, caller: Channel, callee: Channel, time: datetime) -> ChannelPair:
        """The pair of a channel that rings another one."""
        callee.is_dialled = True
        pair = ChannelPair(caller, callee, time, caller.exten, caller.context)
        pair = self.dials.setdefault((caller.unique_id, callee.unique_id), pair)
        pair.began = min(pair.began, time)
        return pair

    def entered(self, bridge_id: str, channel: Channel, time: datetime) -> None:
        """A channel entered a bridge."""
        stay = self.bridges.setdefault(bridge_id, {}).setdefault(channel.unique_id, BridgeStay(channel, time))
        stay.entered = min(stay.entered, time)
        if stay.left is not None and time > stay.left:
            stay.left = None

    def left(self, bridge_id: str, channel: Channel, time: datetime) -> None:
        """A channel left a bridge."""
        stay = self.bridges.setdefault(bridge_id, {}).setdefault(channel.unique_id, BridgeStay(channel, time))
        stay.left = max(stay.left or time, time)

    def take(self, other: Self) -> None:
        """Take over everything of a conversation that turned out to be the same one."""
        ChannelConversation.take(self, other)  # a class with slots cannot say super() here
        self.dials |= other.dials
        for bridge_id, stays in other.bridges.items():
            self.bridges.setdefault(bridge_id, {}).update(stays)

    def dialled_by(self, callee: Channel) -> Iterator[ChannelPair]:
        """The pairs in which this channel was rung."""
        return (pair for (_, unique_id), pair in self.dials.items() if unique_id == callee.unique_id)

    def pairs(self) -> list[ChannelPair]:
        """The pairs by ringing, and those by a transfer; in order."""
        transfers: dict[tuple[str, str], ChannelPair] = {}
        for pair in self.dials.values():
            pair.bridged = None
        for one, other in self._meetings():
            since = max(one.entered, other.entered)
            talk = self._pair(one.channel, other.channel, transfers, since)
            if talk is not None:
                talk.bridged = earliest((talk.bridged, since))
        found = [*self.dials.values(), *transfers.values()]
        return sorted(found, key=lambda pair: (pair.began, pair.callee.unique_id))

    def _meetings(self) -> Iterator[tuple[BridgeStay, BridgeStay]]:
        for stays in self.bridges.values():
            yield from ((one, other) for one, other in combinations(stays.values(), 2) if one.meets(other))

    def _pair(
        self, one: Channel, other: Channel, transfers: dict[tuple[str, str], ChannelPair], since: datetime
    ) -> ChannelPair | None:
        """The pair of two channels that talk; None if it is none of its own."""
        caller, callee = sorted((one, other), key=lambda channel: (channel.is_dialled, channel.started))
        key, reverse = (caller.unique_id, callee.unique_id), (callee.unique_id, caller.unique_id)
        dial = self.dials.get(key) or self.dials.get(reverse)
        if dial is not None or not self._is_talk(caller, callee):
            return dial
        pair = ChannelPair(caller, callee, since, caller.exten, caller.context, is_dialled=False)
        pair = transfers.setdefault(key, pair)
        pair.began = min(pair.began, since)
        return pair

    def _is_talk(self, caller: Channel, callee: Channel) -> bool:
        """Whether two channels without a Dial between them are a leg.

        They are after a transfer, but not where a Local channel or a conference connects them.
        """
        is_hidden = any(channel.is_local or channel.is_in_conference for channel in (caller, callee))
        return not is_hidden and not any(pair.caller.is_local for pair in self.dialled_by(callee))
