"""Rows of one call become its legs."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from leadline_server.domain.call import Call, CallDirection, CallResult, Party
from leadline_server.replay.grouping import NO_DIRECTION, ReplayCall, group
from leadline_server.replay.messages import to_message
from leadline_server.replay.records import Ignored, Record, Row, Skipped, with_one_leg

NOON = datetime(2026, 11, 4, 12, tzinfo=UTC)
USERS = {"101": "alice", "102": "bob"}


def row(
    line: int,
    call_id: str = "call",
    extension: str = "101",
    result: CallResult = CallResult.NO_ANSWER,
    direction: CallDirection | None = CallDirection.INBOUND,
    *,
    leg_id: str = "",
    is_piece: bool = False,
) -> Record:
    start = NOON + timedelta(seconds=15 * line)
    call = Call(
        id=call_id,
        direction=direction,
        caller=Party(phone_number="2125550123", name=f"as of line {line}"),
        callee=Party(extension=extension, user_id=USERS.get(extension)),
        start_time=start,
        answer_time=start if result is CallResult.ANSWERED else None,
        end_time=start + timedelta(seconds=15),
        event_time=start + timedelta(seconds=15),
        result=result,
    )
    user_id = USERS.get(extension)
    return Record(
        line=line,
        size=10,
        call=with_one_leg(call, leg_id or f"leg-{line}", user_id),
        user_id=user_id,
        extension=extension,
        is_piece=is_piece,
    )


def calls(rows: Iterable[Row], default_user: str = "", window: int = 100) -> list[ReplayCall]:
    found = list(group(rows, default_user, window))
    assert all(isinstance(item, ReplayCall) for item in found), found
    return [item for item in found if isinstance(item, ReplayCall)]


def test_rows_of_one_call_are_its_legs_and_who_answered_has_the_log() -> None:
    (found,) = calls([row(1), row(2, extension="102", result=CallResult.ANSWERED)])
    assert (found.user_id, found.lines, found.size) == ("bob", (1, 2), 20)
    assert [(leg.user_id, leg.result) for leg in found.call.legs] == [
        ("bob", CallResult.ANSWERED),
        ("alice", CallResult.NO_ANSWER),
    ]
    assert found.call.result is CallResult.ANSWERED
    assert found.call.callee.extension == "102"
    assert found.call.caller.name == "as of line 1"
    assert found.call.start_time == NOON + timedelta(seconds=15)
    assert found.call.answer_time == NOON + timedelta(seconds=30)
    assert found.call.end_time == NOON + timedelta(seconds=45)


def test_when_nobody_answered_the_first_user_has_the_log() -> None:
    (found,) = calls([row(1, extension="105"), row(2, extension="102"), row(3)])
    assert found.user_id == "bob"


def test_a_mailbox_after_ringing_makes_it_a_voicemail() -> None:
    (found,) = calls([row(1), row(2, result=CallResult.VOICEMAIL)])
    assert (found.call.result, found.call.answer_time) == (CallResult.VOICEMAIL, None)


def test_a_call_among_colleagues_belongs_to_who_placed_it() -> None:
    rows = [
        row(1, direction=CallDirection.INTERNAL),
        row(2, extension="102", direction=CallDirection.INTERNAL, result=CallResult.ANSWERED),
    ]
    assert calls(rows)[0].user_id == "alice"


def test_the_same_row_twice_is_one_leg() -> None:
    (found,) = calls([row(1), row(2, leg_id="leg-1")])
    assert len(found.call.legs) == 1


def test_an_inner_half_adds_its_leg_and_says_nothing_else() -> None:
    (found,) = calls([row(1, extension="102", is_piece=True, result=CallResult.ANSWERED), row(2)])
    assert found.call.caller.name == "as of line 2"
    assert len(found.call.legs) == 2


def test_rows_of_other_calls_may_lie_between() -> None:
    found = calls([row(1, "a"), row(2, "b"), row(3, "a"), row(4, "c")])
    assert [(one.call.id, one.lines) for one in found] == [("b", (2,)), ("a", (1, 3)), ("c", (4,))]


def test_a_call_is_sent_once_its_window_has_passed_and_a_late_row_reports_again_with_its_own_time() -> None:
    rows = [row(1, "a"), *(row(line, f"other-{line}") for line in range(2, 8)), row(8, "a")]
    found = [one for one in calls(rows, window=3) if one.call.id == "a"]
    assert [one.lines for one in found] == [(1,), (8,)]
    times = [one.call.event_time for one in found]
    assert times == sorted(times, key=str)
    assert times[0] != times[1]


def test_memory_is_bounded_by_the_window() -> None:
    read: list[int] = []

    def endless() -> Iterable[Row]:
        for line in range(1, 1000):
            read.append(line)
            yield row(line, f"call-{line}")

    next(iter(group(endless(), "", 10)))
    assert len(read) == 11


def test_no_more_legs_are_sent_than_the_contract_takes_and_the_answered_one_is_among_them() -> None:
    rows = [row(line) for line in range(1, 80)]
    (found,) = calls([*rows, row(80, extension="102", result=CallResult.ANSWERED)])
    assert len(found.call.legs) == 64
    assert found.call.legs[0].result is CallResult.ANSWERED


def test_a_call_without_a_user_is_left_out_row_by_row_or_goes_to_the_default_user() -> None:
    rows = [row(1, extension="105"), row(2, extension="106")]
    left_out = list(group(rows, ""))
    assert [item.line for item in left_out if isinstance(item, Skipped)] == [1, 2]
    assert "no user for extension 105, 106; give --user 105=NAME" in str(left_out[0])
    assert calls(rows, default_user="carol")[0].user_id == "carol"


def test_a_call_without_a_direction_is_left_out() -> None:
    (item,) = group([row(7, direction=None)], "alice")
    assert item == Skipped(line=7, size=10, reason=NO_DIRECTION)


def test_one_row_that_tells_the_direction_is_enough() -> None:
    (found,) = calls([row(1, direction=None), row(2)])
    assert found.call.direction is CallDirection.INBOUND


def test_what_the_reader_left_out_stays_left_out() -> None:
    left_out: list[Row] = [Skipped(line=1, size=1, reason="bad"), Ignored(line=2, size=1, reason="half")]
    assert list(group(left_out, "alice")) == left_out


def test_the_message_says_final_and_leaves_absent_what_is_not_known() -> None:
    (found,) = calls([row(1)])
    message = to_message(found.call)
    assert message.is_final
    assert message.event_time == message.end_time
    assert (message.direction, message.result) == (1, 2)
    assert message.legs[0].id == "leg-1"
    assert message.legs[0].party.extension == "101"
    absent = ["answer_time", "linked_id", "note", "attestation"]
    assert not any(message.HasField(name) for name in absent)  # type: ignore[arg-type]  # names from a list
    assert not message.callee.HasField("phone_number")
