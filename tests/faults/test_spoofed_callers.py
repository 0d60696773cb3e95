"""Spoofed callers at several servers on one ledger: contacts exactly within the limit, and an undo of exactly them."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from faults.http_crm.phones import report, settled, stranger, want_placeholders
from faults.http_crm.process import crm_process
from faults.http_crm.stage import serving
from leadline import AsyncClient
from leadline.v1.call_log_pb2 import CallLogReason
from leadline.v1.call_log_service_pb2_grpc import CallLogServiceStub
from leadline.v1.placeholder_service_pb2 import PLACEHOLDER_STATE_TOUCHED, PLACEHOLDER_STATE_UNTOUCHED
from leadline.v1.preferences_pb2 import UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER, AccountSettings, Preferences
from leadline.v1.preferences_service_pb2 import UpdateAccountSettingsRequest
from leadline.v1.preferences_service_pb2_grpc import PreferencesServiceStub
from support.clusters import cluster
from support.databases import rows
from support.ledgers import each_ledger

pytestmark = each_ledger

SERVERS = 3
AT_ONCE = 32
SECONDS = A_MINUTE = 60.0
_HOUR = 3600


@dataclass(frozen=True)
class Flood:
    """The answers of the servers."""

    reasons: Counter[str]
    seconds: float


@pytest.mark.asyncio
async def test_300_spoofed_callers_over_3_servers(tmp_path: Path) -> None:
    await flood_and_undo(tmp_path, calls=300, limit=100)


@pytest.mark.asyncio
@pytest.mark.soak
async def test_10_000_spoofed_callers_over_3_servers(tmp_path: Path) -> None:
    flood = await flood_and_undo(tmp_path, calls=10_000, limit=200)
    assert flood.seconds < A_MINUTE


async def flood_and_undo(folder: Path, calls: int, limit: int) -> Flood:
    """Report `calls` calls of different strangers, and undo the placeholders that no one touched."""
    database = folder / "data" / "ledger.db"
    with cluster(folder / "data", SERVERS) as servers:
        clients = [AsyncClient(server.address, account="demo", user="alice", timeout=SECONDS) for server in servers]
        await _not_at_the_end_of_an_hour(SECONDS if calls <= limit * 3 else 3 * SECONDS)
        wish = Preferences(unknown_contact_action=UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER)
        settings = AccountSettings(defaults=wish, placeholder_limit_per_hour=limit)
        await clients[0].update_account_settings(settings)
        before = {row[0] for row in rows(database, "SELECT id FROM crm_contacts")}
        flood = await _flood(clients, calls)
        assert flood.reasons == {"PLACEHOLDER_CREATED": limit, "PLACEHOLDER_LIMIT": calls - limit}
        made = {row[0] for row in rows(database, "SELECT id FROM crm_contacts")} - before
        assert len(made) == limit
        assert sum(server.stderr.count("limit of placeholders reached") for server in servers) == 1
        await _undo_all_but_one(clients[1], made)
        assert {row[0] for row in rows(database, "SELECT id FROM crm_contacts")} - before == {min(made)}
        for client in clients:
            await client.close()
    return flood


async def _not_at_the_end_of_an_hour(seconds: float) -> None:
    left = _HOUR - time.time() % _HOUR
    if left < seconds:
        await asyncio.sleep(left)


async def _flood(clients: list[AsyncClient], calls: int) -> Flood:
    reasons = Counter[str]()
    waiting = iter(range(calls))

    async def send(client: AsyncClient) -> None:
        for index in waiting:
            log = await client.log_call(
                id=f"spoofed-{index}", direction="INBOUND", caller=f"+1{2_025_550_000 + index * 7:010}"
            )
            reasons[CallLogReason.Name(log.reason).removeprefix("CALL_LOG_REASON_")] += 1

    began = time.monotonic()
    await asyncio.gather(*(send(clients[index % len(clients)]) for index in range(AT_ONCE)))
    return Flood(reasons, time.monotonic() - began)


async def _undo_all_but_one(client: AsyncClient, made: set[str]) -> None:
    """A person uses one of the placeholders for a call. The undo removes the others, and marks their calls."""
    used = min(made)
    await client.log_call(id="by hand", direction="INBOUND", caller="+12015550100", contact_id=used)
    listed = [one.contact_id async for one in client.list_placeholders(page_size=100)]
    assert sorted(listed) == sorted(made)
    for contact_id in listed:
        answer = await client.remove_placeholder(contact_id)
        expected = PLACEHOLDER_STATE_TOUCHED if contact_id == used else PLACEHOLDER_STATE_UNTOUCHED
        assert answer.state == expected, answer
    logs = [log async for log in client.list_call_logs(reasons=["CONTACT_REMOVED"], page_size=200)]
    assert len(logs) == len(made) - 1


@pytest.mark.asyncio
async def test_a_crash_between_the_reservation_and_the_creation_keeps_the_room_for_that_call(tmp_path: Path) -> None:
    with (
        crm_process(tmp_path / "crm.db") as crm,
        serving(tmp_path / "data", crm, size=2, settle_time=0.5, deadline=20.0) as (dying, living),
    ):
        await _not_at_the_end_of_an_hour(SECONDS)
        async with grpc.aio.insecure_channel(living.address) as channel:
            stub = CallLogServiceStub(channel)
            await want_placeholders(living)
            await _limit(channel, 1)
            crm.misbehave(mode="hang", only="writes")
            async with grpc.aio.insecure_channel(dying.address) as other:
                await CallLogServiceStub(other).LogCall(report("first", stranger(1)), timeout=1.0)
            assert rows(tmp_path / "data" / "ledger.db", "SELECT begun FROM placeholder_counts") == [(1,)]
            dying.kill()
            dying.wait()
            crm.recover()
            second = (await stub.LogCall(report("second", stranger(2)), timeout=SECONDS)).call_log
            assert CallLogReason.Name(second.reason) == "CALL_LOG_REASON_PLACEHOLDER_LIMIT"
        logs = await settled(living)
        assert CallLogReason.Name(logs["first"].reason) == "CALL_LOG_REASON_PLACEHOLDER_CREATED"
        assert sum(map(len, crm.written().contacts.values())) == 1


async def _limit(channel: grpc.aio.Channel, per_hour: int) -> None:
    settings = AccountSettings(placeholder_limit_per_hour=per_hour)
    request = UpdateAccountSettingsRequest(account_id="demo", settings=settings)
    await PreferencesServiceStub(channel).UpdateAccountSettings(request)
