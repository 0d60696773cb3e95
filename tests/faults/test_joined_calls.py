"""Calls of one conversation, reported to several servers at once and through kill -9: one log in the CRM."""

import asyncio
from pathlib import Path
from typing import Any

import grpc
from fakes.written import Written
from faults.http_crm.phones import ACCOUNT, LOGGED, settled, stranger, want_placeholders
from faults.http_crm.process import crm_process
from faults.http_crm.stage import serving
from leadline.v1 import call_log_service_pb2 as pb
from leadline.v1.call_log_pb2 import CallLog
from leadline.v1.call_log_service_pb2_grpc import CallLogServiceStub
from leadline.v1.preferences_pb2 import AccountSettings
from leadline.v1.preferences_service_pb2 import UpdateAccountSettingsRequest
from leadline.v1.preferences_service_pb2_grpc import PreferencesServiceStub
from support.ledgers import each_ledger, ledger_of
from support.servers import ServerProcess, leadline

pytestmark = each_ledger

AGENTS = 20
CONVERSATIONS = 5
SECONDS = 20.0


async def join_calls(server: ServerProcess) -> None:
    settings = AccountSettings(join_linked_calls=True)
    async with grpc.aio.insecure_channel(server.address) as channel:
        await PreferencesServiceStub(channel).UpdateAccountSettings(
            UpdateAccountSettingsRequest(account_id=ACCOUNT, settings=settings)
        )


def leg(conversation: int, agent: int) -> pb.LogCallRequest:
    """The report of one agent whose phone rings in a conversation with one stranger."""
    call: Any = {
        "id": f"{conversation}.{agent}",
        "linked_id": f"{conversation}.1",
        "direction": "CALL_DIRECTION_INBOUND",
        "caller": {"phone_number": stranger(conversation)},
        "callee": {"extension": str(100 + agent)},
        "start_time": {"seconds": 1_772_600_000},
    }
    return pb.LogCallRequest(account_id=ACCOUNT, user_id="bob", call=call)


async def ring(servers: list[ServerProcess]) -> set[str]:
    """Ring all agents of all conversations at once, in turn at each of the servers; the calls that were accepted."""
    channels = [grpc.aio.insecure_channel(server.address) for server in servers]
    stubs = [CallLogServiceStub(channel) for channel in channels]
    accepted = set[str]()

    async def report(conversation: int, agent: int) -> None:
        request = leg(conversation, agent)
        try:
            await stubs[agent % len(stubs)].LogCall(request, timeout=SECONDS)
        except grpc.aio.AioRpcError:
            return
        accepted.add(request.call.id)

    legs = [(conversation, agent) for agent in range(1, AGENTS + 1) for conversation in range(CONVERSATIONS)]
    await asyncio.gather(*(report(*each) for each in legs))
    await asyncio.gather(*(channel.close() for channel in channels))
    return accepted


def assert_joined(logs: dict[str, CallLog], written: Written, accepted: set[str]) -> None:
    """One log for each conversation with all the calls that were accepted, and no other log in the CRM."""
    found = [call_id for log in logs.values() for call_id in (log.call.id, *log.linked_call_ids)]
    assert len(found) == len(set(found))
    assert accepted <= set(found)
    assert len(logs) == CONVERSATIONS
    assert {log.state for log in logs.values()} == {LOGGED}
    in_crm = [body["id"] for bodies in written.logs.values() for body in bodies]
    assert sorted(in_crm) == sorted(log.crm_log_id for log in logs.values())
    assert {len(ids) for ids in written.contacts.values()} == {1}


async def test_agents_that_ring_at_several_servers_have_one_log(tmp_path: Path) -> None:
    with crm_process(tmp_path / "crm.db") as crm, serving(tmp_path / "data", crm, size=3) as servers:
        await want_placeholders(servers[0])
        await join_calls(servers[0])
        accepted = await ring(servers)
        assert len(accepted) == AGENTS * CONVERSATIONS
        logs = await settled(servers[-1])
        assert logs.keys() == {f"{number}.1" for number in range(CONVERSATIONS)}
        assert_joined(logs, crm.written(), accepted)
    if ledger_of(tmp_path / "data"):
        return  # a database checks its own rows
    checked = leadline("ledger", "check", settings={"LEADLINE_DATA_DIR": str(tmp_path / "data")})
    assert checked.returncode == 0, checked.stdout


async def test_a_server_that_is_killed_while_agents_ring_loses_no_leg_and_doubles_no_log(tmp_path: Path) -> None:
    with crm_process(tmp_path / "crm.db") as crm:
        with serving(tmp_path / "data", crm, size=2, settle_time=1.0) as [first, second]:
            await want_placeholders(first)
            await join_calls(first)
            crm.misbehave(latency=0.05)
            ringing = asyncio.create_task(ring([first, second]))
            await asyncio.sleep(0.15)  # the kill comes while reports and deliveries are on their way
            first.kill()
            accepted = await ringing
            crm.recover()
            logs = await settled(second)
        assert len(accepted) < AGENTS * CONVERSATIONS, "the kill came too late"
        assert_joined(logs, crm.written(), accepted)
