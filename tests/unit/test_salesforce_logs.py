"""A call in Salesforce: a task with the call's fields, found by its key, with room for what people write."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from fakes.salesforce import FakeSalesforce
from fakes.salesforce_people import salesforce
from fakes.serving import FakeServer
from leadline_server.crm.salesforce.wire import stored_key
from leadline_server.crm.toolkit.call_text import BEGIN
from leadline_server.crm.toolkit.lead_records import MOST_DESCRIPTION
from leadline_server.domain.call import Call, CallDirection, CallResult
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.crm_errors import CrmOutcomeUnknown
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.crm import CrmAdapter
from leadline_server.testing.crm_harness import Report

NUMBER = parse_number("+12025550147", "US")
DRAFT = ContactDraft(name="Ada Lovelace", phone_number=NUMBER)

Fake = FakeServer[FakeSalesforce]


@pytest.fixture
async def crm() -> AsyncIterator[tuple[Fake, CrmAdapter]]:
    async with salesforce() as opened:
        yield opened


def created(fake: Fake, table: str) -> dict[str, Any]:
    [record] = fake.crm.records.all(table)
    return record.fields


async def test_a_task_has_the_fields_of_a_call() -> None:
    async with salesforce(AccountSettings(time_zone="Pacific/Auckland")) as (fake, adapter):
        contact = await adapter.create_contact(DRAFT, "key")
        owner = fake.crm.add_user("Jane Roe", "jane@example.com", is_active=True)
        entry = replace(Report().entry(contact.id), crm_user_id=owner)
        entry = replace(entry, call=replace(entry.call, start_time=datetime(2026, 3, 4, 20, tzinfo=UTC)))
        log = await adapter.create_call_log(entry, "demo/call-1")
        assert log.url == f"{fake.url}/{log.id}"
        task = created(fake, "Task")
    assert task.pop("Description").startswith(BEGIN)
    assert task == {
        "WhoId": contact.id,
        "Subject": "A call",
        "Status": "Completed",
        "ActivityDate": "2026-03-05",
        "TaskSubtype": "Call",
        "CallType": "Inbound",
        "CallDisposition": "Answered",
        "CallDurationInSeconds": 120,
        "CallObject": "demo/call-1",
        "OwnerId": owner,
    }


async def test_what_is_not_known_of_a_call_is_left_out_and_cleared_later(crm: tuple[Fake, CrmAdapter]) -> None:
    fake, adapter = crm
    contact = await adapter.create_contact(DRAFT, "key")
    entry = Report().entry(contact.id)
    log = await adapter.create_call_log(entry, "key")
    await adapter.update_call_log(log.id, replace(entry, call=Call(id="call", direction=CallDirection.OUTBOUND)))
    task = created(fake, "Task")
    assert (task["CallType"], task["CallDisposition"], task["CallDurationInSeconds"]) == ("Outbound", None, None)
    await adapter.update_call_log(
        log.id, replace(entry, call=Call(id="call", result=CallResult.NO_ANSWER, disposition="x" * 300))
    )
    assert created(fake, "Task")["CallDisposition"] == "x" * 255


async def test_what_people_wrote_leaves_room_for_the_rest(crm: tuple[Fake, CrmAdapter]) -> None:
    fake, adapter = crm
    contact = await adapter.create_contact(DRAFT, "key")
    entry = Report().entry(contact.id, note="word " * 6_000)
    log = await adapter.create_call_log(entry, "key")
    theirs = "Their words. " * 1_000
    text = created(fake, "Task")["Description"]
    fake.crm.records.change("Task", log.id, {"Description": f"{text}\n{theirs}."}, by_people=True)
    await adapter.update_call_log(log.id, entry)
    written = created(fake, "Task")["Description"]
    assert theirs in written
    assert len(written) <= MOST_DESCRIPTION


async def test_a_key_is_found_by_every_letter_of_it_as_it_is(crm: tuple[Fake, CrmAdapter]) -> None:
    _, adapter = crm
    contact = await adapter.create_contact(DRAFT, "key")
    log = await adapter.create_call_log(Report().entry(contact.id), "demo/Call-A")
    assert await adapter.find_call_log("demo/Call-A") == log
    assert await adapter.find_call_log("demo/call-a") is None


@pytest.mark.parametrize("key", ["x" * 300, "demo/call ", "demo/\0", "demo/'; DELETE %_\\"])
async def test_any_key_is_found(crm: tuple[Fake, CrmAdapter], key: str) -> None:
    _, adapter = crm
    contact = await adapter.create_contact(DRAFT, "key")
    log = await adapter.create_call_log(Report().entry(contact.id), key)
    assert await adapter.find_call_log(key) == log
    assert len(stored_key(key)) <= 255


async def test_the_keys_field_may_be_another() -> None:
    async with salesforce(call_key_field="Call_Key__c") as (fake, adapter):
        contact = await adapter.create_contact(DRAFT, "key")
        log = await adapter.create_call_log(Report().entry(contact.id), "demo/call-1")
        assert created(fake, "Task")["Call_Key__c"] == "demo/call-1"
        assert await adapter.find_call_log("demo/call-1") == log


async def test_a_lost_answer_leaves_one_task_that_its_key_finds(crm: tuple[Fake, CrmAdapter]) -> None:
    fake, adapter = crm
    contact = await adapter.create_contact(DRAFT, "key")
    await fake.misbehave(mode="drop_after_commit")
    with pytest.raises(CrmOutcomeUnknown):
        await adapter.create_call_log(Report().entry(contact.id), "demo/call-1")
    await fake.recover()
    log = await adapter.find_call_log("demo/call-1")
    assert log is not None
    assert [record.id for record in fake.crm.records.all("Task")] == [log.id]
