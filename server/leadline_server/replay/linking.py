"""Which records belong to one call though their ids differ: pure rules over two records.

    queue, follow-me   PJSIP/trunk-29 rings Local/101@from-queue-00;1, and Local/101@from-queue-00;2 rings PJSIP/101-2a:
                       the inner half is a leg of the caller's call.
    transfer           101 calls out on PJSIP/trunk-16, and PJSIP/trunk-16 is bridged to 102 afterwards: one outbound
                       call that went on, no inbound one.
    follow-me          2025550303 calls 101, and while it rings, a call that shows 2025550303 goes to an employee's
                       mobile: a leg of the same call.

A reader of files and a listener to live events can both ask them.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Final

from leadline_server.domain.call import CallDirection
from leadline_server.replay.records import Record

_SLACK: Final = timedelta(seconds=5)  # between the clocks' seconds of two records
_HANDOVER: Final = timedelta(seconds=60)  # from the end of the transferring leg to the start of the next one
_COMPARED_DIGITS: Final = 9
_ID_DIGITS: Final = 8
_is_uuid = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}").fullmatch

LinkKey = tuple[str, ...]


def is_part_of(host: Record, guest: Record) -> bool:
    """Whether `guest` tells of a leg of the call that `host` tells of."""
    return (
        is_inner_half_of(host, guest)
        or is_other_leg_of(host, guest)
        or is_transfer_of(host, guest)
        or is_follow_me_of(host, guest)
    )


def is_inner_half_of(outer: Record, inner: Record) -> bool:
    """Whether `inner` is the record of the other half of the Local channel that `outer` rang."""
    is_pair = _half(outer.peer_channel) == "1" and _half(inner.channel) == "2"
    return is_pair and _base(outer.peer_channel) == _base(inner.channel) and _overlap(outer, inner)


def is_other_leg_of(first: Record, second: Record) -> bool:
    """Whether `second` is the record of the channel that `first` was bridged with: FreeSWITCH names it by its uuid."""
    is_bridged = first.peer_channel == second.channel and _is_uuid(second.channel) is not None
    return is_bridged and _overlap(first, second) and not _starts_before(second, first)


def is_shared_leg(host: Record, guest: Record) -> bool:
    """Whether `guest` is a leg of another call, and of the call of `host` too: FreeSWITCH's attended transfer.

    101 talks to the caller, calls 102, and connects the two. The channel that rang 102 is then a leg of both calls.
    """
    return guest.is_piece and host.call.id != guest.call.id and is_other_leg_of(host, guest)


def is_transfer_of(outbound: Record, later: Record) -> bool:
    """Whether `later` is how an outbound call went on when it was transferred to one of ours.

    The channel that the outbound call rang is the one that `later` begins with; or both tell of the same conversation,
    and the number that was called is now the one that calls.
    """
    return is_handed_on(outbound, later) and not _rings_outside(later)


def is_transfer_outside(outbound: Record, later: Record) -> bool:
    """Whether `later` is what an outbound call's other party was transferred to, outside: a call of its own."""
    return is_handed_on(outbound, later) and _rings_outside(later)


def is_handed_on(outbound: Record, later: Record) -> bool:
    """Whether `later` begins with the other party of an outbound call that was answered."""
    if outbound.call.direction is not CallDirection.OUTBOUND or not outbound.is_answered or outbound.is_piece:
        return False
    is_same_channel = bool(outbound.peer_channel) and later.channel == outbound.peer_channel
    return (is_same_channel or _is_same_conversation(outbound, later)) and _follows(outbound, later)


def is_follow_me_of(inbound: Record, other: Record) -> bool:
    """Whether `other` rang one of the account's own numbers for the caller of `inbound`, while that call went on."""
    return (
        other.dials_own_number
        and inbound.call.direction is CallDirection.INBOUND
        and not inbound.dials_own_number
        and _digits(inbound.call.caller.phone_number) == _digits(other.shown_number) != ""
        and _overlap(inbound, other)
    )


def handed_on(outbound: Record, later: Record) -> Record:
    """The record of a transfer to an outside party, as the call that the transferring user made.

    It gets an id of its own: its channel's id may be that of other legs, which are part of the outbound call. The id
    follows from the names of the channels, so that a listener, which sees no record, makes the same one.
    """
    names = f"{later.channel}\x1f{later.peer_channel}" if later.peer_channel else later.leg.id
    call_id = f"{later.call.id}-{hashlib.sha256(names.encode(errors='replace')).hexdigest()[:_ID_DIGITS]}"
    call = replace(later.call, id=call_id, direction=CallDirection.OUTBOUND, caller=outbound.call.caller)
    return replace(later, call=call, user_id=outbound.user_id, extension=outbound.extension)


def host_keys(record: Record) -> Iterator[LinkKey]:
    """Keys to find the records that belong to this one's call."""
    if record.peer_channel:
        yield ("channel", _base(record.peer_channel))
    if record.call.direction is CallDirection.OUTBOUND and record.call.linked_id:
        yield ("conversation", record.call.linked_id, _digits(record.call.callee.phone_number))
    if record.call.direction is CallDirection.INBOUND:
        yield ("caller", _digits(record.call.caller.phone_number))


def guest_keys(record: Record) -> Iterator[LinkKey]:
    """Keys to find the record whose call this one belongs to."""
    if record.channel:
        yield ("channel", _base(record.channel))
    if record.call.linked_id:
        yield ("conversation", record.call.linked_id, _digits(record.call.caller.phone_number))
    if record.dials_own_number:
        yield ("caller", _digits(record.shown_number))


def pair_name(record: Record) -> str:
    """The name that both records of a Local channel share: of the one that rang it, and of its inner half."""
    if _half(record.channel):
        return _base(record.channel)
    return _base(record.peer_channel) if _half(record.peer_channel) else ""


def _is_same_conversation(outbound: Record, later: Record) -> bool:
    is_linked = outbound.call.linked_id is not None and outbound.call.linked_id == later.call.linked_id
    called = _digits(outbound.call.callee.phone_number)
    return is_linked and called != "" and called == _digits(later.call.caller.phone_number)


def _rings_outside(record: Record) -> bool:
    callee = record.call.callee
    return bool(callee.phone_number) and not (callee.extension or callee.user_id or record.dials_own_number)


def _overlap(first: Record, second: Record) -> bool:
    """Whether two records' times touch. One without an end goes on."""
    return not (_ends_before(first, second, _SLACK) or _ends_before(second, first, _SLACK))


def _follows(first: Record, second: Record) -> bool:
    return not (_starts_before(second, first) or _ends_before(first, second, _HANDOVER))


def _ends_before(first: Record, second: Record, slack: timedelta) -> bool:
    end, start = first.call.end_time, second.call.start_time
    return end is not None and start is not None and start - end > slack


def _starts_before(first: Record, second: Record) -> bool:
    one, other = first.call.start_time, second.call.start_time
    return one is not None and other is not None and other - one > _SLACK


def _half(channel: str) -> str:
    """The half of a Local channel, "1" or "2"; empty of other channels."""
    is_local = channel[:6].lower() == "local/" and channel[-2:] in {";1", ";2"}
    return channel[-1] if is_local else ""


def _base(channel: str) -> str:
    return channel[:-2] if _half(channel) else channel


def _digits(number: str | None) -> str:
    """The last digits of a number, which all its spellings share."""
    return "".join(char for char in number or "" if char.isdecimal())[-_COMPARED_DIGITS:]
