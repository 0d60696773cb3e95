"""kill -9 in the middle of work: answered calls are kept, and nothing is done twice."""

import asyncio
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
from leadline.v1 import call_log_service_pb2 as pb
from leadline.v1 import contact_service_pb2 as contacts_pb
from leadline.v1.call_log_pb2 import CallLog, CallLogState
from leadline.v1.call_log_service_pb2_grpc import CallLogServiceStub
from leadline.v1.contact_service_pb2_grpc import ContactServiceStub
from leadline.v1.preferences_service_pb2 import UpdatePreferencesRequest
from leadline.v1.preferences_service_pb2_grpc import PreferencesServiceStub
from support.databases import rows
from support.servers import ServerProcess, server_process

IN_FLIGHT = 32
KNOWN = [f"+1202555010{number}" for number in range(8)]
ANSWERS_BEFORE_KILLS = [1, 20, 60]  # from "no number has a contact yet" to "every number has"
LOGGED, PENDING = CallLogState.CALL_LOG_STATE_LOGGED, CallLogState.CALL_LOG_STATE_PENDING


class Reporter:
    """A phone system with 32 calls in flight, from known numbers and some of its own, until the server is gone."""

    def __init__(self, name: str, area: int, answers: int) -> None:
        self.name = name
        self.numbers = KNOWN + [f"+1{area}555011{number}" for number in range(8)]
        self.answers_before_kill = answers
        self.sent = 0
        self.answered: dict[str, CallLog] = {}

    async def run(self, server: ServerProcess) -> None:
        """Report calls, and kill the server in the midst of them."""
        async with grpc.aio.insecure_channel(server.address) as channel:
            lines = [asyncio.create_task(self._line(channel)) for _ in range(IN_FLIGHT)]
            while len(self.answered) < self.answers_before_kill:
                await asyncio.sleep(0)
            server.kill()
            await asyncio.gather(*lines)

    async def _line(self, channel: grpc.aio.Channel) -> None:
        stub = CallLogServiceStub(channel)
        while True:
            call_id = f"{self.name}-{self.sent}"
            call: Any = {
                "id": call_id,
                "direction": "CALL_DIRECTION_INBOUND",
                "caller": {"phone_number": self.numbers[self.sent % len(self.numbers)]},
            }
            self.sent += 1
            try:
                request = pb.LogCallRequest(account_id="demo", user_id="bob", call=call)
                self.answered[call_id] = (await stub.LogCall(request, timeout=20)).call_log
            except grpc.aio.AioRpcError:
                return


async def test_kill_9_under_load_loses_no_accepted_call_and_doubles_nothing(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    reporters = [Reporter(f"run-{i}", 202 + i, answers) for i, answers in enumerate(ANSWERS_BEFORE_KILLS)]
    with server_process(data_dir) as server:
        await prepare(server.address)
        await reporters[0].run(server)
    assert_no_half_call(data_dir, tmp_path / "killed")
    for reporter in reporters[1:]:
        with server_process(data_dir) as server:
            await reporter.run(server)
        assert_no_half_call(data_dir, tmp_path / "killed")
    with server_process(data_dir) as server:
        logs = await settled(server.address)
        matches = await found(server.address, {log.call.caller.phone_number for log in logs.values()})
    assert_nothing_lost(logs, reporters)
    assert_one_contact_a_number(logs, matches)
    assert_journal_is_exact(data_dir / "ledger.db", logs)
    assert rows(data_dir / "ledger.db", "SELECT count(*) FROM crm_contacts") == [(len(matches.keys() | set(KNOWN)),)]


async def prepare(address: str) -> None:
    """Contacts for the known numbers, placeholders for the others."""
    async with grpc.aio.insecure_channel(address) as channel:
        for number in KNOWN:
            request = contacts_pb.CreateContactRequest(account_id="demo", name=f"Owner {number}", phone_number=number)
            await ContactServiceStub(channel).CreateContact(request)
        wish: Any = {"unknown_contact_action": "UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER"}
        update = UpdatePreferencesRequest(account_id="demo", user_id="bob", preferences=wish)
        await PreferencesServiceStub(channel).UpdatePreferences(update)


async def settled(address: str) -> dict[str, CallLog]:
    """Every call log, once none is PENDING any more."""
    async with grpc.aio.insecure_channel(address) as channel, asyncio.timeout(20):
        while True:
            logs = await listed(CallLogServiceStub(channel))
            if all(log.state != PENDING for log in logs.values()):
                return logs
            await asyncio.sleep(0.05)


async def listed(stub: CallLogServiceStub) -> dict[str, CallLog]:
    logs, token = list[CallLog](), ""
    while True:
        request = pb.ListCallLogsRequest(account_id="demo", page_size=500, page_token=token)
        page = await stub.ListCallLogs(request)
        logs += page.call_logs
        if not (token := page.next_page_token):
            break
    by_id = {log.call.id: log for log in logs}
    assert len(by_id) == len(logs)
    return by_id


async def found(address: str, numbers: set[str]) -> dict[str, list[str]]:
    """The ids of the contacts of each number."""
    async with grpc.aio.insecure_channel(address) as channel:
        stub = ContactServiceStub(channel)
        requests = {
            number: contacts_pb.FindContactRequest(account_id="demo", phone_numbers=[number]) for number in numbers
        }
        return {
            number: [match.contact.id for match in (await stub.FindContact(request)).matches]
            for number, request in requests.items()
        }


def assert_no_half_call(data_dir: Path, copy: Path) -> None:
    """As the kill left the ledger: each call is logged in the CRM and recorded so, and nothing is left to recover."""
    copy.mkdir(exist_ok=True)
    for name in ("ledger.db", "ledger.db-wal"):  # a copy, since opening the file itself would recover it
        shutil.copyfile(data_dir / name, copy / name)
    with closing(sqlite3.connect(copy / "ledger.db")) as ledger:
        accepted = ledger.execute("SELECT call_id, contact_id FROM call_logs WHERE shown_state = 1").fetchall()
        logged = "SELECT l.call_id, c.id FROM crm_call_logs AS l JOIN crm_contacts AS c ON c.pk = l.contact"
        assert sorted(accepted) == sorted(ledger.execute(logged).fetchall())
        for nothing in ("call_logs WHERE shown_state <> 1 OR next_attempt_time IS NOT NULL", "claims"):
            assert ledger.execute(f"SELECT count(*) FROM {nothing}").fetchall() == [(0,)]  # noqa: S608 - our words


def assert_nothing_lost(logs: dict[str, CallLog], reporters: list[Reporter]) -> None:
    """Every answered call is there, logged, and under the ids of its answer. Every call that is there was reported."""
    answered = {call_id: answer for reporter in reporters for call_id, answer in reporter.answered.items()}
    reported = {f"{reporter.name}-{number}" for reporter in reporters for number in range(reporter.sent)}
    assert answered.keys() <= logs.keys() <= reported
    assert {log.state for log in logs.values()} == {LOGGED}
    for call_id, answer in answered.items():
        if answer.state == LOGGED:
            assert (logs[call_id].crm_log_id, logs[call_id].contact.id) == (answer.crm_log_id, answer.contact.id)


def assert_one_contact_a_number(logs: dict[str, CallLog], matches: dict[str, list[str]]) -> None:
    assert {len(ids) for ids in matches.values()} == {1}
    for log in logs.values():
        assert [log.contact.id] == matches[log.call.caller.phone_number]


def assert_journal_is_exact(database: Path, logs: dict[str, CallLog]) -> None:
    """In the CRM: each call once, under the id that leadline tells, against the contact that it tells; nothing else."""
    journal = rows(
        database, "SELECT l.call_id, l.id, c.id FROM crm_call_logs AS l JOIN crm_contacts AS c ON c.pk = l.contact"
    )
    assert Counter(journal) == Counter((log.call.id, log.crm_log_id, log.contact.id) for log in logs.values())
    assert rows(database, "SELECT count(*) FROM crm_call_logs") == [(len(logs),)]
