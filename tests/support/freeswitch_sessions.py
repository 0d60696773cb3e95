"""Scripted sessions of a FreeSWITCH, each with the records that mod_json_cdr writes of it."""

from collections.abc import Callable
from typing import Final

from fakes.freeswitch_script import FreeSwitchScript, ScriptedLeg

CUSTOMER: Final = "2025550123"
MOBILE: Final = "12025550999"


def _inbound(script: FreeSwitchScript, number: str = CUSTOMER, name: str = "Ada Example") -> ScriptedLeg:
    return script.call_in(number, name, "101")


def answered() -> FreeSwitchScript:
    script = FreeSwitchScript()
    trunk = _inbound(script)
    script.execute(trunk, "bridge", "user/101")
    alice = script.originate(trunk, "101")
    script.wait(4)
    script.bridge(trunk, alice)
    script.wait(30)
    script.unbridge(trunk)
    script.hang_up(alice, trunk)
    return script


def missed() -> FreeSwitchScript:
    script = FreeSwitchScript()
    trunk = _inbound(script)
    script.execute(trunk, "bridge", "user/101")
    alice = script.originate(trunk, "101")
    script.wait(20)
    script.hang_up(alice, trunk, cause="NO_ANSWER")
    return script


def given_up() -> FreeSwitchScript:
    script = FreeSwitchScript()
    trunk = _inbound(script)
    script.execute(trunk, "bridge", "user/101")
    alice = script.originate(trunk, "101")
    script.wait(8)
    script.hang_up(alice, trunk, cause="ORIGINATOR_CANCEL")
    return script


def busy() -> FreeSwitchScript:
    script = FreeSwitchScript()
    trunk = _inbound(script)
    script.execute(trunk, "bridge", "user/101")
    alice = script.originate(trunk, "101")
    script.wait(1)
    script.hang_up(alice, trunk, cause="USER_BUSY")
    return script


def withheld() -> FreeSwitchScript:
    script = FreeSwitchScript()
    trunk = _inbound(script, "anonymous", "Anonymous")
    script.execute(trunk, "bridge", "user/101")
    alice = script.originate(trunk, "101")
    script.wait(3)
    script.bridge(trunk, alice)
    script.wait(5)
    script.hang_up(trunk, alice)
    return script


def outbound() -> FreeSwitchScript:
    script = FreeSwitchScript()
    alice = script.call_in("101", "Alice", CUSTOMER, "default")
    script.execute(alice, "bridge", f"sofia/gateway/provider/{CUSTOMER}")
    trunk = script.originate(alice, CUSTOMER, device=f"sofia/external/{CUSTOMER}")
    script.wait(6)
    script.bridge(alice, trunk)
    script.wait(50)
    script.hang_up(trunk, alice)
    return script


def voicemail() -> FreeSwitchScript:
    script = FreeSwitchScript()
    trunk = _inbound(script)
    script.execute(trunk, "bridge", "user/101")
    alice = script.originate(trunk, "101")
    script.wait(20)
    script.hang_up(alice, cause="NO_ANSWER")
    script.execute(trunk, "answer")
    script.answer(trunk)
    script.execute(trunk, "voicemail", "default pbx.example.com 101")
    script.wait(15)
    script.hang_up(trunk)
    return script


def queue() -> FreeSwitchScript:
    """mod_callcenter rings twenty agents; the seventh answers. Its legs have no originator."""
    script = FreeSwitchScript()
    trunk = script.call_in(CUSTOMER, "Ada Example", "600")
    script.execute(trunk, "answer")
    script.answer(trunk)
    script.execute(trunk, "callcenter", "sales@pbx.example.com")
    agents = [_agent(script, trunk, str(101 + index)) for index in range(20)]
    script.wait(9)
    taker = agents[6]
    script.answer(taker)
    script.bridge(trunk, taker)
    script.hang_up(*(agent for agent in agents if agent is not taker), cause="ORIGINATOR_CANCEL")
    script.wait(60)
    script.hang_up(taker, trunk)
    return script


def given_up_in_queue() -> FreeSwitchScript:
    """A caller waits in a queue, which answered, and hangs up before an agent does."""
    script = FreeSwitchScript()
    trunk = script.call_in(CUSTOMER, "Ada Example", "600")
    script.execute(trunk, "answer")
    script.answer(trunk)
    script.execute(trunk, "callcenter", "sales@pbx.example.com")
    agent = _agent(script, trunk, "101")
    script.wait(30)
    script.hang_up(agent, cause="ORIGINATOR_CANCEL")
    script.hang_up(trunk)
    return script


def _agent(script: FreeSwitchScript, member: ScriptedLeg, extension: str) -> ScriptedLeg:
    sides = (CUSTOMER, "Ada Example", extension, "default")
    leg = script.leg(f"sofia/internal/{extension}@198.51.100.7", *sides, direction="outbound")
    leg.variables |= {"cc_side": "agent", "cc_member_session_uuid": member.uuid, "dialed_user": extension}
    script.tell("CHANNEL_CREATE", leg)
    script.tell("CHANNEL_PROGRESS", leg)
    return leg


def ring_group() -> FreeSwitchScript:
    """Twenty phones ring at once; the third answers."""
    script = FreeSwitchScript()
    trunk = script.call_in(CUSTOMER, "Ada Example", "700")
    script.execute(trunk, "bridge", "group/sales")
    phones = [script.originate(trunk, str(101 + index)) for index in range(20)]
    script.wait(5)
    taker = phones[2]
    script.bridge(trunk, taker)
    script.hang_up(*(phone for phone in phones if phone is not taker), cause="LOSE_RACE")
    script.wait(25)
    script.hang_up(taker, trunk)
    return script


def blind_transfer() -> FreeSwitchScript:
    script = FreeSwitchScript()
    trunk = _inbound(script)
    script.execute(trunk, "bridge", "user/101")
    alice = script.originate(trunk, "101")
    script.wait(3)
    script.bridge(trunk, alice)
    script.wait(20)
    script.unbridge(trunk)
    script.hang_up(alice, cause="BLIND_TRANSFER")
    script.transfer(trunk, "102", "default")
    script.execute(trunk, "bridge", "user/102")
    bob = script.originate(trunk, "102")
    script.wait(4)
    script.bridge(trunk, bob)
    script.wait(30)
    script.hang_up(bob, trunk)
    return script


def attended_transfer() -> FreeSwitchScript:
    script = FreeSwitchScript()
    trunk = _inbound(script)
    script.execute(trunk, "bridge", "user/101")
    alice = script.originate(trunk, "101")
    script.wait(3)
    script.bridge(trunk, alice)
    script.wait(10)
    second = script.call_in("101", "Alice", "102", "default")
    script.execute(second, "bridge", "user/102")
    bob = script.originate(second, "102")
    script.wait(4)
    script.bridge(second, bob)
    script.wait(10)
    script.unbridge(second)
    script.unbridge(trunk)
    script.bridge(trunk, bob)
    script.hang_up(alice, second, cause="ATTENDED_TRANSFER")
    script.wait(40)
    script.hang_up(bob, trunk)
    return script


def pickup() -> FreeSwitchScript:
    """Bob takes the call that rings at Alice's phone."""
    script = FreeSwitchScript()
    trunk = _inbound(script)
    script.execute(trunk, "bridge", "user/101")
    alice = script.originate(trunk, "101")
    script.wait(6)
    bob = script.call_in("102", "Bob", "*8", "default")
    script.execute(bob, "answer")
    script.answer(bob)
    script.execute(bob, "intercept", alice.uuid)
    script.hang_up(alice, cause="PICKED_OFF")
    script.bridge(trunk, bob)
    script.wait(20)
    script.hang_up(bob, trunk)
    return script


def follow_me() -> FreeSwitchScript:
    """Alice's phone does not answer; her mobile, which is an own number, does."""
    script = FreeSwitchScript()
    trunk = _inbound(script)
    script.execute(trunk, "bridge", "user/101")
    alice = script.originate(trunk, "101")
    script.wait(15)
    script.hang_up(alice, cause="NO_ANSWER")
    script.execute(trunk, "bridge", f"sofia/gateway/provider/{MOBILE}")
    mobile = script.originate(trunk, MOBILE, device=f"sofia/external/{MOBILE}")
    script.wait(8)
    script.bridge(trunk, mobile)
    script.wait(12)
    script.hang_up(mobile, trunk)
    return script


def conference() -> FreeSwitchScript:
    """A customer and Alice meet in a conference; each has a call of their own."""
    script = FreeSwitchScript()
    trunk = _inbound(script)
    script.execute(trunk, "answer")
    script.answer(trunk)
    script.execute(trunk, "conference", "1@default")
    script.wait(5)
    alice = script.call_in("101", "Alice", "500", "default")
    script.execute(alice, "answer")
    script.answer(alice)
    script.execute(alice, "conference", "1@default")
    script.wait(30)
    script.hang_up(alice, trunk)
    return script


FREESWITCH_SESSIONS: Final[dict[str, Callable[[], FreeSwitchScript]]] = {
    one.__name__: one
    for one in (
        answered,
        missed,
        given_up,
        busy,
        withheld,
        outbound,
        voicemail,
        queue,
        given_up_in_queue,
        ring_group,
        blind_transfer,
        attended_transfer,
        pickup,
        follow_me,
        conference,
    )
}
