"""Sessions of a FreeSWITCH, event by event, with the records that mod_json_cdr writes of them.

Source: the FreeSWITCH documentation (FreeSWITCH Explained), "Event List", "Channel Variables" and "mod_json_cdr". An
event has the channel's variables, its current caller profile, and that of the leg on the other side.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

START: Final = 1_790_000_000
"""2026-09-21 14:13:20 UTC: when the scripts begin."""

FreeSwitchEvent = Mapping[str, str]


def microseconds(at: float) -> str:
    """A time of a script, as FreeSWITCH writes it."""
    return str(round((START + at) * 1_000_000) + 123_456)


@dataclass(eq=False)
class ScriptedLeg:
    """A channel of a script.

    Attributes:
        profiles: its caller profiles, the first one first.
        other: the leg on the other side, and which of the two originated it.
    """

    uuid: str
    name: str
    direction: str
    created: float
    profiles: list[dict[str, str]]
    variables: dict[str, str] = field(default_factory=dict)
    answered: float | None = None
    hung_up: float | None = None
    other: "tuple[str, ScriptedLeg] | None" = None
    state: str = "RINGING"

    def headers(self) -> dict[str, str]:
        """The headers that every event of it has."""
        headers = {
            "Channel-State": "CS_EXECUTE",
            "Channel-Call-State": self.state,
            "Channel-Name": self.name,
            "Unique-ID": self.uuid,
            "Call-Direction": self.direction,
            "Channel-Call-UUID": self.variables["call_uuid"],
            "Answer-State": "ringing" if self.answered is None else "answered",
            **_profile("Caller", self.profiles[-1], self.uuid),
            "Caller-Profile-Index": str(len(self.profiles)),
            "Caller-Channel-Created-Time": microseconds(self.created),
            "Caller-Channel-Answered-Time": "0" if self.answered is None else microseconds(self.answered),
            "Caller-Channel-Hangup-Time": "0" if self.hung_up is None else microseconds(self.hung_up),
        }
        if self.other is not None:
            kind, leg = self.other
            headers |= {"Other-Type": kind, **_profile("Other-Leg", leg.profiles[-1], leg.uuid)}
        return headers


def _profile(prefix: str, profile: Mapping[str, str], uuid: str) -> dict[str, str]:
    names = {"caller_id_name": "Caller-ID-Name", "caller_id_number": "Caller-ID-Number", "context": "Context"}
    names |= {"destination_number": "Destination-Number", "callee_id_number": "Callee-ID-Number"}
    found = {f"{prefix}-{header}": profile[name] for name, header in names.items() if name in profile}
    return {**found, f"{prefix}-Unique-ID": uuid}


@dataclass
class FreeSwitchScript:
    """Builds a session. `at` seconds after START are the time of the next events.

    Attributes:
        events: the events so far, in order.
        documents: the records that mod_json_cdr writes of it, in the order of the hangups.
    """

    at: float = 0.0
    events: list[FreeSwitchEvent] = field(default_factory=list)
    documents: list[dict[str, Any]] = field(default_factory=list)
    number: int = 0

    def wait(self, seconds: float) -> None:
        self.at += seconds

    def leg(
        self, name: str, number: str, caller_name: str, dialled: str, context: str, *, direction: str = "inbound"
    ) -> ScriptedLeg:
        """A new channel, without an event."""
        self.number += 1
        uuid = f"{self.number:08x}-0000-4000-8000-{int(self.at):012x}"
        profile = {
            "caller_id_name": caller_name,
            "caller_id_number": number,
            "destination_number": dialled,
            "context": context,
        }
        leg = ScriptedLeg(uuid, name, direction, self.at, [profile])
        leg.variables = {"uuid": uuid, "call_uuid": uuid, "direction": direction, "channel_name": name}
        return leg

    def call_in(self, number: str, name: str, dialled: str, context: str = "public") -> ScriptedLeg:
        """A call comes in, from outside or from a phone of ours."""
        leg = self.leg(f"sofia/external/{number}@203.0.113.5", number, name, dialled, context)
        self.tell("CHANNEL_CREATE", leg)
        return leg

    def originate(self, caller: ScriptedLeg, extension: str, *, device: str = "") -> ScriptedLeg:
        """A channel rings a phone, or a number outside."""
        profile = caller.profiles[-1]
        sides = (profile["caller_id_number"], profile["caller_id_name"], extension, profile["context"])
        leg = self.leg(device or f"sofia/internal/{extension}@198.51.100.7", *sides, direction="outbound")
        leg.variables |= {"originator": caller.uuid, "call_uuid": caller.variables["call_uuid"]}
        if not device:
            leg.variables |= {"dialed_user": extension, "domain_name": "pbx.example.com"}
        leg.other = ("originator", caller)
        self.tell("CHANNEL_CREATE", leg)
        self.tell("CHANNEL_ORIGINATE", leg)
        self.tell("CHANNEL_PROGRESS", leg)
        return leg

    def tell(self, event: str, leg: ScriptedLeg, *, late: float = 0.0, **extra: str) -> None:
        """An event. Only those that execute an application come without the variables."""
        variables = {} if event == "CHANNEL_EXECUTE" else leg.variables
        self.events.append(
            {
                "Event-Name": event,
                "Core-UUID": "720b5579-8177-442d-bfaa-8d1c45ee2f22",
                "Event-Date-Timestamp": microseconds(self.at + late),
                "Event-Sequence": str(len(self.events) + 1),
                **leg.headers(),
                **{f"variable_{name}": value for name, value in variables.items()},
                **{name.replace("_", "-"): value for name, value in extra.items()},
            }
        )

    def execute(self, leg: ScriptedLeg, application: str, data: str = "") -> None:
        """A channel executes an application of the dial plan."""
        self.tell("CHANNEL_EXECUTE", leg, Application=application, Application_Data=data)
        leg.variables["current_application"] = application

    def answer(self, leg: ScriptedLeg, *, late: float = 0.0) -> None:
        if leg.answered is None:
            leg.answered, leg.state = self.at + late, "ACTIVE"
            self.tell("CHANNEL_ANSWER", leg, late=late)

    def bridge(self, one: ScriptedLeg, other: ScriptedLeg) -> None:
        """Two legs talk."""
        for leg, peer, late in ((other, one, 0.0), (one, other, 0.01)):
            self.answer(leg, late=late)
            leg.variables |= {"bridge_uuid": peer.uuid, "signal_bond": peer.uuid}
        one.variables["last_sent_callee_id_number"] = other.profiles[-1]["destination_number"]
        one.other = ("originatee", other)
        ids = {"Bridge_A_Unique_ID": one.uuid, "Bridge_B_Unique_ID": other.uuid}
        self.tell("CHANNEL_BRIDGE", one, late=0.01, **ids)

    def unbridge(self, one: ScriptedLeg) -> None:
        self.tell("CHANNEL_UNBRIDGE", one)

    def transfer(self, leg: ScriptedLeg, extension: str, context: str) -> None:
        """A channel is sent to another extension: it gets a new caller profile."""
        leg.profiles.append({**leg.profiles[-1], "destination_number": extension, "context": context})

    def hang_up(self, *legs: ScriptedLeg, cause: str = "NORMAL_CLEARING", application: str = "") -> None:
        """Channels end, and their records are written."""
        for leg in legs:
            leg.hung_up, leg.state = self.at, "HANGUP"
            times = {"start": leg.created, "answer": leg.answered, "end": leg.hung_up}
            for name, at in times.items():
                leg.variables[f"{name}_uepoch"] = "0" if at is None else microseconds(at)
                leg.variables[f"{name}_epoch"] = leg.variables[f"{name}_uepoch"][:-6] or "0"
            leg.variables |= {
                "duration": str(int(self.at - leg.created)),
                "billsec": "0" if leg.answered is None else str(int(self.at - leg.answered)),
                "hangup_cause": cause,
                "last_app": application or leg.variables.get("current_application", ""),
            }
            self.tell("CHANNEL_HANGUP_COMPLETE", leg, late=0.02)
            self.documents.append(_document(leg))


def _document(leg: ScriptedLeg) -> dict[str, Any]:
    """The record of a leg; `encode-values` is on, as in the sample configuration."""
    encoded = {name: quote(value, safe="") for name, value in leg.variables.items() if value}
    flow = [
        {"dialplan": "XML", "profile_index": str(index), "caller_profile": {**profile, "uuid": leg.uuid}}
        for index, profile in enumerate(leg.profiles, start=1)
    ]
    return {
        "core-uuid": "720b5579-8177-442d-bfaa-8d1c45ee2f22",
        "switchname": "pbx",
        "channel_data": {"state": "CS_REPORTING", "direction": leg.direction},
        "variables": encoded,
        "callflow": flow[::-1],
    }
