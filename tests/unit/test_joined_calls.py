"""Calls of one conversation that share a log, from the reports to the CRM."""

import asyncio
import random
from pathlib import Path

import pytest
from leadline_server.commands.watch_call_logs import Watch
from leadline_server.domain.call import CallDirection, CallResult
from leadline_server.domain.call_log import CallLog
from support.apps import ACCOUNT, STRANGER
from support.databases import rows
from unit.joined_legs import OTHER, OUTBOUND, at, configure, joining, leg, listed


async def test_each_call_keeps_a_log_of_its_own_unless_the_account_wants_to_join_them(tmp_path: Path) -> None:
    async with joining(tmp_path, is_on=False) as (harness, crm):
        await harness.log("17.1", **leg(0))
        await harness.log("17.2", **leg(5, user="bob"))
        assert len(await listed(harness)) == 2
        assert crm.calls["create_call_log"] == 2
        assert not rows(tmp_path / "ledger.db", "SELECT * FROM call_links")


async def test_the_legs_of_a_queue_make_one_log(tmp_path: Path) -> None:
    async with joining(tmp_path) as (harness, crm):
        await harness.log("17.1", **leg(0, 120, result=CallResult.ANSWERED, answer_time=at(20)), is_final=True)
        await harness.log("17.2", **leg(5, 15, user="bob", result=CallResult.NO_ANSWER), is_final=True)
        log = await harness.log(
            "17.3", **leg(15, 130, user="carol", result=CallResult.ANSWERED, answer_time=at(18)), is_final=True
        )
        call = log.call
        assert (call.id, call.start_time, call.answer_time, call.end_time) == ("17.1", at(0), at(18), at(130))
        assert (call.result, call.is_final) == (CallResult.ANSWERED, True)
        assert [part.id for part in call.legs] == ["17.1", "17.2", "17.3"]
        assert [part.user_id for part in call.legs] == ["alice", "bob", "carol"]
        assert call.callee.user_id == "carol"
        assert log.linked_call_ids == ("17.2", "17.3")
        assert crm.calls["create_call_log"] == 1
        assert crm.calls["create_contact"] == 1


async def test_every_id_finds_the_log(tmp_path: Path) -> None:
    async with joining(tmp_path) as (harness, _):
        await harness.log("17.2", **leg(0))
        await harness.log("17.3", **leg(5, user="bob"))
        log = await harness.log("17.1", **leg(1))
        assert log.call.id == "17.1"
        for call_id in ("17.1", "17.2", "17.3"):
            assert await harness.get(call_id) == log
            assert await harness.retry(call_id) == log
        for call_id in ("17.1", "17.2", "17.3"):
            assert (await harness.log(call_id, user="alice", note=f"of {call_id}")).call.note == f"of {call_id}"
        assert len(await listed(harness)) == 1


async def test_the_first_stored_gives_the_id_where_no_report_has_the_linked_id(tmp_path: Path) -> None:
    async with joining(tmp_path) as (harness, _):
        await harness.log("17.9", **leg(10))
        assert (await harness.log("17.2", **leg(0, user="bob"))).call.id == "17.9"


async def test_the_user_who_answered_takes_the_log_over(tmp_path: Path) -> None:
    async with joining(tmp_path) as (harness, _):
        await harness.log("17.2", **leg(0, 30, user="bob", result=CallResult.NO_ANSWER))
        log = await harness.log("17.3", **leg(0, 90, user="carol", result=CallResult.ANSWERED))
        assert log.user_id == "carol"
        log = await harness.log("17.4", **leg(60, 95, user="dave", result=CallResult.ANSWERED))
        assert log.user_id == "carol"


async def test_a_conference_of_two_strangers_has_two_logs(tmp_path: Path) -> None:
    async with joining(tmp_path) as (harness, _):
        await harness.log("17.1", STRANGER, **leg(0))
        await harness.log("17.2", OTHER, **leg(0))
        logs = await listed(harness)
        assert {log.call.caller.phone_number for log in logs} == {STRANGER, OTHER}
        assert len({log.contact.id for log in logs if log.contact}) == 2


@pytest.mark.parametrize("number", ["anonymous", "", "101", "911", "no number"])
async def test_callers_without_a_usable_number_never_join(tmp_path: Path, number: str) -> None:
    async with joining(tmp_path) as (harness, _):
        await harness.log("17.1", number, **leg(0))
        await harness.log("17.2", number, **leg(0))
        assert len(await listed(harness)) == 2


async def test_calls_of_an_own_number_never_join(tmp_path: Path) -> None:
    async with joining(tmp_path) as (harness, _):
        await configure(harness, own_numbers=(STRANGER,))
        await harness.log("17.1", **leg(0))
        await harness.log("17.2", **leg(0))
        assert len(await listed(harness)) == 2


async def test_a_transfer_to_another_outside_party_stays_a_call_of_its_own(tmp_path: Path) -> None:
    async with joining(tmp_path) as (harness, _):
        fields = {"caller__phone_number": None, "direction": CallDirection.OUTBOUND}
        await harness.log("17.1", **leg(0, 60, result=CallResult.ANSWERED))
        log = await harness.log("17.2", **leg(60, 200) | fields, callee__phone_number=OTHER)
        assert (log.call.id, log.linked_call_ids) == ("17.2", ())
        assert len(await listed(harness)) == 2


async def test_calls_in_both_directions_stay_apart(tmp_path: Path) -> None:
    async with joining(tmp_path) as (harness, _):
        await harness.log("17.1", **leg(0, 60))
        await harness.log("17.2", **leg(30, 60) | OUTBOUND, callee__phone_number=STRANGER)
        assert len(await listed(harness)) == 2


@pytest.mark.parametrize(("pause", "logs"), [(0, 1), (60, 1), (61, 2), (3600, 2)])
async def test_a_redial_under_one_id_joins_only_within_a_minute(tmp_path: Path, pause: float, logs: int) -> None:
    async with joining(tmp_path) as (harness, _):
        await harness.log("17.2", **leg(0, 30, result=CallResult.BUSY), is_final=True)
        await harness.log("17.3", **leg(30 + pause, 90 + pause, result=CallResult.ANSWERED), is_final=True)
        assert len(await listed(harness)) == logs


async def test_a_joined_call_is_final_when_all_its_legs_are(tmp_path: Path) -> None:
    async with joining(tmp_path) as (harness, _):
        await harness.log("17.1", **leg(0, 60), is_final=True)
        assert (await harness.log("17.2", **leg(10))).call.is_final is None
        log = await harness.log("17.2", user="alice", end_time=at(90), result=CallResult.ANSWERED, is_final=True)
        assert (log.call.is_final, log.call.end_time) == (True, at(90))


async def test_a_later_report_changes_its_own_leg(tmp_path: Path) -> None:
    async with joining(tmp_path) as (harness, _):
        await harness.log("17.1", **leg(0, 60, result=CallResult.ANSWERED))
        await harness.log("17.2", **leg(10, 20, user="bob", result=CallResult.ANSWERED))
        log = await harness.log("17.2", user="bob", result=CallResult.NO_ANSWER)
        assert log.call.result is CallResult.ANSWERED
        log = await harness.log("17.1", result=CallResult.BUSY, start_time=at(-5))
        assert (log.call.result, log.call.start_time) == (CallResult.NO_ANSWER, at(-5))


async def test_another_spelling_of_the_number_needs_no_new_decision(tmp_path: Path) -> None:
    async with joining(tmp_path) as (harness, _):
        first = await harness.log("17.1", **leg(0))
        log = await harness.log("17.2", "(202) 555-0147", **leg(0))
        again = await harness.log("17.2", "202-555-0147", user="alice")
        assert log.linked_call_ids == ("17.2",)
        assert first.input_revision == log.input_revision == again.input_revision


async def test_twenty_agents_ringing_at_once_have_one_log(tmp_path: Path) -> None:
    async with joining(tmp_path) as (harness, crm):
        names = [f"17.{number}" for number in range(1, 21)]
        random.Random(7).shuffle(names)
        reports = [harness.log(name, **leg(0, user=f"agent-{name}")) for name in names]
        await asyncio.gather(*reports)
        ends = [
            harness.log(
                name,
                **leg(0, 30, user=f"agent-{name}", result=CallResult(1 if name == "17.7" else 2)),
                is_final=True,
            )
            for name in names
        ]
        await asyncio.gather(*ends)
        log = await harness.settled("17.20", lambda one: not one.update_pending)
        assert (log.call.id, log.call.result, log.call.is_final) == ("17.1", CallResult.ANSWERED, True)
        assert log.user_id == "agent-17.7"
        assert len(log.call.legs) == 20
        assert {log.call.id, *log.linked_call_ids} == set(names)
        assert len(await listed(harness)) == 1
        assert crm.calls["create_call_log"] == 1


async def test_legs_beyond_64_are_counted_and_named(tmp_path: Path) -> None:
    async with joining(tmp_path) as (harness, _):
        for number in range(1, 71):
            result = CallResult.ANSWERED if number == 70 else CallResult.NO_ANSWER
            log = await harness.log(f"17.{number}", **leg(number, 100 + number, user="u", result=result), is_final=True)
        assert (len(log.call.legs), log.omitted_leg_count) == (64, 6)
        assert len(log.linked_call_ids) == 69
        assert "17.70" in {part.id for part in log.call.legs}, "the leg that was answered is listed"
        assert (log.call.start_time, log.call.end_time) == (at(1), at(170))
        log = await harness.log("17.69", user="u", end_time=at(500), is_final=True)
        assert log.call.end_time == at(500)


async def test_a_257th_call_gets_a_log_of_its_own(tmp_path: Path) -> None:
    async with joining(tmp_path) as (harness, _):
        await harness.prefer(auto_log_calls=False)
        for number in range(1, 258):
            log = await harness.log(f"17.{number}", **leg(0, 100))
        assert log.call.id == "17.257"
        assert len((await harness.get("17.1")).linked_call_ids) == 255


async def test_a_watch_shows_one_log_and_names_the_ids_that_it_replaces(tmp_path: Path) -> None:
    async with joining(tmp_path) as (harness, _):
        watch = harness.app.commands.watch_call_logs.execute(Watch(account_id=ACCOUNT, user_id="", resume_token=""))
        await anext(watch)
        await harness.log("17.2", **leg(0))
        await harness.log("17.1", **leg(5, user="bob"))
        seen = list[CallLog]()
        async with asyncio.timeout(10):
            async for item in watch:
                if item.change is not None:
                    seen.append(item.change.call_log)
                    if item.change.call_log.linked_call_ids and not item.change.call_log.update_pending:
                        break
        await watch.aclose()
        gone = {name for log in seen for name in log.linked_call_ids}
        assert {log.call.id for log in seen} - gone == {"17.1"}


async def test_a_preview_shows_the_joined_log_and_writes_nothing(tmp_path: Path) -> None:
    async with joining(tmp_path) as (harness, _):
        before = await harness.log("17.1", **leg(0))
        shown = await harness.log("17.2", **leg(5, user="bob"), validate_only=True)
        assert (shown.call.id, shown.linked_call_ids) == ("17.1", ("17.2",))
        assert await listed(harness) == [before]
