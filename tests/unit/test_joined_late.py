"""Calls that turn out to be one conversation after some of them were logged, and what stays joined."""

from pathlib import Path

from leadline_server.domain.call_log_states import CallLogReason, CallLogState
from unit.joined_legs import OTHER, at, configure, joining, leg, listed


async def test_a_report_that_bridges_two_logs_joins_what_the_crm_does_not_have_twice(tmp_path: Path) -> None:
    async with joining(tmp_path) as (harness, crm):
        await harness.prefer(auto_log_calls=False)
        await harness.log("17.2", **leg(0, 30))
        await harness.log("17.4", **leg(180, 200))
        assert len(await listed(harness)) == 2
        log = await harness.log("17.3", **leg(60, 150))
        assert log.linked_call_ids == ("17.3", "17.4")
        assert [one.call.id for one in await listed(harness)] == ["17.2"]
        assert (log.call.start_time, log.call.end_time) == (at(0), at(200))
        assert not crm.calls["create_call_log"]


async def test_two_logs_that_are_in_the_crm_are_never_joined(tmp_path: Path) -> None:
    async with joining(tmp_path) as (harness, crm):
        await harness.log("17.1", **leg(0))
        await harness.log("17.2", start_time=at(0))
        log = await harness.log("17.2", **leg(0))
        assert (log.call.id, log.linked_call_ids) == ("17.2", ())
        assert {one.call.id for one in await listed(harness)} == {"17.1", "17.2"}
        assert crm.calls["create_call_log"] == 2


async def test_a_linked_id_that_arrives_late_joins_a_call_that_is_not_in_the_crm(tmp_path: Path) -> None:
    async with joining(tmp_path) as (harness, crm):
        await harness.prefer(user="bob", auto_log_calls=False)
        await harness.log("17.2", user="bob", start_time=at(0), note="from Bob")
        await harness.log("17.1", **leg(0))
        log = await harness.log("17.2", **leg(0, user="bob"))
        assert (log.call.id, log.state, log.call.note) == ("17.1", CallLogState.LOGGED, "from Bob")
        assert [one.call.id for one in await listed(harness)] == ["17.1"]
        assert crm.calls["create_call_log"] == 1
        assert await harness.get("17.2") == log


async def test_a_logged_call_takes_in_an_earlier_one_that_is_not_and_keeps_its_log(tmp_path: Path) -> None:
    async with joining(tmp_path) as (harness, crm):
        await harness.prefer(user="bob", auto_log_calls=False)
        await harness.log("17.1", **leg(0, user="bob"))
        logged = await harness.log("17.2", start_time=at(0))
        log = await harness.log("17.2", **leg(0))
        assert (log.call.id, log.crm_log_id, log.state) == ("17.1", logged.crm_log_id, CallLogState.LOGGED)
        assert [one.call.id for one in await listed(harness)] == ["17.1"]
        assert crm.calls["create_call_log"] == 1
        settled = await harness.settled("17.1", lambda one: not one.update_pending)
        assert crm.calls["update_call_log"] >= 1
        assert settled.call.id == "17.1"


async def test_calls_that_have_joined_stay_joined_when_the_account_joins_no_more(tmp_path: Path) -> None:
    async with joining(tmp_path) as (harness, crm):
        await harness.log("17.1", **leg(0))
        await harness.log("17.2", **leg(0))
        await configure(harness, join_linked_calls=False)
        log = await harness.log("17.2", note="late")
        assert (log.call.id, log.call.note) == ("17.1", "late")
        await harness.log("17.3", **leg(0))
        assert len(await listed(harness)) == 2
        assert crm.calls["create_call_log"] == 2


async def test_a_chosen_contact_stays_chosen_when_a_call_joins(tmp_path: Path) -> None:
    async with joining(tmp_path) as (harness, _):
        chosen = await harness.create("Ann", OTHER)
        await harness.log("17.1", **leg(0), contact_id=chosen.id)
        log = await harness.log("17.2", **leg(0, user="bob"))
        assert log.linked_call_ids == ("17.2",)
        assert (log.reason, log.contact and log.contact.id) == (CallLogReason.CONTACT_CHOSEN, chosen.id)


async def test_a_crm_that_is_down_gets_one_log_of_all_legs_when_it_comes_back(tmp_path: Path) -> None:
    async with joining(tmp_path) as (harness, crm):
        crm.go_down()
        for number in range(1, 6):
            await harness.log(f"17.{number}", **leg(0), seconds=0.5)
        crm.come_back()
        log = await harness.settled("17.3", lambda one: one.state is CallLogState.LOGGED and not one.update_pending)
        assert len(log.call.legs) == 5
        assert len(await listed(harness)) == 1
