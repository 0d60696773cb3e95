"""Calls of an account with the embedded CRM on PostgreSQL: one transaction for each, with no lease and no claim."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from leadline_server.domain.call_log import FINAL_WAIT, CallLog
from leadline_server.domain.call_log_states import CallLogReason, CallLogState, LogTrigger
from leadline_server.domain.errors import ContactAlreadyExists, ContactNotFound, RequestIdReused
from leadline_server.domain.preferences import MultipleMatchAction, UnknownContactAction
from support.apps import Harness, open_harness
from support.postgres import PostgresServer
from support.postgres_trips import counting_proxy

pytestmark = pytest.mark.system

ADA, BO = "+12025550101", "+12025550102"
GUARDS = """
    CREATE FUNCTION refused() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'a lease or a claim was written'; END $$;
    CREATE TRIGGER no_claim BEFORE INSERT ON claims EXECUTE FUNCTION refused();
    CREATE TRIGGER no_lease BEFORE INSERT OR UPDATE ON call_logs FOR EACH ROW
    WHEN (position('"lease_owner":' IN convert_from(NEW.body, 'UTF8')) > 0) EXECUTE FUNCTION refused();
"""
"""Each is a defect of the flow that it forbids."""


@pytest.fixture
def url(url: str, postgres: PostgresServer) -> str:
    """The address of a ledger that takes no lease of a call and no claim on a number."""
    postgres.sql(GUARDS, url.rpartition("/")[2])
    return url


@pytest.fixture
async def guarded(tmp_path: Path, url: str) -> AsyncIterator[Harness]:
    async with open_harness(tmp_path, ledger=url) as harness:
        yield harness


async def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def test_a_known_caller_an_update_and_a_repetition(url: str, guarded: Harness) -> None:
    await guarded.create("Ada", ADA)
    first = await guarded.log("call-1", ADA)
    assert (first.state, first.reason) == (CallLogState.LOGGED, CallLogReason.CONTACT_MATCHED)
    assert await guarded.log("call-1", ADA) == first
    updated = await guarded.log("call-1", ADA, note="Called back")
    assert (updated.crm_log_id, updated.update_pending) == (first.crm_log_id, False)
    assert await rows(url, "SELECT call_id, note FROM crm_call_logs") == [("call-1", "Called back")]
    assert await rows(url, "SELECT last_activity_time IS NOT NULL FROM crm_contacts") == [(True,)]


async def test_many_calls_at_once_are_all_logged(url: str, guarded: Harness) -> None:
    await guarded.create("Ada", ADA)
    await guarded.create("Bo", BO)
    logs = await asyncio.gather(*(guarded.log(f"call-{number}", (ADA, BO)[number % 2]) for number in range(60)))
    assert {log.state for log in logs} == {CallLogState.LOGGED}
    assert await rows(url, "SELECT count(*), count(DISTINCT contact) FROM crm_call_logs") == [(60, 2)]
    assert await rows(url, "SELECT sequence - pruned_through FROM account_counters WHERE account_id = 'demo'") == [
        (60,)
    ]


async def test_one_stranger_gets_one_contact_and_one_call_one_log_across_servers(tmp_path: Path, url: str) -> None:
    async with open_harness(tmp_path / "1", ledger=url) as one, open_harness(tmp_path / "2", ledger=url) as other:
        await one.prefer(unknown_contact_action=UnknownContactAction.CREATE_PLACEHOLDER)
        servers = (one, other)
        for each in range(3):
            calls = [servers[n % 2].log(f"call-{each}-{n}", f"+1202555016{each}") for n in range(20)]
            same = [servers[n % 2].log(f"same-{each}", f"+1202555016{each}") for n in range(20)]
            logs: list[CallLog] = await asyncio.gather(*calls, *same)
            assert {log.state for log in logs} == {CallLogState.LOGGED}
            reasons = [log.reason for log in logs if log.call.id.startswith("call")]
            assert reasons.count(CallLogReason.PLACEHOLDER_CREATED) <= 1
    assert await rows(url, "SELECT count(*) FROM crm_contacts") == [(3,)]
    assert await rows(url, "SELECT count(*), count(DISTINCT contact) FROM crm_call_logs") == [(63, 3)]
    assert await rows(url, "SELECT count(*) FROM placeholders") == [(3,)]
    assert await rows(url, "SELECT sum(begun)::int FROM placeholder_counts WHERE scope = 'account'") == [(3,)]


async def test_a_contact_that_is_created_while_a_stranger_calls_is_one(tmp_path: Path, url: str) -> None:
    async with open_harness(tmp_path / "1", ledger=url) as one, open_harness(tmp_path / "2", ledger=url) as other:
        await one.prefer(unknown_contact_action=UnknownContactAction.CREATE_PLACEHOLDER)
        for each in range(10):
            number = f"+1202555017{each}"
            await asyncio.gather(one.create("Ada", number), other.log(f"call-{each}", number), return_exceptions=True)
    assert await rows(url, "SELECT count(*) FROM crm_contacts") == [(10,)]
    assert await rows(url, "SELECT count(*) FROM crm_call_logs") == [(10,)]


async def test_a_move_by_hand_and_a_retry(url: str, guarded: Harness) -> None:
    for name in ("Ada", "Augusta"):
        chosen = await guarded.create(name, ADA, allow_duplicate=True)
    several = await guarded.log("call-1", ADA)
    assert (several.state, several.reason) == (CallLogState.UNLOGGED, CallLogReason.SEVERAL_CONTACTS)
    await guarded.prefer(multiple_match_action=MultipleMatchAction.FIRST_ALPHABETICAL)
    assert (await guarded.retry("call-1")).reason is CallLogReason.MATCH_RESOLVED
    moved = await guarded.log("call-1", ADA, contact_id=chosen.id, trigger=LogTrigger.MANUAL)
    assert (moved.reason, moved.contact and moved.contact.id) == (CallLogReason.CONTACT_CHOSEN, chosen.id)
    found = "SELECT c.id FROM crm_call_logs AS l JOIN crm_contacts AS c ON c.pk = l.contact"
    assert await rows(url, found) == [(chosen.id,)]


async def test_a_call_that_waits_to_be_final_is_decided_by_the_timer(guarded: Harness) -> None:
    await guarded.create("Ada", ADA)
    await guarded.prefer(wait_until_final=True)
    assert (await guarded.log("call-1", ADA)).reason is CallLogReason.NOT_FINAL
    guarded.clock.advance(FINAL_WAIT + timedelta(seconds=1))
    logged = await guarded.settled("call-1", lambda log: log.state is CallLogState.LOGGED)
    assert logged.reason is CallLogReason.CONTACT_MATCHED


async def test_a_request_id_is_answered_once(guarded: Harness) -> None:
    request = "0b8f3f1e-4c7e-4b8e-9f0e-4f6f0a1d2c3b"
    made = await asyncio.gather(*(guarded.create("Ada", ADA, request_id=request) for _ in range(8)))
    assert len({contact.id for contact in made}) == 1
    with pytest.raises(RequestIdReused):
        await guarded.create("Bo", BO, request_id=request)
    with pytest.raises(ContactAlreadyExists):
        await guarded.create("Ada", ADA)


async def test_a_preview_and_a_refused_report_write_nothing(url: str, guarded: Harness) -> None:
    ada = await guarded.create("Ada", ADA)
    seen = await guarded.log("call-1", ADA, validate_only=True)
    assert (seen.state, seen.contact and seen.contact.id) == (CallLogState.LOGGED, ada.id)
    with pytest.raises(ContactNotFound):
        await guarded.log("call-1", ADA, contact_id="c_nobody")
    assert await rows(url, "SELECT count(*) FROM call_logs") == [(0,)]


async def test_a_preference_that_another_server_changed_counts_for_the_next_call(tmp_path: Path, url: str) -> None:
    async with open_harness(tmp_path / "1", ledger=url) as one, open_harness(tmp_path / "2", ledger=url) as other:
        await one.create("Ada", ADA)
        for each in range(10):
            await one.log(f"before-{each}", ADA)
            await other.prefer(wait_until_final=each % 2 == 0)
            state = (await one.log(f"after-{each}", ADA)).state
            assert state is (CallLogState.PENDING if each % 2 == 0 else CallLogState.LOGGED)


async def test_a_contact_that_is_deleted_meanwhile_gets_no_call(url: str, guarded: Harness) -> None:
    await guarded.create("Ada", ADA)
    await guarded.log("call-1", ADA)
    await rows(url, "DELETE FROM crm_contacts RETURNING 1")
    assert await rows(url, "SELECT contact FROM crm_call_logs") == [(None,)]
    assert (await guarded.log("call-2", ADA)).reason is CallLogReason.NO_CONTACT
    assert await rows(url, "SELECT count(*) FROM crm_contact_numbers") == [(0,)]


async def test_a_known_call_takes_two_round_trips_and_an_update_one(tmp_path: Path, url: str) -> None:
    async with counting_proxy(url) as proxy, open_harness(tmp_path, ledger=proxy.url) as harness:
        await warmed(harness)
        known, updated = [], []
        for number in range(5):  # leadline's background work may add to some of them
            call, before = f"known-{number}", proxy.trips
            assert (await harness.log(call, ADA)).state is CallLogState.LOGGED
            known.append(proxy.trips - before)
            before = proxy.trips
            assert (await harness.log(call, ADA, note="Called back")).call.note == "Called back"
            updated.append(proxy.trips - before)
        assert (min(known), min(updated)) == (2, 1), (known, updated)
    assert await rows(url, "SELECT count(*) FROM crm_call_logs WHERE note = 'Called back'") == [(5,)]


async def test_an_update_of_a_call_that_another_server_wrote_takes_four_round_trips(tmp_path: Path, url: str) -> None:
    async with (
        counting_proxy(url) as proxy,
        open_harness(tmp_path / "1", ledger=proxy.url) as one,
        open_harness(tmp_path / "2", ledger=url) as other,
    ):
        await warmed(one)
        costs = []
        for number in range(8):  # its first ones prepare statements
            await other.log(f"known-{number}", ADA)
            before = proxy.trips
            updated = await one.log(f"known-{number}", ADA, note="Called back")
            costs.append(proxy.trips - before)
            assert (updated.state, updated.update_pending) == (CallLogState.LOGGED, False)
        assert min(costs) == 4, costs  # its lookup, a refused statement, the call as it is, and the statement
    assert await rows(url, "SELECT count(*) FROM crm_call_logs WHERE note = 'Called back'") == [(8,)]


async def test_an_update_of_a_log_that_people_have_moved_leaves_it_there(url: str, guarded: Harness) -> None:
    await guarded.create("Ada", ADA)
    bo = await guarded.create("Bo", BO)
    await guarded.log("call-1", ADA)
    await rows(url, "UPDATE crm_call_logs SET contact = (SELECT pk FROM crm_contacts WHERE name = 'Bo') RETURNING 1")
    updated = await guarded.log("call-1", ADA, note="Called back")
    assert (updated.state, updated.contact and updated.contact.id) == (CallLogState.LOGGED, bo.id)
    found = "SELECT c.id, l.note FROM crm_call_logs AS l JOIN crm_contacts AS c ON c.pk = l.contact"
    assert await rows(url, found) == [(bo.id, "Called back")]


async def test_new_calls_and_updates_that_come_together_share_their_contacts(url: str, guarded: Harness) -> None:
    await guarded.create("Ada", ADA)
    for number in range(10):
        await guarded.log(f"old-{number}", ADA)
    await asyncio.gather(
        *(guarded.log(f"old-{number}", ADA, note="Called back") for number in range(10)),
        *(guarded.log(f"new-{number}", ADA) for number in range(10)),
    )
    assert await rows(url, "SELECT count(*), count(note) FROM crm_call_logs WHERE contact IS NOT NULL") == [(20, 10)]


async def warmed(harness: Harness) -> None:
    """Ada is there, and each connection has prepared the statements."""
    await harness.create("Ada", ADA)
    for number in range(12):
        await asyncio.gather(*(harness.log(f"warm-{number}-{n}", ADA) for n in range(3)))
        await asyncio.gather(*(harness.log(f"warm-{number}-{n}", ADA, note="Again") for n in range(3)))
