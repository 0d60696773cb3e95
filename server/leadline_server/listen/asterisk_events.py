"""Takes Asterisk's events, and tells which conversations they changed."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from leadline_server.listen.ami_frames import Frame
from leadline_server.listen.asterisk_channels import SHORT_EXTENSIONS, Channel, ChannelFields, LinkedChannels

MOST_CONVERSATIONS: Final = 10_000
"""Conversations that are remembered; beyond it the one without news for the longest time is forgotten."""

KEPT: Final = timedelta(minutes=2)
"""How long a conversation that is over is remembered, for events that come late."""

_LISTED: Final = "CoreShowChannel"
_LIST_END: Final = "CoreShowChannelsComplete"
_SNAPSHOTS: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("Newchannel", "Newstate", "Newexten", "NewCallerid", "Hangup", _LISTED, "QueueCallerJoin"), ("",)),
    **dict.fromkeys(("BridgeEnter", "BridgeLeave"), ("",)),
    **dict.fromkeys(("DialBegin", "DialEnd", "AgentCalled", "AgentConnect", "AgentRingNoAnswer"), ("", "Dest")),
    "Pickup": ("", "Target"),
    "LocalBridge": ("LocalOne", "LocalTwo"),
    "BlindTransfer": ("Transferer", "Transferee"),
    "AttendedTransfer": ("OrigTransferer", "SecondTransferer", "Transferee", "TransferTarget"),
}
"""The channels that each event tells of, by the prefix of their fields."""

_DIALS: Final = {"DialBegin": "", "AgentCalled": "", "AgentConnect": "ANSWER", "AgentRingNoAnswer": "NOANSWER"}
_ENDS: Final = frozenset({"Hangup", "BridgeLeave"})
_LONGEST: Final = 150  # characters of an id; Asterisk's AST_MAX_UNIQUEID


class AsteriskEvents:
    """The conversations of an Asterisk.

    Args:
        now: the time, for events without a `Timestamp` (`timestampevents` of manager.conf).
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._by_link: OrderedDict[str, LinkedChannels] = OrderedDict()
        self._by_channel: dict[str, LinkedChannels] = {}
        self._changed: dict[int, LinkedChannels] = {}
        self._missing: set[str] = set()
        self.forgotten = 0

    def connected(self) -> None:
        """A connection begins: channels that its list does not have, and no event tells of, have ended meanwhile."""
        self._missing = set()
        for conversation in self._conversations():
            alive = {channel.unique_id for channel in conversation.channels.values() if channel.ended is None}
            self._missing |= alive
            conversation.has_gap = conversation.has_gap or bool(alive)

    def apply(self, frame: Frame) -> None:
        """Take an event. Frames of other kinds, and events that are of no use here, change nothing."""
        event = frame.get("Event", "")
        if event == _LIST_END:
            self._end_missing()
        elif event in _SNAPSHOTS:
            self._take(event, frame, self._time(frame))

    def changed(self) -> list[LinkedChannels]:
        """The conversations that have changed since the last time."""
        changed = list(self._changed.values())
        self._changed.clear()
        self._forget()
        return changed

    def goes_on(self, call_id: str) -> bool:
        """Whether a call's conversation has a channel that has not ended."""
        conversation = self._by_channel.get(call_id)
        return conversation is not None and not conversation.is_over

    def _take(self, event: str, frame: Frame, time: datetime) -> None:
        told = [fields for prefix in _SNAPSHOTS[event] if (fields := _fields(frame, prefix)) is not None]
        if not told:
            return
        conversation = self._conversation(told)
        is_new = told[0].unique_id not in conversation.channels
        channels = [conversation.channel(fields, time, is_listed=event == _LISTED) for fields in told]
        for channel in filter(None, channels):
            self._by_channel[channel.unique_id] = conversation
            self._missing.discard(channel.unique_id)
            channel.is_told = channel.is_told or event not in _ENDS
        if channels[0] is not None:
            self._apply_to(conversation, event, frame, channels[0], channels[-1], time)
            conversation.has_gap = conversation.has_gap or (is_new and event == _LISTED)
        self._changed[id(conversation)] = conversation

    def _apply_to(
        self,
        conversation: LinkedChannels,
        event: str,
        frame: Frame,
        channel: Channel,
        other: Channel | None,
        time: datetime,
    ) -> None:
        if event == "Hangup":
            channel.ended = max(time, channel.ended) if channel.ended and not channel.is_lost else time
            channel.is_lost = False
        elif event in {"BridgeEnter", "BridgeLeave"}:
            _bridge(conversation, event, frame, channel, time)
        elif event == _LISTED:
            _listed(conversation, frame, channel, time)
        elif (event in _DIALS or event == "DialEnd") and other is not None and other is not channel:
            pair = conversation.dialled(channel, other, time)
            if event == "DialBegin" and frame.get("Exten", "") not in SHORT_EXTENSIONS:
                pair.exten, pair.context = frame["Exten"], frame.get("Context", "")
            status = _DIALS.get(event, frame.get("DialStatus", "").upper())
            pair.status = status or pair.status
            if status not in {"", "ANSWER"}:
                pair.closed = time

    def _conversation(self, told: list[ChannelFields]) -> LinkedChannels:
        """The conversation of these channels; several become one."""
        links = list(dict.fromkeys(fields.linked_id or fields.unique_id for fields in told))
        found = [self._by_channel.get(fields.unique_id) for fields in told] + [
            self._by_link.get(link) for link in links
        ]
        known = {id(one): one for one in found if one is not None}
        first, *others = known.values() or [LinkedChannels()]
        for other in others:
            first.take(other)
            self._changed.pop(id(other), None)
            self._by_channel.update(dict.fromkeys(other.channels, first))
        first.linked_ids.update(links)
        first.touched = self._now()
        for link in first.linked_ids:
            self._by_link[link] = first
            self._by_link.move_to_end(link)
        return first

    def _conversations(self) -> Iterator[LinkedChannels]:
        return iter({id(one): one for one in self._by_link.values()}.values())

    def _end_missing(self) -> None:
        """End the channels that ended while there was no connection. When they did is not known."""
        now = self._now()
        for unique_id in self._missing:
            conversation = self._by_channel.get(unique_id)
            channel = conversation.channels.get(unique_id) if conversation is not None else None
            if conversation is not None and channel is not None and channel.ended is None:
                channel.ended, channel.is_lost = now, True
                self._changed[id(conversation)] = conversation
        self._missing = set()

    def _forget(self) -> None:
        """Forget conversations that are over for long, and the oldest ones beyond the bound."""
        while self._by_link:
            conversation = next(iter(self._by_link.values()))
            is_due = conversation.is_over and conversation.touched + KEPT < self._now()
            if not is_due and len(self._by_link) <= MOST_CONVERSATIONS:
                return
            self.forgotten += not is_due
            for link in conversation.linked_ids:
                self._by_link.pop(link, None)
            for unique_id in conversation.channels:
                self._by_channel.pop(unique_id, None)

    def _time(self, frame: Frame) -> datetime:
        """When the event happened, by the phone system's clock if the event tells it."""
        try:
            return datetime.fromtimestamp(float(frame.get("Timestamp", "")), UTC)
        except (ValueError, OverflowError, OSError):
            return self._now()


def _fields(frame: Frame, prefix: str) -> ChannelFields | None:
    """The fields of the channel with this prefix; None if the frame names none."""

    def value(name: str) -> str:
        return frame.get(prefix + name, "")

    unique_id = value("Uniqueid")
    if not unique_id or len(unique_id) > _LONGEST:
        return None
    return ChannelFields(
        unique_id=unique_id,
        name=value("Channel"),
        linked_id=value("Linkedid")[:_LONGEST],
        number=value("CallerIDNum"),
        caller_name=value("CallerIDName"),
        exten=value("Exten") or value("Extension"),
        context=value("Context"),
        account_code=value("AccountCode"),
        app=value("Application"),
        app_data=value("AppData") or value("ApplicationData"),
        state=value("ChannelState"),
    )


def _bridge(conversation: LinkedChannels, event: str, frame: Frame, channel: Channel, time: datetime) -> None:
    bridge_id = frame.get("BridgeUniqueid", "")
    if event == "BridgeLeave":
        conversation.left(bridge_id, channel, time)
    elif frame.get("BridgeCreator", "").lower() != "confbridge":
        conversation.entered(bridge_id, channel, time)


def _listed(conversation: LinkedChannels, frame: Frame, channel: Channel, time: datetime) -> None:
    """A channel of the list of channels, of which events may have been missed."""
    host = conversation.channels.get(channel.linked_id)
    is_rung = channel.app.lower() == "appdial" and not any(conversation.dialled_by(channel))
    if is_rung and host is not None and host is not channel:
        conversation.dialled(host, channel, channel.started)
    if frame.get("BridgeId"):
        conversation.entered(frame["BridgeId"], channel, time)
