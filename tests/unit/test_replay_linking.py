"""Which records belong to one call though their ids differ."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from leadline_server.domain.call import Call, CallDirection, CallResult, Party
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.replay.grouping import INNER_HALF, ReplayCall, group
from leadline_server.replay.linking import is_follow_me_of, is_inner_half_of, is_part_of, is_transfer_of
from leadline_server.replay.own_numbers import own_numbers
from leadline_server.replay.records import Ignored, Record, with_one_leg
from support.call_records import RULES, calls, grouped

NOON = datetime(2026, 11, 4, 12, tzinfo=UTC)
INBOUND, OUTBOUND, INTERNAL = CallDirection.INBOUND, CallDirection.OUTBOUND, CallDirection.INTERNAL


def record(  # noqa: PLR0913 what a record says
    line: int,
    direction: CallDirection | None,
    caller: str,
    callee: Party,
    *,
    channel: str = "",
    peer: str = "",
    begin: int = 0,
    seconds: int = 60,
    linked_id: str | None = None,
    result: CallResult = CallResult.ANSWERED,
) -> Record:
    start = NOON + timedelta(seconds=begin)
    call = Call(
        id=f"id-{line}",
        linked_id=linked_id,
        direction=direction,
        caller=Party(phone_number=caller),
        callee=callee,
        start_time=start,
        answer_time=start if result is CallResult.ANSWERED else None,
        end_time=start + timedelta(seconds=seconds),
        result=result,
    )
    found = with_one_leg(call, f"leg-{line:08}", callee.user_id)
    return Record(line=line, size=1, call=found, user_id=callee.user_id, channel=channel, peer_channel=peer)


BOB = Party(extension="102", user_id="bob")
OUT = replace(
    record(1, OUTBOUND, "101", Party(phone_number="2025550302"), channel="PJSIP/101-1", peer="PJSIP/trunk-2"),
    user_id="alice",
)


def test_the_halves_of_a_local_channel_are_one_leg_only_at_the_same_time() -> None:
    outer = record(1, INBOUND, "2025550303", BOB, peer="Local/102@from-queue-00;1")
    inner = record(2, INBOUND, "2025550303", BOB, channel="Local/102@from-queue-00;2")
    later = record(3, INBOUND, "2025550303", BOB, channel="Local/102@from-queue-00;2", begin=300)
    assert is_inner_half_of(outer, inner)
    assert not is_inner_half_of(inner, outer)
    assert not is_inner_half_of(outer, later)  # the counter began anew when Asterisk did
    assert not is_inner_half_of(outer, replace(inner, channel="Local/102@from-queue-01;2"))


TRANSFERS = {
    "the channel that was called is bridged on": record(
        2, INBOUND, "2025550302", BOB, channel="PJSIP/trunk-2", begin=60
    ),
    "the same conversation, and the number that was called calls": record(
        2, INBOUND, "+12025550302", BOB, begin=60, linked_id="L"
    ),
    "the dial plan tells no direction": record(2, None, "2025550302", BOB, channel="PJSIP/trunk-2", begin=60),
}


@pytest.mark.parametrize("later", TRANSFERS.values(), ids=TRANSFERS.keys())
def test_an_outbound_call_goes_on_when_it_is_transferred(later: Record) -> None:
    outbound = replace(OUT, call=replace(OUT.call, linked_id="L"))
    assert is_transfer_of(outbound, later)
    (call,) = [item for item in group([outbound, later], "") if isinstance(item, ReplayCall)]
    assert (call.call.id, call.call.direction, call.user_id) == ("id-1", OUTBOUND, "alice")
    assert call.call.end_time == NOON + timedelta(seconds=120)


NO_TRANSFERS = {
    "another channel": record(2, INBOUND, "2025550302", BOB, channel="PJSIP/trunk-9", begin=60),
    "long after it ended": record(2, INBOUND, "2025550302", BOB, channel="PJSIP/trunk-2", begin=600),
    "before it began": record(2, INBOUND, "2025550302", BOB, channel="PJSIP/trunk-2", begin=-60, seconds=10),
    "another conversation": record(2, INBOUND, "2025550302", BOB, begin=60, linked_id="M"),
    "another number of the same conversation": record(2, INBOUND, "2025550399", BOB, begin=60, linked_id="L"),
}


@pytest.mark.parametrize("later", NO_TRANSFERS.values(), ids=NO_TRANSFERS.keys())
def test_what_only_looks_like_a_transfer_is_a_call_of_its_own(later: Record) -> None:
    outbound = replace(OUT, call=replace(OUT.call, linked_id="L"))
    assert not is_part_of(outbound, later)
    assert len(list(group([outbound, later], ""))) == 2


def test_a_call_that_nobody_answered_cannot_be_transferred() -> None:
    later = record(2, INBOUND, "2025550302", BOB, channel="PJSIP/trunk-2", begin=60)
    unanswered = record(1, OUTBOUND, "101", OUT.call.callee, peer="PJSIP/trunk-2", result=CallResult.NO_ANSWER)
    assert not is_transfer_of(unanswered, later)


def test_a_transfer_to_another_outside_party_is_an_outbound_call_of_its_own() -> None:
    later = record(2, None, "2025550302", Party(phone_number="2025550377"), channel="PJSIP/trunk-2", begin=60)
    first, second = [item for item in group([OUT, later], "") if isinstance(item, ReplayCall)]
    assert (first.lines, second.lines) == ((1,), (2,))
    assert (second.call.direction, second.user_id, second.call.callee.phone_number) == (OUTBOUND, "alice", "2025550377")
    assert second.call.id not in {"id-1", "id-2"}


def test_a_call_to_an_own_number_while_its_caller_rings_is_a_leg_of_the_inbound_call() -> None:
    inbound = record(1, INBOUND, "+12025550303", BOB, result=CallResult.NO_ANSWER, seconds=20)
    mobile = replace(
        record(2, INTERNAL, "102", Party(phone_number="2025550999"), begin=10),
        dials_own_number=True,
        shown_number="2025550303",
    )
    assert is_follow_me_of(inbound, mobile)
    assert not is_follow_me_of(inbound, replace(mobile, dials_own_number=False))
    assert not is_follow_me_of(inbound, replace(mobile, shown_number="2025550304"))
    assert not is_follow_me_of(inbound, record(3, INTERNAL, "102", BOB, begin=300))


CDR = (
    '"","{src}","{dst}","{context}","{clid}","{channel}","{peer}","Dial","","2026-10-05 10:{minute}:00",'
    '"2026-10-05 10:{minute}:05","2026-10-05 10:{minute}:50",50,45,"ANSWERED","DOCUMENTATION","{id}",""\n'
)
OWN = replace(RULES, own_numbers=own_numbers(["202-555-0999", "+1 202 555 0100"], NumberingRules("US")))


def cdr(**values: str) -> str:
    base = {"src": "101", "dst": "101", "context": "from-internal", "clid": "", "minute": "40", "id": "1791211200.41"}
    return CDR.format(**{**base, "channel": "PJSIP/101-1", "peer": "PJSIP/trunk-2", **values})


def test_a_call_to_ones_own_mobile_is_internal_however_it_was_dialled() -> None:
    for dialled in ("2025550999", "92025550999", "912025550999", "+12025550999"):
        (call,) = calls(cdr(dst=dialled), OWN)
        assert (call.call.direction, call.user_id) == (INTERNAL, "alice")


def test_a_call_to_the_companys_own_number_comes_in() -> None:
    row = cdr(src="2025550303", dst="2025550100", channel="PJSIP/trunk-1", peer="", context="x")
    (call,) = calls(row, replace(OWN, default_user="carol"))
    assert (call.call.direction, call.user_id) == (INBOUND, "carol")


def test_a_number_that_only_ends_like_an_own_one_is_a_strangers() -> None:
    (call,) = calls(cdr(dst="+442025550999"), OWN)
    assert call.call.direction is OUTBOUND


def test_a_follow_me_without_its_outer_half_is_a_leg_by_the_callers_number() -> None:
    outer = cdr(src="2025550303", clid='""ROE"" <2025550303>', channel="PJSIP/trunk-1", peer="PJSIP/101-2")
    inner = cdr(
        src="101",
        dst="2025550999",
        clid='""ROE"" <2025550303>',
        channel="Local/FMGL-2025550999#@from-internal-00;2",
        id="1791211201.43",
    )
    (call,) = calls(outer + inner, OWN)
    assert (call.call.direction, call.call.caller.phone_number, call.lines) == (INBOUND, "2025550303", (1, 2))


def test_an_inner_half_without_its_call_is_left_out_on_purpose_unless_it_calls_out() -> None:
    inner = cdr(src="2025550303", channel="Local/101@from-queue-00;2", peer="PJSIP/101-2", context="from-queue")
    (left_out,) = grouped(inner)
    assert isinstance(left_out, Ignored)
    assert left_out.reason == INNER_HALF
    (click_to_call,) = calls(cdr(dst="2025550304", channel="Local/101@click-00;2"))
    assert click_to_call.call.direction is OUTBOUND


def test_an_outbound_call_through_a_local_channel_is_one_call() -> None:
    outer = cdr(dst="2025550304", peer="Local/2025550304@out-00;1")
    inner = cdr(dst="2025550304", channel="Local/2025550304@out-00;2", id="1791211201.43")
    for text in (outer + inner, inner + outer):
        (call,) = calls(text)
        assert (call.call.id, call.call.direction, len(call.call.legs)) == ("1791211200.41", OUTBOUND, 1)


def test_local_channels_within_local_channels_are_followed_to_the_end() -> None:
    rows = (
        cdr(src="2025550303", channel="PJSIP/trunk-1", peer="Local/101@queue-00;1", context="from-trunk"),
        cdr(src="2025550303", channel="Local/101@queue-00;2", peer="Local/FM@x-01;1", id="1791211201.2"),
        cdr(dst="2025550999", channel="Local/FM@x-01;2", peer="PJSIP/trunk-5", id="1791211202.3"),
    )
    for text in ("".join(rows), "".join(reversed(rows)), rows[1] + rows[0] + rows[2]):
        (call,) = calls(text)
        assert (call.call.id, call.call.direction, len(call.lines)) == ("1791211200.41", INBOUND, 3)


def test_two_callers_of_one_number_at_the_same_time_are_two_calls() -> None:
    rows = [
        record(line, INBOUND, "2025550303", BOB, channel=f"PJSIP/trunk-{line}", peer=f"PJSIP/102-{line}")
        for line in (1, 2)
    ]
    assert len(list(group(rows, ""))) == 2
