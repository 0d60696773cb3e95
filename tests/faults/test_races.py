"""Many callers at once: one contact for one number, one log for one call."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from leadline_server.domain.call_log_states import CallLogReason, CallLogState
from leadline_server.domain.preferences import UnknownContactAction
from support.apps import STRANGER, open_harness
from support.crms import Switch
from support.ledgers import each_ledger, in_rounds

pytestmark = each_ledger

CALLERS = 64
ROUNDS, SHORT_ROUNDS = 50, 3


@in_rounds(ROUNDS, SHORT_ROUNDS)
async def test_64_calls_at_once_from_one_stranger_make_one_placeholder_50_times_in_a_row(
    tmp_path: Path, rounds: int
) -> None:
    for number in range(rounds):
        crm = Switch()
        async with open_harness(tmp_path / str(number), wrap=crm.wrap) as harness:
            await harness.prefer(unknown_contact_action=UnknownContactAction.CREATE_PLACEHOLDER)
            logs = await asyncio.gather(*(harness.log(f"call-{i}") for i in range(CALLERS)))
            assert {log.state for log in logs} == {CallLogState.LOGGED}
            assert len({log.contact.id for log in logs if log.contact}) == 1
            assert len(await harness.find(STRANGER)) == 1
            reasons = [log.reason for log in logs]
            assert reasons.count(CallLogReason.PLACEHOLDER_CREATED) == 1
            assert reasons.count(CallLogReason.PLACEHOLDER_REUSED) == CALLERS - 1
            assert crm.calls["create_contact"] == 1


@in_rounds(ROUNDS, SHORT_ROUNDS)
async def test_64_reports_at_once_of_one_call_make_one_log_and_get_one_answer_50_times_in_a_row(
    tmp_path: Path, rounds: int
) -> None:
    for number in range(rounds):
        crm = Switch()
        async with open_harness(tmp_path / str(number), wrap=crm.wrap) as harness:
            await harness.create("Ada Lovelace", STRANGER)
            logs = await asyncio.gather(*(harness.log("call-1") for _ in range(CALLERS)))
            assert all(log == logs[0] for log in logs)
            assert logs[0].state is CallLogState.LOGGED
            assert crm.calls["create_call_log"] == 1


async def test_different_reports_at_once_of_one_call_all_arrive_in_one_log(tmp_path: Path) -> None:
    crm = Switch()
    async with open_harness(tmp_path, wrap=crm.wrap) as harness:
        await harness.create("Ada Lovelace", STRANGER)
        fields = ["subject", "note", "summary", "disposition", "transcript"]
        await asyncio.gather(*(harness.log("call-1", **dict[str, Any]({name: f"the {name}"})) for name in fields))
        log = await harness.settled("call-1", lambda log: not log.update_pending)
        assert [getattr(log.call, name) for name in fields] == [f"the {name}" for name in fields]
        assert crm.calls["create_call_log"] == 1


@pytest.mark.parametrize("both", ["LogCall", "CreateContact"])
async def test_by_hand_and_by_call_at_once_make_one_contact(tmp_path: Path, both: str) -> None:
    crm = Switch()
    async with open_harness(tmp_path, wrap=crm.wrap) as harness:
        await harness.prefer(unknown_contact_action=UnknownContactAction.CREATE_PLACEHOLDER)
        calls = [harness.log(f"call-{i}") for i in range(8)]
        hands = [harness.create("Grace Hopper", STRANGER) for _ in range(8)]
        await asyncio.gather(*(calls + hands if both == "LogCall" else hands + calls), return_exceptions=True)
        assert crm.calls["create_contact"] == 1
        assert len(await harness.find(STRANGER)) == 1
