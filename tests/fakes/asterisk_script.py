"""Sessions of an Asterisk, event by event, with the fields that its manager interface sends.

Source: docs.asterisk.org, "AMI Events": each event has a snapshot of its channels, `Dest` before the fields of the one
that is dialled.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

START: Final = 1_790_000_000
"""2026-09-21 14:13:20 UTC: when the scripts begin."""

Event = Mapping[str, str]


def encoded(event: Event) -> bytes:
    """The event's bytes."""
    return "".join(f"{key}: {value}\r\n" for key, value in event.items()).encode() + b"\r\n"


@dataclass(eq=False)
class ScriptedChannel:
    """A channel of a script. A number that is None is written `<unknown>`, as Asterisk does."""

    name: str
    unique_id: str
    linked_id: str
    number: str | None = None
    caller_name: str | None = None
    exten: str = "s"
    context: str = "default"
    state: int = 0
    app: str = ""
    app_data: str = ""

    def snapshot(self, prefix: str = "") -> dict[str, str]:
        states = {0: "Down", 4: "Ring", 5: "Ringing", 6: "Up"}
        fields = {
            "Channel": self.name,
            "ChannelState": str(self.state),
            "ChannelStateDesc": states[self.state],
            "CallerIDNum": self.number or "<unknown>",
            "CallerIDName": self.caller_name or "<unknown>",
            "ConnectedLineNum": "<unknown>",
            "ConnectedLineName": "<unknown>",
            "Language": "en",
            "AccountCode": "",
            "Context": self.context,
            "Exten": self.exten,
            "Priority": "1",
            "Uniqueid": self.unique_id,
            "Linkedid": self.linked_id,
        }
        return {prefix + name: value for name, value in fields.items()}


@dataclass
class Script:
    """Builds a session. `at` seconds after START are the time of the next events.

    Attributes:
        events: the events so far, in order.
        rows: the call records that Asterisk writes of it: rows of Master.csv.
    """

    at: float = 0.0
    events: list[Event] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    _next: int = 0

    @property
    def timestamp(self) -> str:
        return f"{START + self.at:.6f}"

    def wait(self, seconds: float) -> None:
        self.at += seconds

    def channel(
        self,
        device: str,
        number: str | None = None,
        name: str | None = None,
        *,
        exten: str = "s",
        context: str = "default",
        linked: ScriptedChannel | None = None,
        state: int = 0,
    ) -> ScriptedChannel:
        """A new channel."""
        self._next += 1
        unique_id = f"{START + int(self.at)}.{self._next}"
        whole = device if device.startswith("Local/") else f"{device}-{self._next:08x}"
        linked_id = linked.linked_id if linked else unique_id
        channel = ScriptedChannel(whole, unique_id, linked_id, number, name, exten, context, state)
        self.tell("Newchannel", channel)
        return channel

    def tell(self, event: str, channel: ScriptedChannel, dest: ScriptedChannel | None = None, /, **fields: str) -> None:
        destination = dest.snapshot("Dest") if dest else {}
        told = {"Event": event, "Privilege": "call,all", "Timestamp": self.timestamp}
        self.events.append({**told, **channel.snapshot(), **destination, **fields})

    def run(self, channel: ScriptedChannel, app: str, data: str = "") -> None:
        """The channel runs an application of the dial plan."""
        channel.app, channel.app_data = app, data
        self.tell("Newexten", channel, Extension=channel.exten, Application=app, AppData=data)

    def dial(self, caller: ScriptedChannel, callee: ScriptedChannel) -> None:
        """A channel rings another one."""
        callee.app, callee.app_data = "AppDial", "(Outgoing Line)"
        self.tell("DialBegin", caller, callee, DialString=callee.name.partition("/")[2])
        self.up(callee, 5)

    def up(self, channel: ScriptedChannel, state: int = 6) -> None:
        channel.state = state
        self.tell("Newstate", channel)

    def answer(self, caller: ScriptedChannel, callee: ScriptedChannel, bridge: str) -> None:
        """The callee answers, and both talk."""
        self.up(callee)
        self.tell("DialEnd", caller, callee, DialStatus="ANSWER")
        if caller.state != 6:
            self.up(caller)
        self.bridge(bridge, caller, callee)

    def end_dial(self, caller: ScriptedChannel, callee: ScriptedChannel, status: str) -> None:
        """A dialled channel ends without an answer."""
        self.tell("DialEnd", caller, callee, DialStatus=status)
        self.hang_up(callee)

    def bridge(self, bridge: str, *channels: ScriptedChannel, creator: str = "<unknown>") -> None:
        for count, channel in enumerate(channels, start=1):
            told = {"BridgeUniqueid": bridge, "BridgeType": "basic", "BridgeCreator": creator}
            self.tell("BridgeEnter", channel, **told, BridgeTechnology="simple_bridge", BridgeNumChannels=str(count))

    def leave(self, bridge: str, *channels: ScriptedChannel) -> None:
        for channel in channels:
            self.tell("BridgeLeave", channel, BridgeUniqueid=bridge, BridgeType="basic", BridgeNumChannels="0")

    def hang_up(self, *channels: ScriptedChannel) -> None:
        for channel in channels:
            told = {"Cause": "16", "Cause-txt": "Normal Clearing"}
            self.tell("Hangup", channel, **told)

    def record(  # noqa: PLR0913 the columns of a record
        self,
        caller: ScriptedChannel,
        callee: ScriptedChannel | None,
        *,
        start: float,
        answer: float | None,
        end: float,
        dst: str,
        app: str = "Dial",
        data: str = "",
        disposition: str = "",
        context: str = "",
    ) -> None:
        """The record that Asterisk writes: a row of Master.csv, with loguniqueid."""
        number, name = caller.number or "", caller.caller_name or ""
        word = disposition or ("ANSWERED" if answer is not None else "NO ANSWER")
        talk = int(end) - int(answer) if answer is not None else 0
        self.rows.append(
            [
                "",
                number,
                dst,
                context or caller.context,
                f'"{name}" <{number}>' if name else number,
                caller.name,
                callee.name if callee else "",
                app,
                data,
                _clock(start),
                "" if answer is None else _clock(answer),
                _clock(end),
                str(int(end) - int(start)),
                str(talk),
                word,
                "DOCUMENTATION",
                caller.unique_id,
                "",
            ]
        )


def _clock(seconds: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(START + int(seconds), UTC).strftime("%Y-%m-%d %H:%M:%S")
