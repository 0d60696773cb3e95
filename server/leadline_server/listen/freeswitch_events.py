"""Takes FreeSWITCH's events, and makes calls of its channels by the rules of its call records."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from leadline_server.listen.conversations import ConversationTable
from leadline_server.listen.esl_frames import EslEvent
from leadline_server.listen.freeswitch_channels import FreeSwitchCalls, FreeSwitchChannel, instant
from leadline_server.listen.live_calls import LiveCall, LiveRow, calls_of
from leadline_server.replay.freeswitch import document_values
from leadline_server.replay.generic import read_record
from leadline_server.replay.rules import Rules

MOST_LISTED: Final = 10_000
"""Channels of the list that are asked for; the rest is told by later events."""

_LONGEST: Final = 64  # characters of an id; a UUID has 36
_ID: Final = "Unique-ID"
_LINKS: Final = (
    *("Channel-Call-UUID", "variable_call_uuid", "variable_originator", "variable_bridge_uuid", "Other-Leg-Unique-ID"),
    *("Bridge-A-Unique-ID", "Bridge-B-Unique-ID", "variable_cc_member_session_uuid"),
)
"""Headers with the ids of other channels of the same conversation."""

_PICKUP_APP: Final = "intercept"

_FIRST_PROFILE: Final = {
    "initial_context": "context",
    "initial_cid_name": "caller_id_name",
    "initial_cid_num": "caller_id_number",
    "initial_dest": "destination_number",
}


class FreeSwitchEvents:
    """The conversations of a FreeSWITCH.

    Args:
        now: the time, for events without one.

    Attributes:
        table: the conversations.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.table = ConversationTable(FreeSwitchCalls, now)

    def apply(self, event: EslEvent) -> None:
        """Take an event of a channel, or what `uuid_dump` says of one. Others change nothing."""
        unique_id = event.get(_ID, "")
        if not _is_id(unique_id):
            return
        conversation = self._of(event, unique_id)
        time = instant(event.get("Event-Date-Timestamp", "")) or self._now()
        channel = conversation.channel(unique_id, time)
        if channel is not None:
            channel.tell(event, time)

    def listed(self, text: str) -> list[str]:
        """Take the answer to `show channels as json`. Returns the ids of the channels, to ask for each."""
        found = []
        for row in _rows(text):
            unique_id = str(row.get("uuid", ""))
            if _is_id(unique_id):
                self._list(unique_id, row)
                found.append(unique_id)
        return found

    def _list(self, unique_id: str, row: dict[str, object]) -> None:
        conversation = self._of({"Channel-Call-UUID": str(row.get("call_uuid", ""))}, unique_id)
        conversation.has_gap = conversation.has_gap or unique_id not in conversation.channels
        began = instant(f"{row.get('created_epoch', '')}000000") or self._now()
        channel = conversation.channel(unique_id, began)
        if channel is not None:
            told = {name: str(row.get(column) or "") for column, name in _FIRST_PROFILE.items()}
            channel.begin_with({name: text for name, text in told.items() if text})

    def _of(self, event: EslEvent, unique_id: str) -> FreeSwitchCalls:
        links = (event.get(name, "") for name in _LINKS)
        conversation = self.table.of((unique_id, *(link for link in links if _is_id(link))))
        self.table.found(unique_id)
        return conversation


def live_calls(conversation: FreeSwitchCalls, rules: Rules) -> list[LiveCall]:
    """The calls of a conversation that are to be reported now."""
    order = sorted(conversation.channels.values(), key=lambda channel: channel.started)
    partners = {partner for channel in order for partner in _partners(channel)}
    told = [one for one in order if one.unique_id in partners or any(_partners(one)) or _is_alone(one)]
    return calls_of([_row(channel) for channel in told], read_record, rules, has_gap=conversation.has_gap)


def _is_alone(channel: FreeSwitchChannel) -> bool:
    """Whether a channel without another one has ended as a call of its own. A pickup is a part of another call."""
    is_pickup = channel.variables.get("last_app") == _PICKUP_APP
    return channel.ended is not None and not (channel.is_lost and is_pickup)


def _partners(channel: FreeSwitchChannel) -> Iterator[str]:
    """The channels that rang this one, or that it talks to. One without any may still become a part of another call."""
    names = ("originator", "cc_member_session_uuid", "bridge_uuid")
    return (partner for name in names if (partner := channel.variables.get(name, "")))


def _row(channel: FreeSwitchChannel) -> LiveRow:
    seen = channel.seen if channel.ended is None or channel.is_lost else channel.ended
    document = channel.document()
    if channel.ended is not None and channel.is_lost:
        document["variables"]["end_uepoch"] = str(round(channel.ended.timestamp() * 1_000_000))
    return LiveRow(dict(document_values(document)), seen, channel.ended is not None)


def _is_id(text: str) -> bool:
    """Whether this can be a channel's id, which is also sent in a command."""
    return 0 < len(text) <= _LONGEST and text.isprintable() and " " not in text


def _rows(text: str) -> list[dict[str, object]]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return []
    rows = document.get("rows") if isinstance(document, dict) else None
    return [row for row in rows[:MOST_LISTED] if isinstance(row, dict)] if isinstance(rows, list) else []
