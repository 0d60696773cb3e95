"""ExportAccount: everything of the account, page by page, from both ledgers, and nothing of another account."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from google.protobuf.timestamp_pb2 import Timestamp
from leadline.admin.v1 import account_service_pb2 as pb
from leadline.v1.call_log_service_pb2 import LogCallRequest
from leadline.v1.call_pb2 import Call
from leadline.v1.contact_service_pb2 import CreateContactRequest
from leadline_server.commands.keys import KeyWish
from leadline_server.crm.embedded.contents import LOGS, ROWS
from leadline_server.domain.access.principals import EVERYONE, Role
from support.admin import NUMBER, Administered, administered
from support.ledgers import each_ledger, in_files_only

pytestmark = each_ledger

REPORTED: dict[str, Any] = {
    "id": "c1",
    "linked_id": "conversation",
    "direction": "CALL_DIRECTION_INBOUND",
    "caller": {"phone_number": NUMBER, "name": "ADA L"},
    "callee": {"extension": "101"},
    "start_time": "2026-11-02T09:00:00.5Z",
    "answer_time": "2026-11-02T09:00:04Z",
    "end_time": "2026-11-02T09:03:04Z",
    "result": "CALL_RESULT_ANSWERED",
    "disposition": "Interested",
    "subject": "A call",
    "note": "Asked for \u2192 a quote\nand a date",
    "recording_url": "https://pbx.example/1.wav",
    "summary": "short",
    "transcript": "long",
    "attestation": "ATTESTATION_A",
    "attributes": {"queue": "sales"},
}


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Administered]:
    async with administered(tmp_path) as server:
        yield server


async def export(served: Administered, account_id: str = "acme") -> dict[str, list[Any]]:
    """The items of an export by their kind."""
    found: dict[str, list[Any]] = {}
    async for item in served.accounts.ExportAccount(pb.ExportAccountRequest(account_id=account_id)):
        kind = item.WhichOneof("item")
        found.setdefault(kind, []).append(getattr(item, kind))
    return found


def _seconds(time: Timestamp) -> float:
    return time.seconds + time.nanos / 1e9


async def create(served: Administered, name: str, number: str, account_id: str = "acme") -> None:
    await served.contacts.CreateContact(
        CreateContactRequest(account_id=account_id, user_id="alice", name=name, phone_number=number)
    )


async def test_contacts_and_logs_of_several_pages_are_each_there_once_and_those_of_others_are_not(
    served: Administered,
) -> None:
    await served.create()
    await served.create("other")
    await create(served, "Not Ours", NUMBER, "other")
    await served.log("theirs", "other")
    names = [f"Person {number % 7}" for number in range(ROWS + 3)]  # many of one name
    for place, name in enumerate(names):
        await create(served, name, f"+1202556{place:04}")
    await create(served, "Ada", NUMBER)
    calls = [f"call {number}" for number in range(2 * LOGS + 1)]
    for call_id in calls:
        await served.log(call_id)
    found = await export(served)
    assert sorted(contact.name for contact in found["contact"]) == sorted([*names, "Ada"])
    assert len({contact.id for contact in found["contact"]}) == len(names) + 1
    assert sorted(log.call.id for log in found["embedded_call_log"]) == sorted(calls)
    assert sorted(log.call.id for log in found["call_log"]) == sorted(calls)
    assert [contact.name for contact in (await export(served, "other"))["contact"]] == ["Not Ours"]


async def test_a_log_of_the_embedded_crm_says_what_was_reported(served: Administered) -> None:
    await served.create()
    await served.create_contact()
    call = ParseDict(REPORTED, Call())
    answer = await served.calls.LogCall(LogCallRequest(account_id="acme", user_id="alice", call=call))
    found = await export(served)
    [log], [contact] = found["embedded_call_log"], found["contact"]
    assert (log.crm_log_id, log.contact_id) == (answer.call_log.crm_log_id, contact.id)
    assert (log.owner, log.follow_up, log.HasField("rating")) == ("alice", "", False)
    assert _seconds(answer.call_log.create_time) <= _seconds(log.update_time) <= _seconds(answer.call_log.update_time)
    assert log.call == ParseDict({**REPORTED, "callee": {"phone_number": "101"}}, Call())


async def test_what_no_account_has_left_is_an_export_without_it(served: Administered) -> None:
    await served.create()
    assert {kind: len(items) for kind, items in (await export(served)).items()} == {
        "account": 1,
        "settings": 1,
        "connection": 1,
    }


async def test_a_key_is_there_without_its_secret(served: Administered) -> None:
    await served.create()
    wish = KeyWish(account_id="acme", role=Role.SERVICE, label="office PBX")
    issued = await served.app.commands.keys.issue(wish, EVERYONE)
    found = await export(served)
    assert [(key.key_id, key.label) for key in found["key"]] == [(issued.key.key_id, "office PBX")]
    assert issued.secret not in str(found)


@in_files_only
async def test_columns_of_people_are_there_and_a_deleted_contact_is_not(served: Administered, tmp_path: Path) -> None:
    await served.create()
    await served.create_contact()
    await served.log()
    with closing(sqlite3.connect(tmp_path / "data" / "ledger.db", isolation_level=None)) as database:
        database.execute("UPDATE crm_call_logs SET follow_up = 'ring again', rating = 4")
        database.execute("DELETE FROM crm_contacts")
    found = await export(served)
    [log] = found["embedded_call_log"]
    assert (log.follow_up, log.rating, log.contact_id) == ("ring again", 4, "")
    assert "contact" not in found
