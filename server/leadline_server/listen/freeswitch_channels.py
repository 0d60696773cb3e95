"""The channels of a FreeSWITCH, each as the document that mod_json_cdr would write of it now.

Source: the FreeSWITCH documentation (FreeSWITCH Explained), "Event List" and "mod_json_cdr": an event has a channel's
variables as `variable_NAME`, and its current caller profile as `Caller-NAME`. A transfer gives it another profile.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from leadline_server.domain.call_legs import latest
from leadline_server.listen.conversations import MOST_CHANNELS, ChannelConversation, TrackedChannel
from leadline_server.listen.esl_frames import EslEvent

_MOST_CHARACTERS: Final = 1024
_MOST_DIGITS: Final = 18
_MOST_PROFILES: Final = 64

_VARIABLES: Final = (
    *("uuid", "call_uuid", "originator", "bridge_uuid", "accountcode", "domain_name", "call_direction", "user_context"),
    *("caller_id_name", "caller_id_number", "sip_from_user", "destination_number", "dialed_user", "duration"),
    *("last_sent_callee_id_number", "last_app", "hangup_cause", "start_uepoch", "answer_uepoch", "end_uepoch"),
    *("start_epoch", "answer_epoch", "end_epoch", "billsec", "cc_side", "cc_member_session_uuid"),
)
"""The variables that a record is made of (`replay/freeswitch.py`)."""

_PROFILE: Final = {
    "Caller-Context": "context",
    "Caller-Caller-ID-Name": "caller_id_name",
    "Caller-Caller-ID-Number": "caller_id_number",
    "Caller-Destination-Number": "destination_number",
    "Caller-Callee-ID-Number": "callee_id_number",
}
_TIMES: Final = {
    "start_uepoch": "Caller-Channel-Created-Time",
    "answer_uepoch": "Caller-Channel-Answered-Time",
    "end_uepoch": "Caller-Channel-Hangup-Time",
}


@dataclass(slots=True, eq=False)
class FreeSwitchChannel(TrackedChannel):
    """One channel.

    Attributes:
        variables: those that a record is made of; the latest values.
        profiles: its caller profiles by their index, which counts from 1.
    """

    variables: dict[str, str] = field(default_factory=dict)
    profiles: dict[int, dict[str, str]] = field(default_factory=dict)

    def tell(self, event: EslEvent, time: datetime) -> None:
        """Take what an event says. An older event than the last one only fills what is not known."""
        is_news = time >= self.seen
        self.seen, self.started = max(self.seen, time), min(self.started, time)
        _fill(self.variables, _variables(event), is_news=is_news)
        index = _number(event.get("Caller-Profile-Index", "")) or 1
        if index in self.profiles or len(self.profiles) < _MOST_PROFILES:
            _fill(self.profiles.setdefault(index, {}), _renamed(event, _PROFILE), is_news=is_news)
        self._tell_times(event, time)

    def begin_with(self, profile: Mapping[str, str]) -> None:
        """Take the first profile, where no event has told it."""
        _fill(self.profiles.setdefault(1, {}), profile, is_news=False)

    def document(self) -> dict[str, Any]:
        """The document that mod_json_cdr would write now."""
        order = sorted(self.profiles, reverse=True)
        return {
            "variables": {"start_uepoch": _microseconds(self.started), **self.variables, "uuid": self.unique_id},
            "callflow": [{"caller_profile": self.profiles[index]} for index in order],
        }

    def _tell_times(self, event: EslEvent, time: datetime) -> None:
        if event.get("Event-Name") == "CHANNEL_ANSWER" and "answer_uepoch" not in self.variables:
            self.variables["answer_uepoch"] = _microseconds(time)
        if event.get("Event-Name") == "CHANNEL_HANGUP_COMPLETE":
            ended = instant(self.variables.get("end_uepoch", "")) or time
            self.ended = ended if self.is_lost else latest((self.ended, ended))
            self.variables.setdefault("end_uepoch", _microseconds(ended))
            self.is_lost = False


@dataclass(slots=True, eq=False)
class FreeSwitchCalls(ChannelConversation[FreeSwitchChannel]):
    """Channels that belong together."""

    def channel(self, unique_id: str, time: datetime) -> FreeSwitchChannel | None:
        """The channel with this id; None if there are too many."""
        known = self.channels.get(unique_id)
        if known is None and len(self.channels) < MOST_CHANNELS:
            known = self.channels[unique_id] = FreeSwitchChannel(unique_id, time, time)
        return known


def instant(text: str) -> datetime | None:
    """A time in microseconds since 1970; None where it is none, or 0."""
    number = _number(text)
    try:
        return datetime.fromtimestamp(number / 1_000_000, UTC) if number else None
    except (ValueError, OverflowError, OSError):
        return None


def _variables(event: EslEvent) -> dict[str, str]:
    found = {name: event[f"variable_{name}"] for name in _VARIABLES if event.get(f"variable_{name}")}
    for name, header in _TIMES.items():
        if event.get(header, "").strip("0") and not found.get(name, "").strip("0"):
            found[name] = event[header]
    found.setdefault("call_uuid", event.get("Channel-Call-UUID", ""))
    if event.get("Other-Type") == "originator":
        found.setdefault("originator", event.get("Other-Leg-Unique-ID", ""))
    if event.get("Event-Name") == "CHANNEL_EXECUTE":
        found["last_app"] = event.get("Application", "")
    return {
        name: value[:_MOST_CHARACTERS] for name, value in found.items() if value.strip("0" if name in _TIMES else "")
    }


def _renamed(event: EslEvent, names: Mapping[str, str]) -> dict[str, str]:
    return {name: event[header][:_MOST_CHARACTERS] for header, name in names.items() if event.get(header)}


def _fill(known: dict[str, str], told: Mapping[str, str], *, is_news: bool) -> None:
    known.update({name: value for name, value in told.items() if is_news or name not in known})


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else 0


def _microseconds(time: datetime) -> str:
    return str(round(time.timestamp() * 1_000_000))
