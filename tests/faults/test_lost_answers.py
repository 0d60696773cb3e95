"""The CRM does its work and its answer is lost: still one log a call and one contact a number."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from faults.http_crm.checks import assert_exactly_once
from faults.http_crm.phones import Phones, settled, stranger, want_placeholders
from faults.http_crm.process import crm_process
from faults.http_crm.stage import serving
from support.ledgers import each_ledger
from support.servers import until

pytestmark = each_ledger

CALLS, SOAK_CALLS = 48, 500
STRANGERS = 16
KILLS = 2
LOSSES = [
    pytest.param({"mode": "drop_after_commit"}, id="connection reset"),
    pytest.param({"mode": "error_after_commit"}, id="500"),
    pytest.param({"mode": "hang_after_commit"}, id="no answer"),
]


@pytest.mark.parametrize("loss", LOSSES)
async def test_every_third_write_is_done_and_its_answer_lost(tmp_path: Path, loss: dict[str, Any]) -> None:
    await lose_answers(tmp_path, CALLS, {**loss, "every": 3}, settle_time=0.2)


async def test_every_third_write_is_done_and_its_answer_lost_and_new_contacts_are_not_found_yet(
    tmp_path: Path,
) -> None:
    faults = {"mode": "drop_after_commit", "every": 3, "index_lag": 1.0}
    await lose_answers(tmp_path, CALLS, faults, search_lag=1.5, settle_time=0.2)


async def test_writes_that_take_effect_after_leadline_gave_up_on_them_are_waited_for(tmp_path: Path) -> None:
    with crm_process(tmp_path / "crm.db") as crm:
        with serving(tmp_path / "data", crm, deadline=0.3, settle_time=4.0) as [server]:
            await want_placeholders(server)
            known, late = Phones("known", one_of_some), Phones("late", lambda call: stranger(call % (2 * STRANGERS)))
            await known.ring([server], STRANGERS)
            crm.misbehave(write_latency=3.0)
            await late.ring([server], CALLS)
            crm.recover()
            logs = await settled(server)
        assert_exactly_once(crm.written(), logs, [known, late])


async def test_the_crm_is_killed_under_load_again_and_again(tmp_path: Path) -> None:
    with crm_process(tmp_path / "crm.db") as crm:
        with serving(tmp_path / "data", crm, settle_time=0.2) as [server]:
            await want_placeholders(server)
            crm.misbehave(latency=0.02)
            phones = Phones("killed", one_of_some)
            for kill in range(1, KILLS + 1):
                load = asyncio.create_task(phones.ring([server], 5 * CALLS))
                await asyncio.to_thread(until, partial(has_answered, phones, 5 * CALLS * kill - 3 * CALLS))
                crm.kill()
                await asyncio.to_thread(crm.start)
                await load
            logs = await settled(server)
        assert_exactly_once(crm.written(), logs, [phones])


async def test_every_third_answer_is_lost_by_a_crm_that_keeps_keys_unique(tmp_path: Path) -> None:
    faults = {"mode": "drop_after_commit", "every": 3, "unique_keys": True, "finds_logs": False}
    await lose_answers(tmp_path, CALLS, faults, unique_keys=True, finds_logs=False)


@pytest.mark.soak
@pytest.mark.parametrize("loss", LOSSES)
async def test_every_third_answer_is_lost_for_long(tmp_path: Path, loss: dict[str, Any]) -> None:
    await lose_answers(tmp_path, SOAK_CALLS, {**loss, "every": 3}, is_lasting=True, settle_time=0.2)


def has_answered(phones: Phones, calls: int) -> bool:
    return len(phones.answered) >= calls


def one_of_some(call: int) -> str:
    """The caller of a call: one of a few strangers."""
    return stranger(call % STRANGERS)


async def lose_answers(
    folder: Path, calls: int, faults: dict[str, Any], *, is_lasting: bool = False, **promises: Any
) -> None:
    """Report calls in turn from some strangers while answers are lost; if that is lasting, until all has arrived."""
    with crm_process(folder / "crm.db") as crm:
        with serving(folder / "data", crm, **{"deadline": 0.5, **promises}) as [server]:
            await want_placeholders(server)
            crm.misbehave(**faults)
            phones = Phones("lost", one_of_some, timeout=2.0)
            await phones.ring([server], calls)
            if not is_lasting:
                crm.misbehave(**faults | {"mode": "ok"})
            logs = await settled(server, 60 + calls)
        assert len(logs) == calls
        assert_exactly_once(crm.written(), logs, [phones])
