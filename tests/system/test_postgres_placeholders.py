"""Calls of unknown callers on PostgreSQL: one statement creates the contact, and what must refuse it does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
from leadline_server.commands.update_account_settings import AccountSettingsUpdate
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.call_log_states import CallLogReason, CallLogState
from leadline_server.domain.preferences import AccountSettings, UnknownContactAction
from support.apps import ACCOUNT, Harness, open_harness
from support.postgres import PostgresServer
from support.postgres_proxy import postgres_proxy
from support.postgres_trips import counting_proxy

pytestmark = pytest.mark.system

STRANGER: Final = "+12025550147"
OTHERS: Final = [f"+1202555{number}" for number in range(1000, 1100)]
_WAITS_FOR: Final = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND wait_event = '{}'"


@pytest.fixture
async def harness(tmp_path: Path, url: str) -> AsyncIterator[Harness]:
    async with creating(tmp_path, url) as opened:
        yield opened


@asynccontextmanager
async def creating(folder: Path, url: str) -> AsyncIterator[Harness]:
    """A server whose unknown callers become placeholders."""
    async with open_harness(folder, ledger=url) as harness:
        await harness.prefer(unknown_contact_action=UnknownContactAction.CREATE_PLACEHOLDER)
        await harness.log("first", OTHERS[-1])
        yield harness


@asynccontextmanager
async def transaction(url: str) -> AsyncIterator[Any]:
    """A transaction of another process, which the body may commit."""
    connection: Any = await asyncpg.connect(url)
    try:
        await connection.execute("BEGIN")
        yield connection
    finally:
        await connection.close()


async def test_an_unknown_caller_takes_two_round_trips(tmp_path: Path, url: str) -> None:
    async with counting_proxy(url) as proxy, creating(tmp_path, proxy.url) as harness:
        for number in range(0, 36, 3):  # each connection has prepared the statements
            await asyncio.gather(*(harness.log(f"warm-{n}", OTHERS[n]) for n in range(number, number + 3)))
        costs = []
        for number in range(40, 50):  # leadline's background work may add to some of them
            before = proxy.trips
            assert (await harness.log(f"call-{number}", OTHERS[number])).reason is CallLogReason.PLACEHOLDER_CREATED
            costs.append(proxy.trips - before)
        assert min(costs) == 2, costs


async def test_the_statement_writes_all_that_a_placeholder_consists_of(url: str, harness: Harness) -> None:
    log = await harness.log("call-1", STRANGER, caller__name="Ada Lovelace")
    assert log.contact is not None
    contact = await harness.find(STRANGER)
    assert [match.contact.id for match in contact] == [log.contact.id]
    assert (contact[0].contact.name, contact[0].contact.is_placeholder) == ("Ada Lovelace", True)
    async with transaction(url) as connection:
        [[call_id, log_id, last, start]] = await connection.fetch(
            "SELECT call_id, l.id, last_activity_time, start_time FROM crm_call_logs AS l JOIN crm_contacts AS c"
            " ON (c.account_id, c.pk) = (l.account_id, l.contact) WHERE c.id = $1",
            log.contact.id,
        )
        assert (call_id, log_id, last) == ("call-1", log.crm_log_id, start)
        assert await connection.fetchval("SELECT count(*) FROM placeholders WHERE contact_id = $1", log.contact.id) == 1
        noted = "SELECT count(*) FROM audit WHERE convert_from(document, 'UTF8') LIKE '%' || $1 || '%'"
        assert await connection.fetchval(noted, log.contact.id) == 1


async def test_a_contact_that_another_server_is_creating_gets_the_call(url: str, harness: Harness) -> None:
    async with transaction(url) as other:
        lock = "SELECT pg_advisory_xact_lock(hashtextextended('number ' || $1 || '/' || $2, 0))"
        await other.execute("SELECT set_config('application_name', 'other', false)")
        await other.fetchval(lock, ACCOUNT, STRANGER)
        call = asyncio.ensure_future(harness.log("call-1", STRANGER))
        await until(other, "advisory")
        contact = (
            "INSERT INTO crm_contacts (account_id, id, name, folded_name, type, is_placeholder, details)"
            " VALUES ($1, 'c_ada', 'Ada', 'ada', 'contact', false, $2) RETURNING pk"
        )
        pk = await other.fetchval(contact, ACCOUNT, f'{{"phone_numbers":["{STRANGER}"]}}')
        number = "INSERT INTO crm_contact_numbers (account_id, key, contact) VALUES ($1, $2, $3)"
        await other.execute(number, ACCOUNT, STRANGER.removeprefix("+1"), pk)
        await other.execute("COMMIT")
        log = await call
    assert (log.reason, log.contact and log.contact.id) == (CallLogReason.CONTACT_MATCHED, "c_ada")
    assert await count(url, "placeholders") == 1  # the first one


async def test_a_preference_that_is_changed_while_the_call_waits_counts(
    tmp_path: Path, url: str, harness: Harness
) -> None:
    async with open_harness(tmp_path / "other", ledger=url) as other, transaction(url) as holder:
        await holder.fetchval("SELECT sequence FROM account_counters WHERE account_id = $1 FOR UPDATE", ACCOUNT)
        change = asyncio.ensure_future(other.prefer(unknown_contact_action=UnknownContactAction.DO_NOTHING))
        await until(holder, "transactionid")
        call = asyncio.ensure_future(harness.log("call-1", STRANGER))
        await until(holder, "tuple")
        await holder.execute("COMMIT")
        await change
        log = await call
    assert (log.state, log.reason) == (CallLogState.UNLOGGED, CallLogReason.NO_CONTACT)
    assert await count(url, "crm_contacts") == 1  # the first one


async def test_the_limit_of_an_account_holds_for_calls_at_once_of_two_servers(
    tmp_path: Path, url: str, harness: Harness
) -> None:
    async with creating(tmp_path / "other", url) as other:
        await limit(harness, 20)
        servers = (harness, other)
        logs: list[CallLog] = await asyncio.gather(
            *(servers[number % 2].log(f"call-{number}", OTHERS[number]) for number in range(60))
        )
    reasons = [log.reason for log in logs]
    assert reasons.count(CallLogReason.PLACEHOLDER_CREATED) == 19  # and the first one
    assert reasons.count(CallLogReason.PLACEHOLDER_LIMIT) == 41
    async with transaction(url) as connection:
        counted = "SELECT sum(begun)::int, sum(refused)::int FROM placeholder_counts WHERE scope = 'account'"
        assert tuple(await connection.fetchrow(counted)) == (20, 41)
    assert await count(url, "placeholders") == await count(url, "crm_contacts") == 20


async def test_calls_beyond_a_limit_are_not_tried_without_locks_again(
    tmp_path: Path, postgres: PostgresServer, url: str
) -> None:
    with postgres_proxy(postgres.port) as proxy:
        async with creating(tmp_path, proxy.url(url)) as harness:
            await limit(harness, 1)
            for number in range(2):
                tried = in_statements(proxy.trips.statements, "hold_numbers")
                assert (await harness.log(f"call-{number}", OTHERS[number])).reason is CallLogReason.PLACEHOLDER_LIMIT
            assert in_statements(proxy.trips.statements, "hold_numbers") == tried > 0


def in_statements(statements: dict[str, int], word: str) -> int:
    """How often statements with a word were run."""
    return sum(times for statement, times in statements.items() if word in statement)


async def limit(harness: Harness, placeholders: int) -> None:
    """Let the account's calls create so many placeholders an hour."""
    settings = AccountSettings(placeholder_limit_per_hour=placeholders)
    update = AccountSettingsUpdate(settings=settings, fields=("placeholder_limit_per_hour",))
    await harness.app.commands.update_account_settings.execute(await harness.account(), update)


async def count(url: str, table: str) -> int:
    """How many rows a table has."""
    async with transaction(url) as connection:
        return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))  # noqa: S608 - our own tables


async def until(connection: Any, lock: str) -> None:
    """Wait until a session waits for this kind of lock."""
    async with asyncio.timeout(30):
        while not await connection.fetchval(_WAITS_FOR.format(lock)):
            await connection.execute("SELECT pg_stat_clear_snapshot()")
            await asyncio.sleep(0.02)
