"""The adapter to Pipedrive, beyond the conformance suite: companies, moving logs, finding them, limits."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from fakes.connections import OPTIONS
from fakes.pipedrive import CLIENT, REFRESH_TOKEN, FakePipedrive
from fakes.pipedrive_fields import ACTIVITIES, ORGANIZATIONS, PERSONS
from fakes.serving import FakeServer, fake_server
from leadline_server.crm.pipedrive import adapter as module
from leadline_server.crm.pipedrive import records
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.crm_errors import (
    CrmAuthFailed,
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

NUMBER = parse_number("+12025550147", "US")
DRAFT = ContactDraft(name="Ada Lovelace", phone_number=NUMBER)
FIELD = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
async def fake() -> AsyncIterator[FakeServer[FakePipedrive]]:
    async with fake_server(FakePipedrive()) as server:
        yield server


@asynccontextmanager
async def connected(url: str, folder: Path, **options: Any) -> AsyncIterator[CrmAdapter]:
    async with opened_adapter("pipedrive", OPTIONS["pipedrive"](url) | options, folder) as adapter:
        yield adapter


@pytest.fixture
async def pipedrive(fake: FakeServer[FakePipedrive], tmp_path: Path) -> AsyncIterator[CrmAdapter]:
    async with connected(fake.url, tmp_path) as adapter:
        yield adapter


async def test_a_company_is_the_organization_of_its_name_made_once(
    pipedrive: CrmAdapter, fake: FakeServer[FakePipedrive]
) -> None:
    created = [await pipedrive.create_contact(replace(DRAFT, company=name), "k") for name in ("Acme", "Acme", "acme")]
    assert [contact.company for contact in created] == ["Acme", "Acme", "acme"]
    assert len(fake.crm.records.all(ORGANIZATIONS)) == 2
    read = await pipedrive.get_contact(created[1].id)
    assert read == created[1]


async def test_a_placeholder_is_marked_and_told_by_its_field(fake: FakeServer[FakePipedrive], tmp_path: Path) -> None:
    async with connected(fake.url, tmp_path, placeholder_field=FIELD) as adapter:
        draft = replace(DRAFT, is_placeholder=True)
        created = await adapter.create_contact(draft, "1")
        assert created.is_placeholder
        fake.crm.records.change(PERSONS, created.id, {"custom_fields": {FIELD: None}}, by_people=True)
        [found] = await adapter.find_contacts([NUMBER])
        assert not found.is_placeholder


async def test_people_who_were_added_to_a_call_stay_when_it_moves(
    pipedrive: CrmAdapter, fake: FakeServer[FakePipedrive]
) -> None:
    one, other, added = [(await pipedrive.create_contact(DRAFT, str(key))).id for key in range(3)]
    report = Report()
    log = await pipedrive.create_call_log(report.entry(one), "demo/1")
    both = [{"person_id": int(one), "primary": True}, {"person_id": int(added), "primary": False}]
    fake.crm.records.change(ACTIVITIES, log.id, {"participants": both}, by_people=True)
    await pipedrive.update_call_log(log.id, report.entry(other, moves=True))
    moved = [{"person_id": int(other), "primary": True}, {"person_id": int(added), "primary": False}]
    assert fake.crm.records.require(ACTIVITIES, log.id).fields["participants"] == moved


async def test_an_owner_is_a_user_by_number(pipedrive: CrmAdapter, fake: FakeServer[FakePipedrive]) -> None:
    contact = await pipedrive.create_contact(DRAFT, "1")
    entry, owner = Report().entry(contact.id), fake.crm.add_user("Jane Roe", "jane@example.com", is_active=True)
    log = await pipedrive.create_call_log(replace(entry, crm_user_id=owner), "demo/1")
    assert fake.crm.records.require(ACTIVITIES, log.id).fields["owner_id"] == int(owner)
    with pytest.raises(CrmRejected, match="crm_user_id"):
        await pipedrive.create_call_log(replace(entry, crm_user_id="alice"), "demo/2")


@pytest.mark.parametrize("key", ["demo/1", "demo/<b>&amp;", "demo/ü 漢 🐎"])
async def test_a_log_is_found_by_the_line_that_has_its_key_wherever_people_wrote(
    pipedrive: CrmAdapter, fake: FakeServer[FakePipedrive], key: str
) -> None:
    contact = await pipedrive.create_contact(DRAFT, "1")
    await pipedrive.create_call_log(Report().entry(contact.id, note=f"Said:\nleadline key: {key}"), f"{key}0")
    assert await pipedrive.find_call_log(key) is None  # a caller's words look like the key
    log = await pipedrive.create_call_log(Report().entry(contact.id), key)
    note = fake.crm.records.require(ACTIVITIES, log.id).fields["note"]
    fake.crm.records.change(ACTIVITIES, log.id, {"note": f"<p>Before</p>{note}<p>After</p>"}, by_people=True)
    assert await pipedrive.find_call_log(key) == log
    assert await pipedrive.find_call_log(key[:-1]) is None


async def test_a_log_is_found_on_whatever_page_it_is(
    pipedrive: CrmAdapter, fake: FakeServer[FakePipedrive], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ACTIVITIES_A_PAGE", 2)
    contact = await pipedrive.create_contact(DRAFT, "1")
    logs = [await pipedrive.create_call_log(Report().entry(contact.id), f"demo/{index}") for index in range(5)]
    assert [await pipedrive.find_call_log(f"demo/{index}") for index in range(5)] == logs
    assert await pipedrive.find_call_log("demo/5") is None


async def test_more_activities_than_can_be_read_are_no_answer(
    pipedrive: CrmAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ACTIVITIES_A_PAGE", 1)
    monkeypatch.setattr(module, "MAX_ACTIVITIES", 2)
    contact = await pipedrive.create_contact(DRAFT, "1")
    for index in range(3):
        await pipedrive.create_call_log(Report().entry(contact.id), f"demo/{index}")
    with pytest.raises(CrmUnavailable):
        await pipedrive.find_call_log("demo/0")


async def test_a_long_list_is_read_no_further_than_a_lost_write_can_be(
    pipedrive: CrmAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ACTIVITIES_A_PAGE", 1)
    monkeypatch.setattr(module, "_is_before", lambda *_: True)
    contact = await pipedrive.create_contact(DRAFT, "1")
    for index in range(2):
        await pipedrive.create_call_log(Report().entry(contact.id), f"demo/{index}")
    assert await pipedrive.find_call_log("demo/0") is None


async def test_more_persons_than_can_be_read_are_no_answer(
    pipedrive: CrmAdapter, fake: FakeServer[FakePipedrive], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "MAX_FOUND", 2)
    monkeypatch.setattr(records, "_HITS_A_PAGE", 1)
    for _ in range(4):
        fake.crm.add_person({"name": "Ada", "phones": [{"value": NUMBER.e164, "primary": True}]})
    with pytest.raises(CrmUnavailable):
        await pipedrive.find_contacts([NUMBER])
    with pytest.raises(CrmRejected, match="Give more of the name"):
        await pipedrive.search_contacts("Ada", 10, "")


async def test_a_name_of_one_letter_cannot_be_searched(pipedrive: CrmAdapter) -> None:
    with pytest.raises(CrmRejected, match="two characters"):
        await pipedrive.search_contacts("A", 10, "")


async def test_a_person_that_is_deleted_between_search_and_reading_is_left_out(tmp_path: Path) -> None:
    deleted = {"id": 1, "name": "Gone", "is_deleted": True}

    async def answer(request: web.Request) -> web.Response:
        is_search = request.path.endswith("/search")
        data: Any = {"items": [{"item": {"id": 1}}, {"item": {"id": 2}}]} if is_search else [deleted]
        return web.json_response({"success": True, "data": data})

    async with http_server(answer) as url, connected(url, tmp_path) as adapter:
        assert list(await adapter.find_contacts([NUMBER])) == []


@pytest.mark.parametrize("person", [{"id": 1, "is_deleted": True}, {"id": 2, "is_deleted": False}])
async def test_a_person_that_is_deleted_or_answers_for_another_is_nobody(tmp_path: Path, person: Any) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"success": True, "data": {"name": "Gone", **person}})

    async with http_server(answer) as url, connected(url, tmp_path) as adapter:
        assert await adapter.get_contact("1") is None


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        (lambda adapter: adapter.check(), CrmUnavailable),
        (lambda adapter: adapter.create_contact(DRAFT, "k"), CrmOutcomeUnknown),
    ],
    ids=["a read", "a write"],
)
async def test_a_success_that_says_it_failed_is_none(
    tmp_path: Path, operation: Callable[[CrmAdapter], Any], error: type[Exception]
) -> None:
    async def answer(request: web.Request) -> web.Response:
        data: Any = [] if request.method == "GET" else {"id": 1, "name": "x"}
        return web.json_response({"success": False, "data": data})

    async with http_server(answer) as url, connected(url, tmp_path) as adapter:
        with pytest.raises(error):
            await operation(adapter)


async def test_the_days_last_token_stops_all_others(tmp_path: Path) -> None:
    asked = 0

    async def answer(_: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        headers = {"x-daily-ratelimit-token-remaining": "0"}
        return web.json_response({"success": True, "data": []}, headers=headers)

    async with http_server(answer) as url, connected(url, tmp_path) as adapter:
        with pytest.raises(CrmRateLimited) as caught:
            await adapter.check()
    assert asked == 1
    assert caught.value.retry_after == pytest.approx(900, abs=5)


async def test_tokens_are_refreshed_by_oauth(fake: FakeServer[FakePipedrive], tmp_path: Path) -> None:
    urls = {"company_domain": "acme", "api_url": fake.url, "oauth_url": fake.url}
    client = {"client_id": CLIENT[0], "client_secret": CLIENT[1]}
    async with opened_adapter("pipedrive", {**urls, **client, "refresh_token": REFRESH_TOKEN}, tmp_path) as adapter:
        await adapter.check()
        await fake.misbehave(token="rotated")
        await adapter.check()
    async with opened_adapter("pipedrive", {**urls, **client, "refresh_token": "bad"}, tmp_path) as adapter:
        with pytest.raises(CrmAuthFailed):
            await adapter.check()


async def test_the_pace_never_exceeds_pipedrives_limits_in_any_two_seconds(
    fake: FakeServer[FakePipedrive], tmp_path: Path
) -> None:
    await fake.misbehave(searches_per_2_seconds=10, requests_per_2_seconds=20)
    limits = {"searches_per_2_seconds": 10, "requests_per_2_seconds": 20}
    async with connected(fake.url, tmp_path, **limits) as adapter:
        for _ in range(8):  # two searches each; the fake answers 429 to an eleventh within two seconds
            await adapter.find_contacts([NUMBER])
