"""The calls of a conversation, by the rules of call records.

Each pair of channels is written as the call record that Asterisk would write of it now, and read by the reader of
Master.csv. So a call that is seen live and imported later has the same id, parties, direction, result and times.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from leadline_server.domain.call_legs import earliest, latest
from leadline_server.listen.asterisk_channels import Channel, ChannelPair, LinkedChannels
from leadline_server.listen.live_calls import LiveCall, LiveRow, calls_of
from leadline_server.replay.asterisk import read_record
from leadline_server.replay.rules import Rules

_VOICEMAIL_APPS: Final = frozenset({"voicemail", "minivmrecord"})
_PICKUP_APPS: Final = frozenset({"pickup", "pickupchan"})  # such a channel becomes one of the call that it takes

# Asterisk's cdr.c, dial_status_to_disposition: what its records say of Dial's outcome.
_DISPOSITIONS: Final = {
    "ANSWER": "ANSWERED",
    "BUSY": "BUSY",
    "CONGESTION": "CONGESTION",
    "CHANUNAVAIL": "FAILED",
    "INVALIDARGS": "FAILED",
}


def live_calls(conversation: LinkedChannels, rules: Rules) -> list[LiveCall]:
    """The calls of a conversation that are to be reported now."""
    return calls_of(list(_rows(conversation)), read_record, rules, has_gap=conversation.has_gap)


def _rows(conversation: LinkedChannels) -> Iterator[LiveRow]:
    pairs = conversation.pairs()
    callers: set[Channel] = set()
    for pair in pairs:
        is_first = pair.caller not in callers and not pair.caller.is_dialled
        callers.add(pair.caller)
        yield _row_of_pair(pair, is_first=is_first)
    in_pairs = callers | {pair.callee for pair in pairs}
    for channel in conversation.channels.values():
        app = channel.app.lower()
        is_part = channel in in_pairs or channel.is_dialled or app in _PICKUP_APPS
        is_alone = channel.is_told and not is_part and not _is_leg(channel, conversation)
        if (is_alone and channel.ended is not None) or app in _VOICEMAIL_APPS:
            yield _row_of_channel(channel, _free_since(channel, pairs))


def _is_leg(channel: Channel, conversation: LinkedChannels) -> bool:
    """Whether a channel is part of a call that another channel began: the event that rings it is late, or was missed.

    In a conference each channel is a call of its own. After a gap the channel that began the call may be unknown.
    """
    if channel.is_in_conference or channel.linked_id in {"", channel.unique_id}:
        return False
    return channel.linked_id in conversation.channels or not conversation.has_gap


def _row_of_pair(pair: ChannelPair, *, is_first: bool) -> LiveRow:
    caller, callee = pair.caller, pair.callee
    answered, ended = pair.answered, pair.ended
    values = {
        **_values(caller, caller.started if is_first else pair.began, answered, ended),
        "dst": pair.exten or caller.exten,
        "dcontext": pair.context or caller.context,
        "dstchannel": callee.name,
        "lastapp": "Dial",
        "disposition": _disposition(pair),
    }
    is_over = caller.ended is not None and ended is not None
    return LiveRow(_known(values), _seen(pair), is_over)


def _free_since(channel: Channel, pairs: list[ChannelPair]) -> datetime:
    """When a channel had rung the last of others; Asterisk begins another record then."""
    return latest(pair.ended for pair in pairs if pair.caller is channel) or channel.started


def _row_of_channel(channel: Channel, start: datetime) -> LiveRow:
    values = {
        **_values(channel, start, channel.answered, channel.ended),
        "lastapp": channel.app,
        "lastdata": channel.app_data,
        "disposition": "" if channel.ended is None else "NO ANSWER" if channel.answered is None else "ANSWERED",
    }
    return LiveRow(_known(values), channel.seen, channel.ended is not None)


def _seen(pair: ChannelPair) -> datetime:
    """When the phone system told of a pair last. One that is over has no news, although the callee may talk on."""
    both = (pair.caller, pair.callee)
    ends = [channel.seen if channel.is_lost else channel.ended for channel in both if channel.ended is not None]
    latest_seen = max(channel.seen for channel in both)
    return earliest((latest_seen, *ends, pair.closed if pair.answered is None else None)) or latest_seen


def _values(caller: Channel, start: datetime, answer: datetime | None, end: datetime | None) -> dict[str, str]:
    name = caller.caller_name.replace('"', "")
    return {
        "uniqueid": caller.unique_id,
        "linkedid": caller.linked_id,
        "accountcode": caller.account_code,
        "channel": caller.name,
        "src": caller.number,
        "clid": f'"{name}" <{caller.number}>' if name else caller.number,
        "dst": caller.exten,
        "dcontext": caller.context,
        "start": _clock(start),
        "answer": _clock(answer),
        "end": _clock(end),
    }


def _known(values: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in values.items() if text}


def _clock(time: datetime | None) -> str:
    """A time as records have it, in whole seconds."""
    return "" if time is None else time.astimezone(UTC).replace(microsecond=0).isoformat()


def _disposition(pair: ChannelPair) -> str:
    """Dial's word, as a record says it; without one, what became of the channels. Empty while it rings."""
    if pair.answered is not None:
        return "ANSWERED"
    if pair.status:
        return _DISPOSITIONS.get(pair.status, "NO ANSWER")
    return "" if pair.ended is None else "NO ANSWER"
