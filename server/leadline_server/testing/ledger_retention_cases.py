"""The obligations of ports.ledger.Retention, and the effect of pruning on readers of changes, as tests."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from leadline_server.domain.call_log import CallLog, CallLogChange
from leadline_server.domain.call_log_states import CallLogState
from leadline_server.ports.ledger import Ledger, RecordedAnswer
from leadline_server.testing.ledger_samples import (
    ACCOUNT,
    CONTACT,
    NOW,
    NUMBER,
    OpenLedger,
    call_log,
    key,
    put,
    with_news,
)

_DAY: Final = timedelta(days=1)
_LATER: Final = NOW + 400 * _DAY
_DECIDED: Final[dict[str, Any]] = {"decided_revision": 1, "next_attempt_time": None}
_UNFINISHED: Final[dict[str, dict[str, Any]]] = {
    "pending": {},
    "pending with a time": {"next_attempt_time": NOW},
    "failed": {**_DECIDED, "state": CallLogState.FAILED},
    "unlogged, and decided anew": {"state": CallLogState.UNLOGGED, "decided_revision": 0},
    "logged, with an update on its way": {
        "state": CallLogState.LOGGED,
        "decided_revision": 1,
        "content_revision": 2,
        "delivered_revision": 1,
        "next_attempt_time": NOW,
    },
    "logged, with an update that was refused": {
        **_DECIDED,
        "state": CallLogState.LOGGED,
        "content_revision": 2,
        "delivered_revision": 1,
        "last_error": "No.",
    },
}


def finished(call_id: str, time: datetime = NOW, state: CallLogState = CallLogState.LOGGED) -> CallLog:
    """A call with no work left, last changed at `time`."""
    return call_log(
        call_id, state=state, **_DECIDED, delivered_revision=1, update_time=time, last_news_time=time, create_time=time
    )


async def prune_calls(ledger: Ledger, unchanged_since: datetime, limit: int = 10) -> int:
    """Prune until no call is left to prune; returns how many were pruned."""
    deleted, position = 0, ""
    while True:
        pruned = await ledger.retention.prune_calls(unchanged_since, position, limit)
        deleted += pruned.deleted
        if pruned.position is None:
            return deleted
        position = pruned.position


class PruneCallsCases:
    """Which calls are pruned, and what watchers are told."""

    async def test_a_deleted_call_is_no_longer_counted_as_stored(self, ledger: Ledger) -> None:
        await put(ledger, replace(finished("other"), account_id="other"))
        before = await ledger.accounts.stored_bytes()
        await put(ledger, finished("call-1"))
        assert (await ledger.accounts.stored_bytes())[ACCOUNT] == before["other"]
        await prune_calls(ledger, _LATER)
        assert set((await ledger.accounts.stored_bytes()).values()) <= {0}

    async def test_a_finished_call_that_is_old_enough_is_deleted(self, ledger: Ledger) -> None:
        for call_id, state in (("logged", CallLogState.LOGGED), ("unlogged", CallLogState.UNLOGGED)):
            await put(ledger, finished(call_id, state=state))
        assert await prune_calls(ledger, _LATER) == 2
        assert await ledger.call_logs.get(key("logged")) is None
        assert list(await ledger.call_logs.changes(ACCOUNT, 0, 10)) == []

    async def test_a_call_that_changed_at_the_very_time_stays(self, ledger: Ledger) -> None:
        await put(ledger, finished("call-1"))
        assert await prune_calls(ledger, NOW) == 0
        assert await prune_calls(ledger, NOW + timedelta(microseconds=1)) == 1

    async def test_a_call_that_was_reported_lately_stays(self, ledger: Ledger) -> None:
        await put(ledger, replace(finished("call-1"), last_news_time=_LATER))
        assert await prune_calls(ledger, _LATER) == 0

    @pytest.mark.parametrize("fields", _UNFINISHED.values(), ids=_UNFINISHED)
    async def test_a_call_that_is_not_finished_is_never_deleted(self, ledger: Ledger, fields: dict[str, Any]) -> None:
        await put(ledger, call_log(**fields))
        await put(ledger, finished("other"))
        assert await prune_calls(ledger, _LATER, limit=1) == 1
        assert await ledger.call_logs.get(key()) == call_log(**fields)

    async def test_every_old_call_is_found_in_however_small_steps_and_among_young_ones(self, ledger: Ledger) -> None:
        for number in range(25):
            await put(ledger, finished(f"{number}", NOW if number % 5 else _LATER))
        assert await prune_calls(ledger, _LATER, limit=10) == 20

    async def test_a_step_deletes_no_more_than_its_limit(self, ledger: Ledger) -> None:
        for number in range(5):
            await put(ledger, finished(f"{number}"))
        pruned = await ledger.retention.prune_calls(_LATER, "", 3)
        assert (pruned.deleted, pruned.position is None) == (3, False)

    async def test_pruning_ends_where_only_young_calls_are_left(self, ledger: Ledger) -> None:
        for number in range(5):
            await put(ledger, finished(f"{number}", _LATER))
        assert (await ledger.retention.prune_calls(_LATER, "", 2)).position is None

    async def test_old_calls_of_every_account_are_deleted_although_others_have_young_ones(self, ledger: Ledger) -> None:
        for number, account_id in enumerate(("a", "b", "c", "d")):
            time = NOW if account_id in "bd" else _LATER
            for log in (finished(f"{number}", time), finished(f"{number} too", time)):
                await put(ledger, replace(log, account_id=account_id))
        assert await prune_calls(ledger, _LATER, limit=1) == 4
        assert [len(list(await ledger.call_logs.changes(account_id, 0, 10))) for account_id in "abcd"] == [2, 0, 2, 0]

    async def test_what_was_pruned_through_is_told_and_never_falls(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        assert await ledger.call_logs.pruned_through(ACCOUNT) == 0
        await put(ledger, finished("old"))
        await put(ledger, call_log("pending"))
        await put(ledger, finished("old too"))
        await put(ledger, finished("young", _LATER))
        await prune_calls(ledger, _LATER)
        assert await ledger.call_logs.pruned_through(ACCOUNT) == 3
        await prune_calls(ledger, _LATER)
        async with open_ledger() as other:
            assert await other.call_logs.pruned_through(ACCOUNT) == 3

    async def test_no_sequence_comes_twice_after_pruning(self, ledger: Ledger) -> None:
        await put(ledger, finished("old"))
        await prune_calls(ledger, _LATER)
        assert await ledger.call_logs.last_sequence(ACCOUNT) == 1
        await put(ledger, call_log())
        assert [change.sequence for change in await ledger.call_logs.changes(ACCOUNT, 0, 10)] == [2]

    async def test_a_call_that_is_changed_while_calls_are_pruned_is_never_lost(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        def touched(log: CallLog | None) -> CallLog:
            if log is None:
                raise LookupError
            return replace(with_news(log), update_time=_LATER, next_attempt_time=_LATER)

        names = [f"{number}" for number in range(60)]
        for name in names:
            await put(ledger, finished(name))
        async with open_ledger() as other:
            touching = [asyncio.create_task(other.call_logs.change(key(name), touched)) for name in names[::2]]
            deleted = await prune_calls(ledger, _LATER, limit=5)
            results = await asyncio.gather(*touching, return_exceptions=True)
        kept = [name for name, result in zip(names[::2], results, strict=True) if isinstance(result, CallLogChange)]
        assert None not in [await ledger.call_logs.get(key(name)) for name in kept]
        assert deleted == len(names) - len(kept)

    async def test_writers_are_not_kept_waiting(self, ledger: Ledger, open_ledger: OpenLedger) -> None:
        await asyncio.gather(*(put(ledger, finished(f"{number}")) for number in range(300)))
        async with open_ledger() as other:
            pruning = asyncio.create_task(prune_calls(other, _LATER, limit=20))
            written = 0
            while not pruning.done():
                await put(ledger, finished(f"new {written}", _LATER))
                written += 1
            assert await pruning == 300
        assert written > 1


class PruneOthersCases:
    """Pruning claims and requests, and the lease of the pruner."""

    async def test_a_claim_whose_contact_was_recorded_long_ago_is_deleted(self, ledger: Ledger) -> None:
        await ledger.claims.finish(ACCOUNT, "+12025550101", "c_old", NOW)
        await ledger.claims.finish(ACCOUNT, NUMBER, "c_new", NOW + _DAY)
        pruned = await ledger.retention.prune_claims(NOW + _DAY, "", 10)
        assert pruned.deleted == 1
        assert list(await ledger.claims.remembered(ACCOUNT, [NUMBER, "+12025550101"])) == [NUMBER]

    async def test_claims_are_looked_through_in_steps(self, ledger: Ledger) -> None:
        for number in range(5):
            await ledger.claims.finish(f"account {number % 2}", f"+1202555010{number}", "c_1", NOW)
        deleted, position, steps = 0, "", 0
        while (pruned := await ledger.retention.prune_claims(NOW + _DAY, position, 2)).position is not None:
            deleted, position, steps = deleted + pruned.deleted, pruned.position, steps + 1
        assert (deleted, steps) == (5, 3)

    async def test_old_answers_are_deleted_and_young_ones_stay(self, ledger: Ledger) -> None:
        answer = RecordedAnswer(b"f", CONTACT)
        for number in range(3):
            await ledger.requests.remember(ACCOUNT, f"old {number}", answer, NOW - _DAY)
        await ledger.requests.remember(ACCOUNT, "young", answer, NOW - timedelta(hours=1))
        first = await ledger.retention.prune_requests(NOW - timedelta(hours=2), 2)
        rest = await ledger.retention.prune_requests(NOW - timedelta(hours=2), 2)
        assert (first.deleted, first.position is None, rest.deleted, rest.position) == (2, False, 1, None)
        assert await ledger.requests.get(ACCOUNT, "young", NOW) == answer

    async def test_one_process_has_the_lease_until_its_end(self, ledger: Ledger, open_ledger: OpenLedger) -> None:
        async with open_ledger() as other:
            assert await ledger.retention.acquire("a", NOW, NOW + _DAY)
            assert not await other.retention.acquire("b", NOW, NOW + _DAY)
            assert await ledger.retention.acquire("a", NOW, NOW + 2 * _DAY)
            assert not await other.retention.acquire("b", NOW + _DAY, NOW + 3 * _DAY)
            assert await other.retention.acquire("b", NOW + 2 * _DAY, NOW + 3 * _DAY)

    async def test_a_released_lease_can_be_acquired(self, ledger: Ledger) -> None:
        await ledger.retention.acquire("a", NOW, NOW + _DAY)
        await ledger.retention.release("b")
        assert not await ledger.retention.acquire("b", NOW, NOW + _DAY)
        await ledger.retention.release("a")
        assert await ledger.retention.acquire("b", NOW, NOW + _DAY)

    async def test_one_of_many_processes_acquires_the_lease(self, ledger: Ledger, open_ledger: OpenLedger) -> None:
        async with open_ledger() as other:
            wanting = [
                handle.retention.acquire(f"{number}", NOW, NOW + _DAY)
                for number in range(8)
                for handle in (ledger if number % 2 else other,)
            ]
            assert sorted(await asyncio.gather(*wanting)) == [False] * 7 + [True]
