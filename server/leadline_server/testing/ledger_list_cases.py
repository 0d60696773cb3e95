"""The obligations of ports.ledger.CallLogs.list, as tests."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest

from leadline_server.domain.call import CallDirection
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.call_log_states import CallLogReason, CallLogState, UpdateState
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.ports.ledger import CallLogFilter, CallLogGroup, Ledger
from leadline_server.testing.ledger_samples import ACCOUNT, CONTACT, NOW, call_log, put

_HOUR = timedelta(hours=1)
_OTHER_NUMBER = "+442079460123"


def _mixed_logs() -> Sequence[CallLog]:
    """Logs that differ in the fields that filters select by, the newest first."""
    return (
        call_log("plain", start_time=NOW),
        call_log(
            "logged",
            start_time=NOW - _HOUR,
            state=CallLogState.LOGGED,
            reason=CallLogReason.CONTACT_MATCHED,
            contact=CONTACT,
        ),
        _outbound(call_log("bob", start_time=NOW - 2 * _HOUR, user_id="bob")),
        call_log("number", start_time=NOW - 3 * _HOUR, number=parse_number(_OTHER_NUMBER, "US")),
        call_log(
            "unlogged",
            start_time=NOW - 4 * _HOUR,
            state=CallLogState.UNLOGGED,
            reason=CallLogReason.NO_CONTACT,
            input_revision=1,
            decided_revision=1,
        ),
        call_log(
            "retaken",
            start_time=NOW - 5 * _HOUR,
            state=CallLogState.UNLOGGED,
            reason=CallLogReason.NO_CONTACT,
            input_revision=2,
            decided_revision=1,
        ),
    )


def _outbound(log: CallLog) -> CallLog:
    return replace(log, call=replace(log.call, direction=CallDirection.OUTBOUND))


_PERIOD: Final = CallLogFilter(account_id=ACCOUNT, start_time=NOW - 6 * _HOUR, end_time=NOW + _HOUR)

_COUNTS: Final[Sequence[tuple[CallLogFilter, bool, bool, Sequence[CallLogGroup]]]] = (
    (_PERIOD, False, False, [CallLogGroup(None, None, None, 6)]),
    (replace(_PERIOD, end_time=NOW), False, False, [CallLogGroup(None, None, None, 5)]),
    (replace(_PERIOD, account_id="nobody"), True, True, []),
    (replace(_PERIOD, user_id="nobody"), False, False, []),
    (_PERIOD, False, True, [CallLogGroup(None, None, "alice", 5), CallLogGroup(None, None, "bob", 1)]),
    (
        _PERIOD,
        True,
        False,
        [
            CallLogGroup(CallLogState.LOGGED, CallLogReason.CONTACT_MATCHED, None, 1),
            CallLogGroup(CallLogState.UNLOGGED, CallLogReason.NO_CONTACT, None, 1),
            CallLogGroup(CallLogState.PENDING, None, None, 3),
            CallLogGroup(CallLogState.PENDING, CallLogReason.NO_CONTACT, None, 1),
        ],
    ),
    (
        replace(_PERIOD, states=(CallLogState.PENDING,)),
        True,
        True,
        [
            CallLogGroup(CallLogState.PENDING, None, "alice", 2),
            CallLogGroup(CallLogState.PENDING, None, "bob", 1),
            CallLogGroup(CallLogState.PENDING, CallLogReason.NO_CONTACT, "alice", 1),
        ],
    ),
)

_SELECTIONS: Sequence[tuple[dict[str, Any], Sequence[str]]] = (
    ({}, ["plain", "logged", "bob", "number", "unlogged", "retaken"]),
    ({"user_id": "bob"}, ["bob"]),
    ({"user_id": "nobody"}, []),
    ({"phone_number": _OTHER_NUMBER}, ["number"]),
    ({"contact_id": CONTACT.id}, ["logged"]),
    ({"states": (CallLogState.LOGGED,)}, ["logged"]),
    ({"states": (CallLogState.PENDING,)}, ["plain", "bob", "number", "retaken"]),
    ({"states": (CallLogState.UNLOGGED, CallLogState.LOGGED)}, ["logged", "unlogged"]),
    ({"reasons": (CallLogReason.NO_CONTACT,)}, ["unlogged", "retaken"]),
    ({"reasons": (CallLogReason.NO_CONTACT, CallLogReason.CONTACT_MATCHED)}, ["logged", "unlogged", "retaken"]),
    ({"update_states": (UpdateState.FAILED,)}, ["logged"]),
    ({"update_states": (UpdateState.NONE,)}, ["plain", "bob", "number", "unlogged", "retaken"]),
    ({"update_states": (UpdateState.PENDING,)}, []),
    ({"directions": (CallDirection.OUTBOUND,)}, ["bob"]),
    ({"directions": (CallDirection.OUTBOUND, CallDirection.INTERNAL), "states": (CallLogState.LOGGED,)}, []),
    ({"start_time": NOW - _HOUR}, ["plain", "logged"]),
    ({"end_time": NOW - 4 * _HOUR}, ["retaken"]),
    ({"start_time": NOW - 3 * _HOUR, "end_time": NOW - _HOUR}, ["bob", "number"]),
    ({"states": (CallLogState.UNLOGGED,), "reasons": (CallLogReason.NO_CONTACT,), "user_id": "alice"}, ["unlogged"]),
    ({"contact_id": CONTACT.id, "user_id": "bob"}, []),
    ({"phone_number": _OTHER_NUMBER, "end_time": NOW, "states": (CallLogState.PENDING,)}, ["number"]),
)


class ListCases:
    """Listing call logs."""

    @pytest.mark.parametrize(("selection", "expected"), _SELECTIONS, ids=lambda value: str(value)[:60])
    async def test_a_list_has_what_all_of_its_filters_select_newest_first(
        self, ledger: Ledger, selection: dict[str, Any], expected: Sequence[str]
    ) -> None:
        for log in _mixed_logs()[::-1]:
            await put(ledger, log)
        await put(ledger, call_log("other account", account_id="other"))
        page = await ledger.call_logs.list(CallLogFilter(account_id=ACCOUNT, **selection), None, 10)
        assert [log.call_id for log in page.call_logs] == list(expected)
        assert page.next_position is None

    @pytest.mark.parametrize(("selection", "by_reason", "by_user", "expected"), _COUNTS)
    async def test_counts_are_split_as_asked(
        self,
        ledger: Ledger,
        selection: CallLogFilter,
        by_reason: bool,  # noqa: FBT001 - a value of the table
        by_user: bool,  # noqa: FBT001
        expected: Sequence[CallLogGroup],
    ) -> None:
        for log in _mixed_logs():
            await put(ledger, log)
        await put(ledger, call_log("other account", account_id="other"))
        counted = await ledger.call_logs.count(selection, by_reason=by_reason, by_user=by_user, limit=10)
        assert list(counted) == list(expected)

    async def test_at_most_the_limit_of_counts_is_returned(self, ledger: Ledger) -> None:
        for user in ("a", "b", "c"):
            await put(ledger, call_log(user, user_id=user))
        counted = await ledger.call_logs.count(_PERIOD, by_reason=False, by_user=True, limit=2)
        assert [group.user_id for group in counted] == ["a", "b"]

    async def test_a_list_follows_what_changed(self, ledger: Ledger) -> None:
        await put(ledger, call_log())
        await put(
            ledger,
            call_log(
                user_id="bob",
                number=parse_number(_OTHER_NUMBER, "US"),
                contact=CONTACT,
                state=CallLogState.LOGGED,
                start_time=NOW + _HOUR,
                revision=2,
            ),
        )
        changed = CallLogFilter(
            account_id=ACCOUNT,
            user_id="bob",
            phone_number=_OTHER_NUMBER,
            contact_id=CONTACT.id,
            states=(CallLogState.LOGGED,),
            start_time=NOW + _HOUR,
        )
        assert len((await ledger.call_logs.list(changed, None, 10)).call_logs) == 1
        before = CallLogFilter(account_id=ACCOUNT, user_id="alice")
        assert len((await ledger.call_logs.list(before, None, 10)).call_logs) == 0

    async def test_a_list_gives_every_field(self, ledger: Ledger) -> None:
        log = _mixed_logs()[1]
        await put(ledger, log)
        assert list((await ledger.call_logs.list(CallLogFilter(account_id=ACCOUNT), None, 10)).call_logs) == [log]

    async def test_a_call_without_a_start_is_placed_by_its_first_report(self, ledger: Ledger) -> None:
        await put(ledger, call_log("older", start_time=NOW - _HOUR))
        await put(ledger, call_log("unknown", start_time=None))
        await put(ledger, call_log("newer", start_time=NOW + _HOUR))
        assert await _listed(ledger, 10) == ["newer", "unknown", "older"]

    async def test_calls_of_the_same_time_are_ordered_by_id(self, ledger: Ledger) -> None:
        for call_id in ("b", "d", "a", "c"):
            await put(ledger, call_log(call_id))
        assert await _listed(ledger, 10) == ["a", "b", "c", "d"]

    @pytest.mark.parametrize("size", [1, 2, 3, 5, 6, 7])
    async def test_pages_together_are_the_list(self, ledger: Ledger, size: int) -> None:
        # Three calls share each time, so that pages end within equal times too.
        expected = [f"{hour}-{twin}" for hour in range(2) for twin in "abc"]
        for call_id in expected[::-1]:
            await put(ledger, call_log(call_id, start_time=NOW - int(call_id[0]) * _HOUR))
        assert await _listed(ledger, size) == expected

    async def test_calls_that_arrive_between_pages_neither_hide_nor_double_others(self, ledger: Ledger) -> None:
        for hour in range(6):
            await put(ledger, call_log(f"old-{hour}", start_time=NOW - hour * _HOUR))
        everything = CallLogFilter(account_id=ACCOUNT)
        first = await ledger.call_logs.list(everything, None, 3)
        for number, moment in enumerate((NOW + _HOUR, NOW - 1.5 * _HOUR, NOW - 3.5 * _HOUR)):
            await put(ledger, call_log(f"new-{number}", start_time=moment))
        second = await ledger.call_logs.list(everything, first.next_position, 10)
        assert [log.call_id for log in (*first.call_logs, *second.call_logs)] == [
            "old-0",
            "old-1",
            "old-2",
            "old-3",
            "new-2",
            "old-4",
            "old-5",
        ]

    async def test_a_last_page_that_is_full_has_no_next_position(self, ledger: Ledger) -> None:
        for call_id in ("a", "b"):
            await put(ledger, call_log(call_id))
        page = await ledger.call_logs.list(CallLogFilter(account_id=ACCOUNT), None, 2)
        assert len(page.call_logs) == 2
        assert page.next_position is None


async def _listed(ledger: Ledger, size: int) -> list[str]:
    """The ids of all calls, read in pages of `size`."""
    everything = CallLogFilter(account_id=ACCOUNT)
    page = await ledger.call_logs.list(everything, None, size)
    found = list(page.call_logs)
    while page.next_position is not None:
        page = await ledger.call_logs.list(everything, page.next_position, size)
        found.extend(page.call_logs)
        assert 0 < len(page.call_logs) <= size
        assert len({log.call_id for log in found}) == len(found)
    return [log.call_id for log in found]
