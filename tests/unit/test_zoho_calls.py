"""A call in Zoho CRM: its fields, whose it is, its key, and what its answers mean."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from fakes.serving import FakeServer
from fakes.zoho import KEY_FIELD, FakeZoho
from fakes.zoho_people import options, zoho
from leadline_server.crm.toolkit import HttpAnswer
from leadline_server.crm.toolkit.call_text import BEGIN
from leadline_server.crm.toolkit.lead_records import MOST_DESCRIPTION
from leadline_server.crm.zoho.calls import call_type, duration_text
from leadline_server.crm.zoho.errors import DuplicateData, failure
from leadline_server.crm.zoho.wire import stored_key
from leadline_server.domain.call import Call, CallDirection, CallResult, Party
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.crm_errors import (
    CrmAuthFailed,
    CrmError,
    CrmOutcomeUnknown,
    CrmRateLimited,
    CrmRejected,
    CrmUnavailable,
)
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.ports.crm import CrmAdapter
from leadline_server.testing.crm_harness import Report
from support.adapters import opened_adapter
from support.http_servers import http_server

DRAFT = ContactDraft(name="Ada Lovelace", phone_number=parse_number("+12025550147", "US"))

Fake = FakeServer[FakeZoho]


@pytest.fixture
async def crm() -> AsyncIterator[tuple[Fake, CrmAdapter]]:
    async with zoho(call_key_field=KEY_FIELD) as opened:
        yield opened


def logged(fake: Fake) -> dict[str, Any]:
    [record] = fake.crm.records.all("Calls")
    return record.fields


async def a_lead(adapter: CrmAdapter) -> str:
    return (await adapter.create_contact(DRAFT, "key")).id


async def a_contact(adapter: CrmAdapter) -> str:
    return (await adapter.create_contact(replace(DRAFT, type="contact"), "key")).id


def bare(contact_id: str) -> dict[str, str]:
    return {"id": contact_id.partition(":")[2]}


async def test_a_call_has_its_fields(crm: tuple[Fake, CrmAdapter]) -> None:
    fake, adapter = crm
    lead = await a_lead(adapter)
    owner = fake.crm.add_user("Jane Roe", "jane@example.com", is_active=True)
    entry = replace(Report().entry(lead), crm_user_id=owner)
    log = await adapter.create_call_log(entry, "demo/call-1")
    assert log.url == f"https://crm.zoho.com/crm/tab/Calls/{log.id}"
    call = logged(fake)
    assert call.pop("Description").startswith(BEGIN)
    assert call == {
        "Subject": "A call",
        "Call_Type": "Inbound",
        "Call_Start_Time": "2026-03-04T05:06:07+00:00",
        "Call_Duration": "02:00",
        "What_Id": bare(lead),
        "$se_module": "Leads",
        "Owner": {"id": owner},
        KEY_FIELD: "demo/call-1",
    }


async def test_an_outbound_call_is_completed(crm: tuple[Fake, CrmAdapter]) -> None:
    fake, adapter = crm
    entry = Report().entry(await a_lead(adapter))
    await adapter.create_call_log(replace(entry, call=replace(entry.call, direction=CallDirection.OUTBOUND)), "key")
    assert (logged(fake)["Call_Type"], logged(fake)["Outgoing_Call_Status"]) == ("Outbound", "Completed")


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (Call(id="c"), "Inbound"),
        (Call(id="c", direction=CallDirection.INBOUND, result=CallResult.NO_ANSWER), "Missed"),
        (Call(id="c", direction=CallDirection.INBOUND, result=CallResult.VOICEMAIL), "Inbound"),
        (Call(id="c", direction=CallDirection.OUTBOUND, result=CallResult.NO_ANSWER), "Outbound"),
        (Call(id="c", direction=CallDirection.INTERNAL, caller=Party(user_id="alice")), "Outbound"),
        (Call(id="c", direction=CallDirection.INTERNAL, callee=Party(user_id="alice")), "Inbound"),
    ],
)
def test_a_calls_type_is_what_it_was_to_the_user(call: Call, expected: str) -> None:
    assert call_type(call, "alice") == expected


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "00:00"), (5, "00:05"), (3_599, "59:59"), (3_600, "01:00:00"), (36_061, "10:01:01")]
)
def test_a_duration_is_written_as_zoho_shows_it(seconds: int, text: str) -> None:
    assert duration_text(timedelta(seconds=seconds)) == text


async def test_a_call_moves_between_leads_and_contacts(crm: tuple[Fake, CrmAdapter]) -> None:
    fake, adapter = crm
    lead, contact, report = await a_lead(adapter), await a_contact(adapter), Report()
    log = await adapter.create_call_log(report.entry(lead), "key")
    await adapter.update_call_log(log.id, report.entry(contact, moves=True))
    assert (logged(fake)["Who_Id"], logged(fake)["What_Id"]) == (bare(contact), None)
    await adapter.update_call_log(log.id, report.entry(lead, moves=True))
    assert (logged(fake)["Who_Id"], logged(fake)["What_Id"]) == (None, bare(lead))


async def test_the_deal_that_people_related_a_call_to_stays(crm: tuple[Fake, CrmAdapter]) -> None:
    fake, adapter = crm
    contact, report = await a_contact(adapter), Report()
    log = await adapter.create_call_log(report.entry(contact), "key")
    deal = {"What_Id": {"id": "4876876000000009999"}, "$se_module": "Deals"}
    fake.crm.records.change("Calls", log.id, deal, by_people=True)
    await adapter.update_call_log(log.id, report.entry(contact, note="after"))
    assert logged(fake) | deal == logged(fake)


async def test_what_people_wrote_leaves_room_for_the_rest(crm: tuple[Fake, CrmAdapter]) -> None:
    fake, adapter = crm
    entry = Report().entry(await a_lead(adapter), note="word " * 6_000)
    log = await adapter.create_call_log(entry, "key")
    theirs = "Their words. " * 1_000
    text = logged(fake)["Description"]
    fake.crm.records.change("Calls", log.id, {"Description": f"{text}\n{theirs}."}, by_people=True)
    await adapter.update_call_log(log.id, entry)
    assert theirs in logged(fake)["Description"]
    assert len(logged(fake)["Description"]) <= MOST_DESCRIPTION


@pytest.mark.parametrize("key", ["demo/call-1", "x" * 300, "demo/call ", "demo/\0", "demo/'; DELETE %_\\", "demo/李"])
async def test_any_key_is_found_as_it_is(crm: tuple[Fake, CrmAdapter], key: str) -> None:
    _, adapter = crm
    log = await adapter.create_call_log(Report().entry(await a_lead(adapter)), key)
    assert await adapter.find_call_log(key) == log
    assert await adapter.find_call_log(key.upper()) is None
    assert len(stored_key(key)) <= 255


async def test_where_the_keys_field_is_unique_there_is_one_call(crm: tuple[Fake, CrmAdapter]) -> None:
    fake, adapter = crm
    await fake.misbehave(unique=KEY_FIELD)
    entry = Report().entry(await a_lead(adapter))
    logs = [await adapter.create_call_log(entry, "demo/call-1") for _ in range(2)]
    assert logs[0] == logs[1]
    assert len(fake.crm.records.all("Calls")) == 1


async def test_another_unique_field_is_no_key(crm: tuple[Fake, CrmAdapter]) -> None:
    fake, adapter = crm
    await fake.misbehave(unique="Subject")
    entry = Report().entry(await a_lead(adapter))
    await adapter.create_call_log(entry, "demo/call-1")
    with pytest.raises(DuplicateData):
        await adapter.create_call_log(entry, "demo/call-2")


@pytest.mark.parametrize(
    ("status", "written"),
    [
        (202, {"code": "DUPLICATE_DATA", "status": "error", "message": "m", "details": {"api_name": KEY_FIELD}}),
        (200, {"code": "SCHEDULED", "status": "success", "message": "m", "details": {"id": "1"}}),
        (200, None),
    ],
    ids=["there already, and not where", "not said to be done", "nothing said"],
)
async def test_a_call_of_which_zoho_does_not_say_where_it_is_is_unknown(
    tmp_path: Path, status: int, written: dict[str, Any] | None
) -> None:
    async def handler(request: web.Request) -> web.Response:
        if request.path.endswith("/token"):
            return web.json_response({"access_token": "t", "expires_in": 3600})
        return web.json_response({"data": [] if written is None else [written]}, status=status)

    async with http_server(handler) as url:
        settings = options(url, call_key_field=KEY_FIELD)
        async with opened_adapter("zoho", settings, tmp_path) as adapter:
            with pytest.raises(CrmOutcomeUnknown):
                await adapter.create_call_log(Report().entry("lead:4876876000000000001"), "demo/call-1")


async def test_a_call_that_is_not_as_documented_is_not_updated(crm: tuple[Fake, CrmAdapter]) -> None:
    fake, adapter = crm
    entry = Report().entry(await a_lead(adapter))
    log = await adapter.create_call_log(entry, "demo/call-1")
    fake.crm.records.change("Calls", log.id, {"Description": 7}, by_people=True)
    with pytest.raises(CrmUnavailable, match="documentation"):
        await adapter.update_call_log(log.id, entry)
    assert logged(fake)["Description"] == 7


async def test_without_a_field_for_it_no_key_is_promised() -> None:
    async with zoho() as (fake, adapter):
        assert not adapter.capabilities.finds_log_by_key
        await adapter.create_call_log(Report().entry(await a_lead(adapter)), "demo/call-1")
        assert KEY_FIELD not in logged(fake)


def answer(status: int, body: Any, *, is_write: bool) -> HttpAnswer:
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return HttpAnswer(status=status, headers={}, body=content, is_write=is_write)


def problem(code: str, **details: Any) -> dict[str, Any]:
    return {"code": code, "details": details, "message": "Words.", "status": "error"}


@pytest.mark.parametrize(
    ("status", "code", "of_a_read", "of_a_write"),
    [
        (401, "INVALID_TOKEN", CrmAuthFailed, CrmAuthFailed),
        (401, "OAUTH_SCOPE_MISMATCH", CrmAuthFailed, CrmAuthFailed),
        (403, "NO_PERMISSION", CrmAuthFailed, CrmRejected),
        (429, "TOO_MANY_REQUESTS", CrmRateLimited, CrmRateLimited),
        (429, "LIMIT_EXCEEDED", CrmRateLimited, CrmRateLimited),
        (400, "LIMIT_EXCEEDED", CrmRejected, CrmRejected),
        (400, "INVALID_QUERY", CrmUnavailable, CrmRejected),
        (400, "INVALID_DATA", CrmRejected, CrmRejected),
        (400, "RECORD_LOCKED", CrmUnavailable, CrmUnavailable),
        (404, "INVALID_URL_PATTERN", CrmUnavailable, CrmRejected),
        (500, "INTERNAL_ERROR", CrmUnavailable, CrmOutcomeUnknown),
        (202, "INTERNAL_ERROR", type(None), CrmOutcomeUnknown),
        (202, "INVALID_DATA", type(None), CrmRejected),
    ],
)
def test_a_code_means_what_it_says(
    status: int, code: str, of_a_read: type[CrmError | None], of_a_write: type[CrmError]
) -> None:
    for body in (problem(code), {"data": [problem(code)]}):
        assert type(failure(answer(status, body, is_write=False))) is of_a_read
        assert type(failure(answer(status, body, is_write=True))) is of_a_write


def test_used_up_credits_take_longer_than_a_full_house() -> None:
    seconds = [failure(answer(429, problem(code), is_write=False)) for code in ("TOO_MANY_REQUESTS", "LIMIT_EXCEEDED")]
    assert [error.retry_after for error in seconds if error] == [5, 300]


def test_records_that_look_like_errors_are_none() -> None:
    rows = {"data": [{"id": "1", "status": "error", "code": "INVALID_DATA"}]}
    assert failure(answer(200, rows, is_write=False)) is None


@pytest.mark.parametrize("body", [b"<html>", b"\xff", b"[]", b""])
def test_a_body_that_is_none_of_zohos_leaves_the_status(body: bytes) -> None:
    assert type(failure(answer(403, body, is_write=False))) is CrmAuthFailed


def test_a_duplicate_is_told_by_its_id_and_module() -> None:
    told = problem(
        "DUPLICATE_DATA", api_name="Email", id="1", duplicate_record={"id": "2", "module": {"api_name": "Leads"}}
    )
    error = failure(answer(202, {"data": [told]}, is_write=True))
    assert isinstance(error, DuplicateData)
    assert (error.field, error.id, error.module) == ("Email", "2", "Leads")
    bare_error = failure(answer(400, {"data": [problem("DUPLICATE_DATA", api_name="Email", id="1")]}, is_write=True))
    assert isinstance(bare_error, DuplicateData)
    assert (bare_error.id, bare_error.module) == ("1", "")


def test_a_duplicate_may_not_say_where_the_other_one_is() -> None:
    error = failure(answer(202, {"data": [problem("DUPLICATE_DATA", api_name=KEY_FIELD)]}, is_write=True))
    assert isinstance(error, DuplicateData)
    assert (error.field, error.id) == (KEY_FIELD, "")
