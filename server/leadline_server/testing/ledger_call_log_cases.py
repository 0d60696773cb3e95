"""The obligations of ports.ledger.CallLogs for one call at a time, and for the order of changes, as tests."""

import asyncio
from datetime import timedelta

import pytest

from leadline_server.domain.call_log import CallLog
from leadline_server.ports.ledger import CallKey, Change, Ledger
from leadline_server.testing.ledger_samples import (
    ACCOUNT,
    NOW,
    OpenLedger,
    call_log,
    counted,
    full_call_log,
    key,
    put,
    with_news,
)

_WAIT = 10.0  # seconds until a test gives up


class _Refused(Exception):
    """An error that a change function raises."""


def _refuse(_: CallLog | None) -> CallLog:
    raise _Refused


class ChangeCases:
    """Reading and changing one call."""

    async def test_a_call_that_was_never_reported_is_none(self, ledger: Ledger) -> None:
        assert await ledger.call_logs.get(key()) is None

    async def test_the_first_change_of_a_call_is_given_none(self, ledger: Ledger) -> None:
        seen: list[CallLog | None] = []

        def first(before: CallLog | None) -> CallLog:
            seen.append(before)
            return call_log()

        await ledger.call_logs.change(key(), first)
        assert seen[-1] is None

    async def test_a_change_returns_what_it_made(self, ledger: Ledger) -> None:
        assert await put(ledger, call_log(attempts=3)) == call_log(attempts=3)

    async def test_every_field_is_read_as_it_was_written(self, ledger: Ledger) -> None:
        await put(ledger, full_call_log())
        assert await ledger.call_logs.get(key()) == full_call_log()

    async def test_a_change_is_given_the_newest_state(self, ledger: Ledger) -> None:
        await put(ledger, full_call_log())
        assert await ledger.call_logs.change(key(), counted) == (full_call_log(), counted(full_call_log()))

    async def test_a_changed_call_is_read_as_changed(self, ledger: Ledger) -> None:
        await put(ledger, call_log())
        await put(ledger, full_call_log())
        assert await ledger.call_logs.get(key()) == full_call_log()

    async def test_one_call_id_in_two_accounts_is_two_calls(self, ledger: Ledger) -> None:
        await put(ledger, call_log())
        other = key(account_id="other")
        assert await ledger.call_logs.get(other) is None
        await put(ledger, call_log(account_id="other", attempts=1))
        assert await ledger.call_logs.get(key()) == call_log()

    async def test_what_a_change_raises_is_raised_and_nothing_is_changed(self, ledger: Ledger) -> None:
        await put(ledger, call_log())
        with pytest.raises(_Refused):
            await ledger.call_logs.change(key(), _refuse)
        with pytest.raises(_Refused):
            await ledger.call_logs.change(key("unheard-of"), _refuse)
        assert await ledger.call_logs.get(key()) == call_log()
        assert await ledger.call_logs.get(key("unheard-of")) is None

    async def test_a_change_that_raises_disturbs_no_other(self, ledger: Ledger) -> None:
        changes = [counted if place % 3 else _refuse for place in range(30)]
        results = await asyncio.gather(
            *(ledger.call_logs.change(key(f"call-{place}"), change) for place, change in enumerate(changes)),
            return_exceptions=True,
        )
        assert [isinstance(result, _Refused) for result in results] == [change is _refuse for change in changes]
        stored = [await ledger.call_logs.get(key(f"call-{place}")) for place in range(30)]
        assert [log is None for log in stored] == [change is _refuse for change in changes]
        assert await ledger.call_logs.last_sequence(ACCOUNT) == 20

    async def test_changes_at_once_lose_none(self, ledger: Ledger) -> None:
        await asyncio.gather(*(ledger.call_logs.change(key(), counted) for _ in range(64)))
        assert await _attempts(ledger) == 64

    async def test_changes_from_two_handles_at_once_lose_none(self, ledger: Ledger, open_ledger: OpenLedger) -> None:
        async with open_ledger() as other:
            await asyncio.gather(
                *(handle.call_logs.change(key(), counted) for _ in range(32) for handle in (ledger, other))
            )
            assert await _attempts(ledger) == 64
            assert await _attempts(other) == 64

    async def test_a_change_is_seen_by_another_handle_at_once(self, ledger: Ledger, open_ledger: OpenLedger) -> None:
        async with open_ledger() as other:
            await put(ledger, call_log())
            assert await other.call_logs.get(key()) == call_log()
            await put(ledger, full_call_log())
            assert await other.call_logs.get(key()) == full_call_log()

    async def test_a_cancelled_change_happens_whole_or_not_at_all(self, ledger: Ledger) -> None:
        tasks = [asyncio.create_task(ledger.call_logs.change(key(), counted)) for _ in range(20)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await put(ledger, call_log("another"))
        log = await ledger.call_logs.get(key())
        assert log is None or log.attempts == log.revision


class FeedCases:
    """The order of visible changes."""

    async def test_before_the_first_change_the_sequence_is_zero(self, ledger: Ledger) -> None:
        assert await ledger.call_logs.last_sequence(ACCOUNT) == 0
        assert list(await ledger.call_logs.changes(ACCOUNT, 0, 10)) == []

    async def test_changes_come_in_the_order_of_their_commits(self, ledger: Ledger) -> None:
        for call_id in ("b", "c", "a"):
            await put(ledger, call_log(call_id))
        found = await ledger.call_logs.changes(ACCOUNT, 0, 10)
        assert [change.call_log.call_id for change in found] == ["b", "c", "a"]
        assert found[-1].sequence == await ledger.call_logs.last_sequence(ACCOUNT)

    async def test_a_changed_call_moves_to_the_end_with_its_current_state(self, ledger: Ledger) -> None:
        await put(ledger, call_log("a"))
        await put(ledger, call_log("b"))
        await put(ledger, with_news(call_log("a")))
        assert [change.call_log for change in await ledger.call_logs.changes(ACCOUNT, 0, 10)] == [
            call_log("b"),
            with_news(call_log("a")),
        ]

    async def test_only_what_comes_after_the_given_sequence_is_told(self, ledger: Ledger) -> None:
        await put(ledger, call_log("a"))
        seen = await ledger.call_logs.last_sequence(ACCOUNT)
        await put(ledger, call_log("b"))
        assert [change.call_log.call_id for change in await ledger.call_logs.changes(ACCOUNT, seen, 10)] == ["b"]
        assert list(await ledger.call_logs.changes(ACCOUNT, await ledger.call_logs.last_sequence(ACCOUNT), 10)) == []

    async def test_no_more_changes_are_told_than_asked_for_and_the_oldest_first(self, ledger: Ledger) -> None:
        for call_id in ("a", "b", "c"):
            await put(ledger, call_log(call_id))
        first = await ledger.call_logs.changes(ACCOUNT, 0, 2)
        rest = await ledger.call_logs.changes(ACCOUNT, first[-1].sequence, 2)
        assert [change.call_log.call_id for change in (*first, *rest)] == ["a", "b", "c"]

    async def test_changes_of_the_account_alone_are_told(self, ledger: Ledger) -> None:
        await put(ledger, call_log())
        await put(ledger, call_log(account_id="other"))
        for account_id in (ACCOUNT, "other"):
            [change] = await ledger.call_logs.changes(account_id, 0, 10)
            assert change.call_log.account_id == account_id

    async def test_positions_of_several_accounts_are_asked_at_once(self, ledger: Ledger) -> None:
        await put(ledger, call_log())
        await put(ledger, call_log(account_id="other"))
        accounts = (ACCOUNT, "other")
        positions = {account_id: await ledger.call_logs.last_sequence(account_id) for account_id in accounts}
        assert await ledger.call_logs.last_sequences(accounts) == positions
        assert min(positions.values()) > 0

    async def test_a_change_without_a_new_revision_is_stored_but_not_told(self, ledger: Ledger) -> None:
        await put(ledger, call_log())
        seen = await ledger.call_logs.last_sequence(ACCOUNT)
        tried = call_log(attempts=1, next_attempt_time=NOW)
        await put(ledger, tried)
        assert await ledger.call_logs.get(key()) == tried
        assert await ledger.call_logs.last_sequence(ACCOUNT) == seen
        assert list(await ledger.call_logs.changes(ACCOUNT, seen, 10)) == []

    async def test_a_change_that_returns_its_argument_is_no_change(self, ledger: Ledger) -> None:
        await put(ledger, call_log())
        seen = await ledger.call_logs.last_sequence(ACCOUNT)
        assert await ledger.call_logs.change(key(), lambda log: log or call_log()) == (call_log(), call_log())
        assert await ledger.call_logs.last_sequence(ACCOUNT) == seen

    async def test_who_follows_the_changes_misses_no_call(self, ledger: Ledger, open_ledger: OpenLedger) -> None:
        async def report(handle: Ledger, name: str) -> None:
            for number in range(40):
                await put(handle, call_log(f"{name}-{number}"))

        async with open_ledger() as other:
            writers = [report(handle, f"{place}") for place, handle in enumerate((ledger, other, ledger, other))]
            following = asyncio.create_task(_follow(ledger, 160))
            await asyncio.gather(*writers)
            told = await asyncio.wait_for(following, _WAIT)
        sequences = [change.sequence for change in told]
        assert sequences == sorted(set(sequences))
        assert {change.call_log.call_id for change in told} == {f"{w}-{n}" for w in range(4) for n in range(40)}

    async def test_the_sequence_goes_on_after_reopening(self, open_ledger: OpenLedger) -> None:
        async with open_ledger() as ledger:
            await put(ledger, call_log("a"))
            seen = await ledger.call_logs.last_sequence(ACCOUNT)
        async with open_ledger() as ledger:
            assert await ledger.call_logs.last_sequence(ACCOUNT) == seen
            await put(ledger, call_log("b"))
            assert [change.call_log.call_id for change in await ledger.call_logs.changes(ACCOUNT, seen, 10)] == ["b"]

    async def test_subscribers_are_called_when_the_change_can_be_read(self, ledger: Ledger) -> None:
        called = asyncio.Event()
        ledger.call_logs.subscribe(called.set)
        await put(ledger, call_log())
        await asyncio.wait_for(called.wait(), _WAIT)
        assert len(await ledger.call_logs.changes(ACCOUNT, 0, 10)) == 1

    async def test_subscribers_are_called_again_for_later_changes(self, ledger: Ledger) -> None:
        called = asyncio.Event()
        ledger.call_logs.subscribe(called.set)
        for call_id in ("a", "b", "c"):
            called.clear()
            await put(ledger, call_log(call_id))
            await asyncio.wait_for(called.wait(), _WAIT)

    async def test_who_unsubscribed_is_called_no_more(self, ledger: Ledger) -> None:
        calls: list[str] = []
        others = asyncio.Event()
        unsubscribe = ledger.call_logs.subscribe(lambda: calls.append("gone"))
        ledger.call_logs.subscribe(others.set)
        unsubscribe()
        await put(ledger, call_log())
        await asyncio.wait_for(others.wait(), _WAIT)
        assert calls == []


class DueCases:
    """The calls that are due."""

    async def test_due_calls_come_the_longest_due_first(self, ledger: Ledger) -> None:
        for call_id, seconds in (("b", 20), ("a", 30), ("c", 10)):
            await put(ledger, call_log(call_id, next_attempt_time=NOW + timedelta(seconds=seconds)))
        assert list(await ledger.call_logs.due(NOW + timedelta(hours=1), 10)) == [key("c"), key("b"), key("a")]

    async def test_a_call_is_due_from_its_very_time_on(self, ledger: Ledger) -> None:
        await put(ledger, call_log(next_attempt_time=NOW))
        assert list(await ledger.call_logs.due(NOW - timedelta(microseconds=1), 10)) == []
        due = list(await ledger.call_logs.due(NOW, 10))
        assert due == [key()]
        assert isinstance(due[0], CallKey)

    async def test_no_more_calls_are_due_than_asked_for(self, ledger: Ledger) -> None:
        for second in range(5):
            await put(ledger, call_log(f"{second}", next_attempt_time=NOW + timedelta(seconds=second)))
        assert list(await ledger.call_logs.due(NOW + timedelta(hours=1), 2)) == [key("0"), key("1")]

    async def test_calls_of_accounts_that_are_left_out_hide_no_others(self, ledger: Ledger) -> None:
        for minute in range(6):
            due = NOW + timedelta(minutes=minute)
            for account_id in ("acme", "beta", "gamma"):
                log = call_log(f"{account_id}-{5 - minute}", account_id=account_id, next_attempt_time=due)
                await put(ledger, log)
        later = NOW + timedelta(minutes=4)
        assert list(await ledger.call_logs.due(later, 3, ["acme"])) == [
            CallKey("beta", "beta-5"),
            CallKey("gamma", "gamma-5"),
            CallKey("beta", "beta-4"),
        ]
        rest = await ledger.call_logs.due(later, 100, {"acme", "gamma", "nobody"})
        assert list(rest) == [CallKey("beta", f"beta-{number}") for number in (5, 4, 3, 2, 1)]
        assert list(await ledger.call_logs.due(later, 100, ["acme", "beta", "gamma"])) == []

    async def test_a_call_without_a_next_attempt_is_not_due(self, ledger: Ledger) -> None:
        await put(ledger, call_log(next_attempt_time=NOW))
        await put(ledger, call_log(next_attempt_time=None))
        assert list(await ledger.call_logs.due(NOW + timedelta(days=1), 10)) == []
        assert await ledger.call_logs.next_due_time() is None

    async def test_the_next_due_time_is_the_earliest(self, ledger: Ledger) -> None:
        assert await ledger.call_logs.next_due_time() is None
        await put(ledger, call_log("late", next_attempt_time=NOW + timedelta(days=1)))
        await put(ledger, call_log("soon", next_attempt_time=NOW + timedelta(microseconds=1)))
        assert await ledger.call_logs.next_due_time() == NOW + timedelta(microseconds=1)


async def _attempts(ledger: Ledger) -> int:
    log = await ledger.call_logs.get(key())
    return 0 if log is None else log.attempts


async def _follow(ledger: Ledger, count: int) -> list[Change]:
    """Read changes as a watcher does, until there are `count`."""
    told: list[Change] = []
    while len(told) < count:
        told.extend(await ledger.call_logs.changes(ACCOUNT, told[-1].sequence if told else 0, 7))
    return told
