"""The obligations of ports.ledger.CallLogs for calls that join others, as tests."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Final

from leadline_server.domain.call import CallDirection
from leadline_server.domain.call_log import CallLog, CallLogChange
from leadline_server.domain.call_log_states import CallLogState
from leadline_server.domain.call_report import CallReport
from leadline_server.domain.joining import CallJoining
from leadline_server.domain.leases import Lease
from leadline_server.domain.merge import CallEvent
from leadline_server.domain.progress import reported
from leadline_server.ports.ledger import CallLogFilter, Ledger
from leadline_server.testing.ledger_samples import ACCOUNT, ALICE, NOW, NUMBER, OpenLedger, call_log, key, put

_LEASE: Final = Lease("me")
_JOINING: Final = CallJoining(own_numbers=frozenset(), now=NOW, rules="US", can_move=True, lease=_LEASE)


async def _report(
    ledger: Ledger, call_id: str, caller: str = NUMBER, joining: CallJoining = _JOINING, **fields: Any
) -> CallLogChange:
    """Report an inbound call of the conversation "17.1"."""
    values = {"direction": CallDirection.INBOUND, "caller.phone_number": caller, "linked_id": "17.1", "start_time": NOW}
    event = CallEvent(call_id=call_id, fields=values | fields)
    report = CallReport(account_id=ACCOUNT, user_id=ALICE, event=event)
    change = partial(reported, report=report, now=NOW, rules="US", can_move=True, lease=_LEASE)
    return await ledger.call_logs.change(key(call_id), change, joining)


async def _listed(ledger: Ledger) -> list[CallLog]:
    return list((await ledger.call_logs.list(CallLogFilter(account_id=ACCOUNT), None, 100)).call_logs)


class JoiningCases:
    """Calls that share a log."""

    async def test_calls_of_one_conversation_share_a_log(self, ledger: Ledger) -> None:
        first = await _report(ledger, "17.2")
        second = await _report(ledger, "17.1")
        assert second.before == first.after
        assert await _listed(ledger) == [second.after]
        assert (second.after.call.id, second.after.call_id) == ("17.1", "17.2")

    async def test_every_id_reads_and_changes_the_log(self, ledger: Ledger) -> None:
        await _report(ledger, "17.2")
        log = (await _report(ledger, "17.1")).after
        assert await ledger.call_logs.get(key("17.1")) == await ledger.call_logs.get(key("17.2")) == log
        changed = await ledger.call_logs.change(key("17.1"), lambda before: replace(before or log, attempts=7))
        assert changed.before == log
        assert await ledger.call_logs.get(key("17.2")) == changed.after
        assert await _listed(ledger) == [changed.after]

    async def test_changes_by_two_ids_at_once_lose_none(self, ledger: Ledger) -> None:
        await _report(ledger, "17.2")
        log = (await _report(ledger, "17.1")).after

        def counted(before: CallLog | None) -> CallLog:
            assert before is not None
            return replace(before, attempts=before.attempts + 1)

        await asyncio.gather(*(ledger.call_logs.change(key(name), counted) for name in ("17.1", "17.2") * 20))
        assert await ledger.call_logs.get(key("17.1")) == replace(log, attempts=40)

    async def test_calls_of_two_strangers_do_not_join(self, ledger: Ledger) -> None:
        await _report(ledger, "17.1")
        await _report(ledger, "17.2", "+14155550124")
        assert len(await _listed(ledger)) == 2

    async def test_calls_of_two_phone_systems_do_not_join(self, ledger: Ledger) -> None:
        await _report(ledger, "17.1", joining=replace(_JOINING, source="pbx1"))
        await _report(ledger, "17.2", joining=replace(_JOINING, source="pbx2"))
        assert len(await _listed(ledger)) == 2

    async def test_calls_of_two_accounts_do_not_join(self, ledger: Ledger) -> None:
        await put(ledger, call_log("17.1", account_id="other"))
        await _report(ledger, "17.2")
        assert len(await _listed(ledger)) == 1

    async def test_a_log_that_joins_another_is_gone_and_its_id_finds_the_other(self, ledger: Ledger) -> None:
        await put(ledger, call_log("17.2", next_attempt_time=NOW))
        before = await ledger.call_logs.last_sequence(ACCOUNT)
        await _report(ledger, "17.1")
        log = (await _report(ledger, "17.2")).after
        assert await _listed(ledger) == [log]
        assert [change.call_log for change in await ledger.call_logs.changes(ACCOUNT, before, 10)] == [log]
        assert await ledger.call_logs.get(key("17.2")) == await ledger.call_logs.get(key("17.1")) == log

    async def test_what_would_join_is_found_by_its_link_key(self, ledger: Ledger) -> None:
        log = (await _report(ledger, "17.1")).after
        assert list(await ledger.call_logs.linked(ACCOUNT, _JOINING.link_key(log))) == [log]
        assert not await ledger.call_logs.linked(ACCOUNT, _JOINING.link_key(log) + "9")
        assert not await ledger.call_logs.linked("other", _JOINING.link_key(log))

    async def test_calls_reported_at_once_through_two_handles_join(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        async with open_ledger() as other:
            handles = (ledger, other)
            await asyncio.gather(*(_report(handles[number % 2], f"17.{number}") for number in range(1, 41)))
        [log] = await _listed(ledger)
        assert {log.call.id, *log.linked_call_ids} == {f"17.{number}" for number in range(1, 41)}

    async def test_the_ids_of_a_pruned_call_find_nothing(self, ledger: Ledger) -> None:
        await _report(ledger, "17.1")
        log = (await _report(ledger, "17.2")).after
        done: dict[str, Any] = {
            "state": CallLogState.UNLOGGED,
            "decided_revision": log.input_revision,
            "next_attempt_time": None,
        }
        await put(ledger, replace(log, **done))
        pruned = await ledger.retention.prune_calls(NOW + timedelta(days=400), "", 10)
        assert pruned.deleted == 1
        assert await ledger.call_logs.get(key("17.1")) is None
        assert await ledger.call_logs.get(key("17.2")) is None
        assert not await ledger.call_logs.linked(ACCOUNT, _JOINING.link_key(log))
        assert (await _report(ledger, "17.2")).before is None
