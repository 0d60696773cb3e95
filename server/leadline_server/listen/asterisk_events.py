"""Takes Asterisk's events, and tells which conversations they changed."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from leadline_server.listen.ami_frames import Frame
from leadline_server.listen.asterisk_channels import SHORT_EXTENSIONS, Channel, ChannelFields, LinkedChannels
from leadline_server.listen.conversations import ConversationTable

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

    Attributes:
        table: the conversations.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.table = ConversationTable(LinkedChannels, now)

    def apply(self, frame: Frame) -> None:
        """Take an event. Frames of other kinds, and events that are of no use here, change nothing."""
        event = frame.get("Event", "")
        if event == _LIST_END:
            self.table.listed()
        elif event in _SNAPSHOTS:
            self._take(event, frame, self._time(frame))

    def _take(self, event: str, frame: Frame, time: datetime) -> None:
        told = [fields for prefix in _SNAPSHOTS[event] if (fields := _fields(frame, prefix)) is not None]
        if not told:
            return
        conversation = self.table.of(one for fields in told for one in (fields.unique_id, fields.linked_id))
        is_new = told[0].unique_id not in conversation.channels
        channels = [conversation.channel(fields, time, is_listed=event == _LISTED) for fields in told]
        for channel in filter(None, channels):
            self.table.found(channel.unique_id)
            channel.is_told = channel.is_told or event not in _ENDS
        if channels[0] is not None:
            self._apply_to(conversation, event, frame, channels[0], channels[-1], time)
            conversation.has_gap = conversation.has_gap or (is_new and event == _LISTED)

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
