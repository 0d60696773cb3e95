"""The CRM fails, hangs, answers late or not at all: every accepted call arrives, once."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from leadline_server.domain.call import CallResult
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.call_log_states import CallLogReason, CallLogState, LogTrigger
from leadline_server.domain.crm_errors import CrmError, CrmOutcomeUnknown, CrmRejected
from leadline_server.domain.errors import ContactNotFound
from leadline_server.domain.ledger_errors import LedgerFull
from leadline_server.domain.preferences import UnknownContactAction
from support.apps import STRANGER, Harness, open_harness
from support.crms import Switch
from support.ledgers import each_ledger

pytestmark = each_ledger

CREATE = UnknownContactAction.CREATE_PLACEHOLDER


async def test_a_call_during_an_outage_is_pending_and_delivered_when_the_crm_is_back(
    harness: Harness, crm: Switch
) -> None:
    await harness.prefer(unknown_contact_action=CREATE)
    crm.go_down()
    pending = await harness.log("call-1")
    assert (pending.state, pending.reason) == (CallLogState.PENDING, CallLogReason.CRM_UNAVAILABLE)
    assert pending.attempts == 1
    assert pending.next_attempt_time is not None
    crm.come_back()
    log = await harness.settled("call-1", lambda log: log.state is CallLogState.LOGGED)
    assert log.reason is CallLogReason.PLACEHOLDER_CREATED
    assert (log.attempts, log.last_error) == (0, "")
    assert crm.calls["create_contact"] == crm.calls["create_call_log"] == 1


async def test_a_lookup_that_fails_is_never_taken_for_nobody(harness: Harness, crm: Switch) -> None:
    await harness.prefer(unknown_contact_action=CREATE)
    crm.go_down()
    with pytest.raises(CrmError):
        await harness.find(STRANGER)
    with pytest.raises(CrmError):
        await harness.create("Grace Hopper", STRANGER)
    with pytest.raises(CrmError):
        await harness.log("call-1", validate_only=True)
    assert crm.calls.total() == 0


async def test_a_report_with_a_choice_is_accepted_even_if_the_adapter_breaks_while_that_is_checked(
    harness: Harness, crm: Switch
) -> None:
    ada = await harness.create("Ada Lovelace", STRANGER)

    async def break_down(_: str) -> None:
        raise RuntimeError("a bug")

    crm.before = break_down
    pending = await harness.log("call-1", contact_id=ada.id)
    assert pending.state is CallLogState.PENDING
    crm.come_back()
    log = await harness.settled("call-1", lambda log: log.state is CallLogState.LOGGED)
    assert log.reason is CallLogReason.CONTACT_CHOSEN


@pytest.mark.parametrize("ask", ["LogCall", "RetryCallLog"])
async def test_a_report_on_disk_is_accepted_even_if_what_came_of_its_delivery_finds_no_room(
    harness: Harness, crm: Switch, monkeypatch: pytest.MonkeyPatch, ask: str
) -> None:
    await harness.create("Ada Lovelace", STRANGER)
    call_logs = harness.app.ledger.call_logs
    if ask == "RetryCallLog":
        crm.go_down()
        await harness.log("call-1")
        crm.come_back()

    async def no_room(*_: object) -> CallLog:
        raise LedgerFull("The disk is full.")

    async def fill(operation: str) -> None:
        if operation == "create_call_log":
            monkeypatch.setattr(call_logs, "change", no_room)

    crm.after = fill
    pending = await (harness.log("call-1") if ask == "LogCall" else harness.retry("call-1"))
    assert pending.state is CallLogState.PENDING
    crm.come_back()
    monkeypatch.undo()
    harness.clock.advance(timedelta(minutes=1))
    await harness.settled("call-1", lambda log: log.state is CallLogState.LOGGED)
    assert crm.calls["create_call_log"] == 1


async def test_a_crm_that_hangs_costs_the_caller_no_more_than_the_deadline(harness: Harness, crm: Switch) -> None:
    await harness.prefer(unknown_contact_action=CREATE)
    crm.hang()
    async with asyncio.timeout(2):
        log = await harness.log("call-1", seconds=0.3)
    assert log.state is CallLogState.PENDING


async def test_a_call_is_on_disk_before_any_crm_is_asked(harness: Harness, crm: Switch) -> None:
    seen: list[CallLogState] = []

    async def look(_: str) -> None:
        seen.append((await harness.get("call-1")).state)

    crm.before = look
    await harness.log("call-1")
    assert seen == [CallLogState.PENDING]


async def test_accepted_calls_survive_a_restart_during_an_outage(tmp_path: Path) -> None:
    crm = Switch()
    async with open_harness(tmp_path, wrap=crm.wrap) as harness:
        await harness.prefer(unknown_contact_action=CREATE)
        crm.go_down()
        await asyncio.gather(*(harness.log(f"call-{i}") for i in range(20)))
    crm.come_back()
    async with open_harness(tmp_path, wrap=crm.wrap) as harness:
        for i in range(20):
            await harness.settled(f"call-{i}", lambda log: log.state is CallLogState.LOGGED)
        assert crm.calls["create_contact"] == 1
        assert crm.calls["create_call_log"] == 20


@pytest.mark.parametrize("operation", ["create_contact", "create_call_log"])
async def test_a_write_whose_answer_is_lost_is_not_written_twice(harness: Harness, crm: Switch, operation: str) -> None:
    await harness.prefer(unknown_contact_action=CREATE)

    async def lose(done: str) -> None:
        if done == operation:
            raise CrmOutcomeUnknown("The connection broke.")

    crm.after = lose
    assert (await harness.log("call-1")).state is CallLogState.PENDING
    crm.come_back()
    await harness.settled("call-1", lambda log: log.state is CallLogState.LOGGED)
    assert len(await harness.find(STRANGER)) == 1
    assert crm.calls["create_call_log"] == 1


async def test_what_the_crm_refuses_is_failed_with_its_words_until_somebody_retries(
    harness: Harness, crm: Switch
) -> None:
    await harness.prefer(unknown_contact_action=CREATE)

    async def refuse(operation: str) -> None:
        if operation == "create_call_log":
            raise CrmRejected("Subject is too rude.")

    crm.before = refuse
    log = await harness.log("call-1")
    assert (log.state, log.reason, log.last_error) == (
        CallLogState.FAILED,
        CallLogReason.CRM_REJECTED,
        "Subject is too rude.",
    )
    crm.come_back()
    assert (await harness.retry("call-1")).state is CallLogState.LOGGED
    assert len(await harness.find(STRANGER)) == 1


async def test_a_call_older_than_the_maximum_delivery_age_is_failed_and_can_be_retried(
    harness: Harness, crm: Switch
) -> None:
    await harness.prefer(unknown_contact_action=CREATE)
    crm.go_down()
    await harness.log("call-1")
    harness.clock.advance(timedelta(days=7, minutes=1))
    failed = await harness.settled("call-1", lambda log: log.state is CallLogState.FAILED)
    assert failed.reason is CallLogReason.CRM_UNAVAILABLE
    crm.come_back()
    assert (await harness.retry("call-1")).state is CallLogState.LOGGED


async def test_an_adapter_that_breaks_its_promises_loses_no_call(harness: Harness, crm: Switch) -> None:
    await harness.prefer(unknown_contact_action=CREATE)

    async def break_down(_: str) -> None:
        raise ZeroDivisionError("the secret is 42")

    crm.before = break_down
    pending = await harness.log("call-1")
    assert pending.state is CallLogState.PENDING
    assert "42" not in pending.last_error
    crm.come_back()
    await harness.settled("call-1", lambda log: log.state is CallLogState.LOGGED)


async def test_the_preference_that_counts_is_the_one_in_force_when_the_lookup_answers(
    harness: Harness, crm: Switch
) -> None:
    await harness.prefer(unknown_contact_action=CREATE)
    crm.go_down()
    await harness.log("call-1")
    await harness.prefer(unknown_contact_action=UnknownContactAction.DO_NOTHING)
    crm.come_back()
    log = await harness.settled("call-1", lambda log: log.state is not CallLogState.PENDING)
    assert (log.state, log.reason) == (CallLogState.UNLOGGED, CallLogReason.NO_CONTACT)
    assert crm.calls["create_contact"] == 0


async def test_the_preference_is_asked_once_more_right_before_creating(harness: Harness, crm: Switch) -> None:
    await harness.prefer(unknown_contact_action=CREATE)

    async def change_of_mind(operation: str) -> None:
        if operation == "find_contacts" and crm.calls["find_contacts"] == 1:
            await harness.prefer(unknown_contact_action=UnknownContactAction.DO_NOTHING)

    crm.before = change_of_mind  # runs before the second lookup: the one under the number's claim
    log = await harness.log("call-1")
    assert (log.state, log.reason) == (CallLogState.UNLOGGED, CallLogReason.NO_CONTACT)
    assert crm.calls["create_contact"] == 0


async def test_a_persons_wish_is_not_forgotten_by_an_automatic_report_during_an_outage(
    harness: Harness, crm: Switch
) -> None:
    await harness.prefer(auto_log_calls=False)
    ada = await harness.create("Ada Lovelace", STRANGER)
    crm.go_down()
    await harness.log("call-1", trigger=LogTrigger.MANUAL)
    await harness.log("call-1", result=CallResult.ANSWERED)
    crm.come_back()
    log = await harness.settled("call-1", lambda log: log.state is CallLogState.LOGGED)
    assert log.contact is not None
    assert log.contact.id == ada.id


async def test_a_chosen_contact_is_accepted_in_an_outage_and_refused_if_it_does_not_exist(
    harness: Harness, crm: Switch
) -> None:
    ada = await harness.create("Ada Lovelace", STRANGER)
    with pytest.raises(ContactNotFound):
        await harness.log("call-1", contact_id="c_nobody")
    crm.go_down()
    assert (await harness.log("call-2", contact_id=ada.id)).state is CallLogState.PENDING
    crm.come_back()
    log = await harness.settled("call-2", lambda log: log.state is CallLogState.LOGGED)
    assert log.reason is CallLogReason.CONTACT_CHOSEN
