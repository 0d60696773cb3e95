"""Scenarios of sipp: phones that answer, are busy, ring on or decline, and callers."""

from collections.abc import Sequence
from typing import Final

_PHONES: Final = """<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="phones: 101 answers, 102 is busy, 103 rings on, 104 declines">
  <recv request="INVITE" crlf="true">
    <action>
      <ereg regexp="102@" search_in="hdr" header="To:" assign_to="busy"/>
      <ereg regexp="103@" search_in="hdr" header="To:" assign_to="rings"/>
      <ereg regexp="104@" search_in="hdr" header="To:" assign_to="declines"/>
      <ereg regexp=".*" search_in="hdr" header="Via:" occurrence="1" assign_to="via"/>
      <ereg regexp=".*" search_in="hdr" header="Via:" occurrence="2" assign_to="via2"/>
    </action>
  </recv>
  <nop next="2" test="busy"/>
  <nop next="4" test="declines"/>
  <send><![CDATA[{ringing}]]></send>
  <nop next="3" test="rings"/>
  <pause milliseconds="300"/>
  <send retrans="500"><![CDATA[{ok}]]></send>
  {again}
  <recv request="ACK"/>
  <recv request="BYE"/>
  <send next="9"><![CDATA[{ok_bye}]]></send>
  <label id="2"/>
  <send retrans="500"><![CDATA[{busy}]]></send>
  {again}
  <recv request="ACK" next="9"/>
  <label id="4"/>
  <send retrans="500"><![CDATA[{declined}]]></send>
  {again}
  <recv request="ACK" next="9"/>
  <label id="3"/>
  {again}
  <recv request="CANCEL"/>
  <send><![CDATA[{ok_bye}]]></send>
  <send retrans="500"><![CDATA[{canceled}]]></send>
  {again}
  <recv request="ACK"/>
  <label id="9"/>
  <nop/>
  <Reference variables="via,via2"/>
</scenario>
"""

# On a busy machine Kamailio may send an INVITE again before the phone has answered it.
_AGAIN: Final = '<recv request="INVITE" optional="true"/>'

_CALLER: Final = """<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="caller">
  <send retrans="500"><![CDATA[{invite}]]></send>
  <recv response="100" optional="true"/>
  <recv response="180" optional="{may_ring}"/>
  {then}
</scenario>
"""
_HANGS_UP: Final = """<recv response="200" rrs="true"/>
  <send><![CDATA[{ack}]]></send>
  <pause milliseconds="1200"/>
  <send retrans="500"><![CDATA[{bye}]]></send>
  <recv response="200"/>"""
_IS_REFUSED: Final = """<recv response="{code}"/>
  <send><![CDATA[{ack_refused}]]></send>"""
_CANCELS: Final = """<pause milliseconds="500"/>
  <send retrans="500"><![CDATA[{cancel}]]></send>
  <recv response="200"/>
  <recv response="487"/>
  <send><![CDATA[{ack_refused}]]></send>"""

_VIA: Final = "Via: SIP/2.0/UDP [local_ip]:[local_port];branch=z9hG4bK-[pid]-[call_number]-{}"
_SIDES: Final = """From: [field2] <sip:[field0]@[local_ip]:[local_port]>;tag=[pid]c[call_number]
To: <sip:[field1]@[remote_ip]:[remote_port]>{to_tag}
Call-ID: [call_id]"""
_SDP: Final = """v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
"""


def _request(method: str, branch: str, *, uri: str = "", to_tag: str = "", more: str = "", body: str = "") -> str:
    uri = uri or "sip:[field1]@[remote_ip]:[remote_port]"
    number = "2" if method == "BYE" else "1"
    lines = [f"{method} {uri} SIP/2.0", _VIA.format(branch), "Max-Forwards: 70", _SIDES.format(to_tag=to_tag)]
    lines += [f"CSeq: {number} {method}", *([more] if more else [])]
    contents = ["Content-Type: application/sdp", "Content-Length: [len]", "", body] if body else ["Content-Length: 0"]
    return "\n" + "\n".join([*lines, *contents]) + "\n\n"


def _response(status: str, *, via: str = "[last_Via:]", cseq: str = "[last_CSeq:]", body: str = "") -> str:
    lines = [f"SIP/2.0 {status}", via, "[last_Record-Route:]", "[last_From:]", "[last_To:];tag=[pid]p[call_number]"]
    lines += ["[last_Call-ID:]", cseq, "Contact: <sip:phone@[local_ip]:[local_port]>"]
    contents = ["Content-Type: application/sdp", "Content-Length: [len]", "", body] if body else ["Content-Length: 0"]
    return "\n" + "\n".join([*lines, *contents]) + "\n\n"


def phones_scenario() -> str:
    """The scenario of the phones."""
    stored = "Via:[$via]\nVia:[$via2]"
    return _PHONES.format(
        again=_AGAIN,
        ringing=_response("180 Ringing"),
        ok=_response("200 OK", body=_SDP),
        ok_bye=_response("200 OK").replace(";tag=[pid]p[call_number]", ""),
        busy=_response("486 Busy Here"),
        declined=_response("603 Decline"),
        canceled=_response("487 Request Terminated", via=stored, cseq="CSeq: 1 INVITE"),
    )


def caller_scenario(then: str, headers: Sequence[str]) -> str:
    """The scenario of a caller: see `Kamailio.place`."""
    more = "\n".join(["Contact: <sip:caller@[local_ip]:[local_port]>", *headers])
    invite = _request("INVITE", "i", more=more, body=_SDP)
    remote = "[peer_tag_param]"
    steps = {
        "200": _HANGS_UP,
        "cancel": _CANCELS,
    }.get(then, _IS_REFUSED.replace("{code}", then))
    messages = {
        "{ack}": _request("ACK", "a", uri="[next_url]", to_tag=remote, more="[routes]"),
        "{bye}": _request("BYE", "b", uri="[next_url]", to_tag=remote, more="[routes]"),
        "{cancel}": _request("CANCEL", "i"),
        "{ack_refused}": _request("ACK", "i", to_tag=remote),
    }
    for name, text in messages.items():
        steps = steps.replace(name, text)
    may_ring = "false" if then == "cancel" else "true"
    return _CALLER.replace("{may_ring}", may_ring).replace("{invite}", invite).replace("{then}", steps)
