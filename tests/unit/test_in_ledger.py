"""Calls of an account whose CRM lives in the ledger: one transaction for each, with no lease and no claim."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from leadline_server.crm.embedded import database as crm_tables
from leadline_server.crm.embedded import journal
from leadline_server.crm.embedded.tables import NewLog
from leadline_server.domain.call_log import FINAL_WAIT
from leadline_server.domain.call_log_states import CallLogReason, CallLogState, LogTrigger
from leadline_server.domain.crm_errors import CrmRejected
from leadline_server.domain.errors import ContactAlreadyExists, ContactNotFound, InvalidRequest, RequestIdReused
from leadline_server.domain.preferences import MultipleMatchAction, UnknownContactAction
from leadline_server.ledger.sqlite.transactions import finished
from leadline_server.ports.crm import CrmLog
from structlog.testing import capture_logs
from support.apps import Harness, open_harness
from support.databases import rows, write_lock

ADA, BO = "+12025550101", "+12025550102"

# Each statement is a defect of the flow that it forbids: the transaction that would store a lease fails.
GUARDS = (
    "CREATE TRIGGER no_claim BEFORE INSERT ON claims BEGIN SELECT RAISE(ABORT, 'a claim was written'); END",
    *(
        f"CREATE TRIGGER no_lease_{event} BEFORE {event} ON call_logs"
        """ WHEN instr(CAST(NEW.body AS TEXT), '"lease_owner":') > 0"""  # empty, it is not written
        " BEGIN SELECT RAISE(ABORT, 'a lease was written'); END"
        for event in ("INSERT", "UPDATE")
    ),
)


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[Harness]:
    """A service on a ledger that takes no lease of a call and no claim on a number."""
    async with open_harness(tmp_path):
        pass
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as connection:
        for guard in GUARDS:
            connection.execute(guard)
    async with open_harness(tmp_path) as harness:
        yield harness


async def test_the_guards_see_a_lease_and_a_claim(tmp_path: Path, guarded: Harness) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as connection:
        with pytest.raises(sqlite3.IntegrityError, match="a claim was written"):
            connection.execute("INSERT INTO claims (account_id, number_key) VALUES ('demo', '1')")
        await guarded.log("call-1")
        with pytest.raises(sqlite3.IntegrityError, match="a lease was written"):
            connection.execute("""UPDATE call_logs SET body = '{"lease_owner":"a1"}'""")


async def test_a_known_caller_an_update_and_a_repetition(tmp_path: Path, guarded: Harness) -> None:
    await guarded.create("Ada", ADA)
    first = await guarded.log("call-1", ADA)
    assert (first.state, first.reason) == (CallLogState.LOGGED, CallLogReason.CONTACT_MATCHED)
    assert await guarded.log("call-1", ADA) == first
    updated = await guarded.log("call-1", ADA, note="Called back")
    assert (updated.crm_log_id, updated.update_pending) == (first.crm_log_id, False)
    assert rows(tmp_path / "ledger.db", "SELECT call_id, note FROM crm_call_logs") == [("call-1", "Called back")]


async def test_an_unknown_caller_gets_one_placeholder_however_many_call(tmp_path: Path, guarded: Harness) -> None:
    await guarded.prefer(unknown_contact_action=UnknownContactAction.CREATE_PLACEHOLDER)
    logs = await asyncio.gather(*(guarded.log(f"call-{number}") for number in range(20)))
    assert {log.state for log in logs} == {CallLogState.LOGGED}
    reasons = sorted(log.reason or 0 for log in logs)
    assert reasons == [CallLogReason.PLACEHOLDER_CREATED] + [CallLogReason.PLACEHOLDER_REUSED] * 19
    ledger = tmp_path / "ledger.db"
    assert rows(ledger, "SELECT count(*) FROM crm_contacts") == [(1,)]
    assert rows(ledger, "SELECT count(*) FROM placeholders") == [(1,)]
    assert rows(ledger, "SELECT scope, begun FROM placeholder_counts WHERE begun") == [("account", 1)]


async def test_a_placeholder_that_the_crm_refuses_takes_no_room_from_the_limits(
    tmp_path: Path, guarded: Harness
) -> None:
    create = UnknownContactAction.CREATE_PLACEHOLDER
    await guarded.prefer(unknown_contact_action=create, placeholder_contact_type="wizard")
    refused = await guarded.log("call-1")
    assert (refused.state, refused.reason) == (CallLogState.FAILED, CallLogReason.CRM_REJECTED)
    ledger = tmp_path / "ledger.db"
    assert rows(ledger, "SELECT count(*) FROM crm_contacts") == [(0,)]
    assert rows(ledger, "SELECT scope, begun FROM placeholder_counts WHERE begun") == []


async def test_with_a_rate_limit_calls_are_delivered_later_and_once(tmp_path: Path) -> None:
    async with open_harness(tmp_path, account_rate=20.0) as harness:
        await harness.prefer(unknown_contact_action=UnknownContactAction.CREATE_PLACEHOLDER)
        await asyncio.gather(*(harness.log(f"call-{number}", seconds=1.0) for number in range(20)))
        for number in range(20):
            await harness.settled(f"call-{number}", lambda log: log.state is CallLogState.LOGGED)
    ledger = tmp_path / "ledger.db"
    assert rows(ledger, "SELECT count(*) FROM crm_contacts") == [(1,)]
    assert rows(ledger, "SELECT count(*), count(DISTINCT call_id) FROM crm_call_logs") == [(20, 20)]


async def test_a_move_by_hand_and_a_retry(tmp_path: Path, guarded: Harness) -> None:
    for name in ("Ada", "Augusta"):
        chosen = await guarded.create(name, ADA, allow_duplicate=True)
    several = await guarded.log("call-1", ADA)
    assert (several.state, several.reason) == (CallLogState.UNLOGGED, CallLogReason.SEVERAL_CONTACTS)
    assert (await guarded.retry("call-1")).reason is CallLogReason.SEVERAL_CONTACTS
    await guarded.prefer(multiple_match_action=MultipleMatchAction.FIRST_ALPHABETICAL)
    assert (await guarded.retry("call-1")).reason is CallLogReason.MATCH_RESOLVED
    moved = await guarded.log("call-1", ADA, contact_id=chosen.id, trigger=LogTrigger.MANUAL)
    assert (moved.reason, moved.contact and moved.contact.id) == (CallLogReason.CONTACT_CHOSEN, chosen.id)
    found = "SELECT c.id FROM crm_call_logs AS l JOIN crm_contacts AS c ON c.pk = l.contact"
    assert rows(tmp_path / "ledger.db", found) == [(chosen.id,)]


async def test_a_call_that_waits_to_be_final_is_decided_by_the_timer(guarded: Harness) -> None:
    await guarded.create("Ada", ADA)
    await guarded.prefer(wait_until_final=True)
    waiting = await guarded.log("call-1", ADA)
    assert (waiting.state, waiting.reason) == (CallLogState.PENDING, CallLogReason.NOT_FINAL)
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
    with pytest.raises(ContactAlreadyExists):
        await guarded.create("Ada", ADA, request_id=request.upper())
    twice = [await guarded.create("Ada", ADA, request_id=request[::-1], allow_duplicate=True) for _ in range(2)]
    assert twice[0] == twice[1]
    assert len(await guarded.find(ADA)) == 2


async def test_a_refused_report_is_undone_alone(tmp_path: Path, guarded: Harness) -> None:
    await guarded.create("Ada", ADA)
    answers = await asyncio.gather(
        *(guarded.log(f"call-{number}", ADA) for number in range(8)),
        guarded.log("mistaken", ADA, contact_id="c_nobody"),
        guarded.log("undirected", ADA, direction=None),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers[8:]] == [ContactNotFound, InvalidRequest]
    logged = {f"call-{number}" for number in range(8)}
    assert {call_id for (call_id,) in rows(tmp_path / "ledger.db", "SELECT call_id FROM call_logs")} == logged
    assert {call_id for (call_id,) in rows(tmp_path / "ledger.db", "SELECT call_id FROM crm_call_logs")} == logged


async def test_a_preview_needs_no_write_lock(tmp_path: Path, guarded: Harness) -> None:
    ada = await guarded.create("Ada", ADA)
    with write_lock(tmp_path / "ledger.db"):
        seen = await guarded.log("call-1", ADA, validate_only=True)
        assert (seen.state, seen.contact and seen.contact.id) == (CallLogState.LOGGED, ada.id)
        with pytest.raises(ContactNotFound):
            await guarded.log("call-1", ADA, contact_id="c_nobody", validate_only=True)
    assert rows(tmp_path / "ledger.db", "SELECT count(*) FROM call_logs") == [(0,)]


async def test_a_failure_that_no_adapter_should_have_is_stored_with_its_call_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_harness(tmp_path) as harness:
        await harness.create("Ada", ADA)
        insert = journal.insert_log

        def fails(
            connection: sqlite3.Connection, log: NewLog, place: tuple[int, int] | None = None
        ) -> CrmLog | CrmRejected:
            if log.key.endswith("call-bad"):
                connection.execute("UPDATE crm_contacts SET name = 'half a change'")
                raise RuntimeError("a defect of the adapter")
            return insert(connection, log, place)

        with capture_logs() as told, monkeypatch.context() as broken:
            broken.setattr(crm_tables, "insert_log", fails)
            broken.setattr(journal, "insert_log", fails)
            logs = await asyncio.gather(*(harness.log(f"call-{name}", ADA) for name in ("1", "bad", "2")))
        assert [log.state.name for log in logs] == ["LOGGED", "PENDING", "LOGGED"]
        assert "delivery failed in the ledger" in [line["event"] for line in told]
        assert [match.contact.name for match in await harness.find(ADA)] == ["Ada"]
        await harness.retry("call-bad")
        assert (await harness.get("call-bad")).state is CallLogState.LOGGED


def test_a_transaction_never_waits() -> None:
    async def turns() -> int:
        await asyncio.sleep(0)
        return 1

    async def waits() -> None:
        await asyncio.get_running_loop().create_future()

    async def drives() -> None:
        assert finished(turns()) == 1
        with pytest.raises(RuntimeError, match="waited for something else"):
            finished(waits())

    asyncio.run(drives())
