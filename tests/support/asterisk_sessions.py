"""Scripted sessions of an Asterisk, each with the call records that Asterisk writes of it."""

from collections.abc import Callable
from typing import Final

from fakes.asterisk_script import Script, ScriptedChannel

CUSTOMER: Final = "2025550123"
USERS: Final = {str(number): f"user{number}" for number in range(101, 121)} | {"101": "alice", "102": "bob"}


def _inbound(script: Script, number: str | None = CUSTOMER, name: str | None = "Ada Example") -> ScriptedChannel:
    return script.channel("PJSIP/trunk", number, name, exten="101", context="from-trunk", state=4)


def _phone(script: Script, extension: str, linked: ScriptedChannel) -> ScriptedChannel:
    return script.channel(f"PJSIP/{extension}", extension, exten="s", context="from-internal", linked=linked)


def answered() -> Script:
    script = Script()
    trunk = _inbound(script)
    alice = _phone(script, "101", trunk)
    script.dial(trunk, alice)
    script.wait(4)
    script.answer(trunk, alice, "b1")
    script.wait(30)
    script.leave("b1", alice, trunk)
    script.hang_up(alice, trunk)
    script.record(trunk, alice, start=0, answer=4, end=34, dst="101")
    return script


def missed() -> Script:
    script = Script()
    trunk = _inbound(script)
    alice = _phone(script, "101", trunk)
    script.dial(trunk, alice)
    script.wait(20)
    script.end_dial(trunk, alice, "NOANSWER")
    script.hang_up(trunk)
    script.record(trunk, alice, start=0, answer=None, end=20, dst="101")
    return script


def busy() -> Script:
    script = Script()
    trunk = _inbound(script)
    alice = _phone(script, "101", trunk)
    script.dial(trunk, alice)
    script.wait(1)
    script.end_dial(trunk, alice, "BUSY")
    script.hang_up(trunk)
    script.record(trunk, alice, start=0, answer=None, end=1, dst="101", disposition="BUSY")
    return script


def withheld() -> Script:
    script = Script()
    trunk = _inbound(script, None, None)
    alice = _phone(script, "101", trunk)
    script.dial(trunk, alice)
    script.wait(3)
    script.answer(trunk, alice, "b1")
    script.wait(5)
    script.hang_up(trunk, alice)
    script.record(trunk, alice, start=0, answer=3, end=8, dst="101")
    return script


def outbound() -> Script:
    script = Script()
    alice = script.channel("PJSIP/101", "101", "Alice", exten=CUSTOMER, context="from-internal", state=4)
    trunk = script.channel("PJSIP/trunk", CUSTOMER, context="from-trunk", linked=alice)
    script.dial(alice, trunk)
    script.wait(6)
    script.answer(alice, trunk, "b1")
    script.wait(50)
    script.hang_up(trunk, alice)
    script.record(alice, trunk, start=0, answer=6, end=56, dst=CUSTOMER)
    return script


def voicemail() -> Script:
    script = Script()
    trunk = _inbound(script)
    alice = _phone(script, "101", trunk)
    script.dial(trunk, alice)
    script.wait(20)
    script.end_dial(trunk, alice, "NOANSWER")
    script.run(trunk, "VoiceMail", "101@default,u")
    script.up(trunk)
    script.wait(15)
    script.hang_up(trunk)
    script.record(trunk, alice, start=0, answer=None, end=20, dst="101")
    script.record(trunk, None, start=20, answer=20, end=35, dst="101", app="VoiceMail", data="101@default,u")
    return script


def queue() -> Script:
    """Twenty agents ring; the seventh answers."""
    script = Script()
    trunk = script.channel("PJSIP/trunk", CUSTOMER, "Ada Example", exten="600", context="from-trunk", state=4)
    script.run(trunk, "Queue", "sales")
    script.up(trunk)
    script.tell("QueueCallerJoin", trunk, Queue="sales", Position="1", Count="1")
    agents = [_phone(script, str(101 + index), trunk) for index in range(20)]
    for agent in agents:
        script.tell("AgentCalled", trunk, agent, Queue="sales", MemberName=agent.name)
        script.dial(trunk, agent)
    script.wait(9)
    taker = agents[6]
    script.up(taker)
    script.tell("DialEnd", trunk, taker, DialStatus="ANSWER")
    for agent in agents:
        if agent is not taker:
            script.end_dial(trunk, agent, "CANCEL")
    script.tell("AgentConnect", trunk, taker, Queue="sales", HoldTime="9", RingTime="9")
    script.bridge("q1", trunk, taker)
    script.wait(60)
    script.hang_up(taker, trunk)
    for agent in agents:
        is_taker = agent is taker
        answer, end = (9, 69) if is_taker else (None, 9)
        script.record(trunk, agent, start=0, answer=answer, end=end, dst="600", app="Queue", data="sales")
    return script


def queue_of_local_channels() -> Script:
    script = Script()
    trunk = script.channel("PJSIP/trunk", CUSTOMER, exten="600", context="from-trunk", state=4)
    script.run(trunk, "Queue", "sales")
    script.up(trunk)
    one = script.channel("Local/101@from-queue-00000001;1", "101", context="from-queue", linked=trunk)
    two = script.channel("Local/101@from-queue-00000001;2", CUSTOMER, exten="101", context="from-queue", linked=trunk)
    script.dial(trunk, one)
    phone = _phone(script, "101", trunk)
    script.dial(two, phone)
    script.wait(5)
    script.answer(two, phone, "b2")
    script.answer(trunk, one, "b1")
    script.wait(20)
    script.hang_up(phone, two, one, trunk)
    script.record(two, phone, start=0, answer=5, end=25, dst="101")
    script.record(trunk, one, start=0, answer=5, end=25, dst="600", app="Queue", data="sales")
    return script


def blind_transfer() -> Script:
    script = Script()
    trunk = _inbound(script)
    alice = _phone(script, "101", trunk)
    script.dial(trunk, alice)
    script.wait(3)
    script.answer(trunk, alice, "b1")
    script.wait(20)
    script.leave("b1", trunk, alice)
    script.hang_up(alice)
    trunk.exten, trunk.context = "102", "from-internal"
    bob = _phone(script, "102", trunk)
    script.dial(trunk, bob)
    script.wait(4)
    script.answer(trunk, bob, "b2")
    script.wait(30)
    script.hang_up(bob, trunk)
    script.record(trunk, alice, start=0, answer=3, end=23, dst="101", context="from-trunk")
    script.record(trunk, bob, start=23, answer=27, end=57, dst="102", context="from-internal")
    return script


def attended_transfer() -> Script:
    script = Script()
    trunk = _inbound(script)
    alice = _phone(script, "101", trunk)
    script.dial(trunk, alice)
    script.wait(3)
    script.answer(trunk, alice, "b1")
    script.wait(10)
    second = script.channel("PJSIP/101", "101", "Alice", exten="102", context="from-internal", state=4)
    bob = _phone(script, "102", second)
    script.dial(second, bob)
    script.wait(4)
    script.answer(second, bob, "b2")
    script.wait(10)
    told = {"OrigTransfererUniqueid": alice.unique_id, "OrigTransfererLinkedid": alice.linked_id}
    told |= {"SecondTransfererUniqueid": second.unique_id, "SecondTransfererLinkedid": second.linked_id}
    script.events.append(
        {"Event": "AttendedTransfer", "Result": "Success", **told, "Timestamp": str(1790000000 + script.at)}
    )
    script.leave("b2", second)
    script.leave("b1", trunk)
    bob.linked_id = second.linked_id = trunk.linked_id
    script.bridge("b2", trunk)
    script.hang_up(alice, second)
    script.wait(40)
    script.hang_up(bob, trunk)
    script.record(trunk, alice, start=0, answer=3, end=27, dst="101")
    script.record(second, bob, start=13, answer=17, end=27, dst="102")
    script.record(trunk, bob, start=27, answer=27, end=67, dst="101")
    return script


def pickup() -> Script:
    """Bob takes the call that rings at Alice's phone."""
    script = Script()
    trunk = _inbound(script)
    alice = _phone(script, "101", trunk)
    script.dial(trunk, alice)
    script.wait(6)
    bob = script.channel("PJSIP/102", "102", "Bob", exten="*8", context="from-internal", state=4)
    script.run(bob, "Pickup")
    script.up(bob)
    target = {f"Target{name}": value for name, value in alice.snapshot().items()}
    script.tell("Pickup", bob, **target)
    script.tell("DialEnd", trunk, alice, DialStatus="CANCEL")
    script.up(trunk)
    bob.linked_id = trunk.linked_id
    script.bridge("b1", trunk, bob)
    script.hang_up(alice)
    script.wait(20)
    script.hang_up(bob, trunk)
    script.record(trunk, alice, start=0, answer=None, end=6, dst="101")
    script.record(trunk, bob, start=6, answer=6, end=26, dst="101")
    return script


def follow_me() -> Script:
    """Alice's phone does not answer; her mobile, which is an own number, does."""
    script = Script()
    trunk = _inbound(script)
    alice = _phone(script, "101", trunk)
    script.dial(trunk, alice)
    script.wait(15)
    script.end_dial(trunk, alice, "NOANSWER")
    trunk.exten = "12025550999"
    mobile = script.channel("PJSIP/trunk", "12025550999", linked=trunk)
    script.dial(trunk, mobile)
    script.wait(8)
    script.answer(trunk, mobile, "b1")
    script.wait(12)
    script.hang_up(mobile, trunk)
    script.record(trunk, alice, start=0, answer=None, end=15, dst="101")
    script.record(trunk, mobile, start=15, answer=23, end=35, dst="12025550999")
    return script


def conference() -> Script:
    """A customer and Alice meet in a conference; each has a call of their own."""
    script = Script()
    trunk = script.channel("PJSIP/trunk", CUSTOMER, "Ada Example", exten="101", context="from-trunk", state=4)
    script.run(trunk, "ConfBridge", "1")
    script.up(trunk)
    script.bridge("c1", trunk, creator="ConfBridge")
    script.wait(5)
    alice = script.channel("PJSIP/101", "101", "Alice", exten="500", context="from-internal", state=4)
    script.run(alice, "ConfBridge", "1")
    script.up(alice)
    alice.linked_id = trunk.linked_id
    script.bridge("c1", alice, creator="ConfBridge")
    script.wait(30)
    script.leave("c1", alice, trunk)
    script.hang_up(alice, trunk)
    script.record(trunk, None, start=0, answer=0, end=35, dst="101", app="ConfBridge", data="1")
    script.record(alice, None, start=5, answer=5, end=35, dst="500", app="ConfBridge", data="1")
    return script


SESSIONS: Final[dict[str, Callable[[], Script]]] = {
    one.__name__: one
    for one in (
        answered,
        missed,
        busy,
        withheld,
        outbound,
        voicemail,
        queue,
        queue_of_local_channels,
        blind_transfer,
        attended_transfer,
        pickup,
        follow_me,
        conference,
    )
}
