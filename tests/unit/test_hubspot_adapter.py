"""The adapter to HubSpot, beyond the conformance suite: e-mail addresses, moving logs, limits, tokens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from fakes.hubspot import REFRESH_TOKEN, FakeHubSpot
from fakes.hubspot_people import CALLS, CONTACTS, LINKED
from fakes.serving import FakeServer, fake_server
from leadline_server.crm.hubspot import searches
from leadline_server.crm.hubspot.adapter_type import BY_DEFAULT, HUBSPOT
from leadline_server.crm.hubspot.calls import CONTACT
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
OTHER = parse_number("+12025550148", "US")
EMAIL = "ada@example.com"
DRAFT = ContactDraft(name="Ada Lovelace", phone_number=NUMBER, email=EMAIL)
UNIQUE = "leadline_call_id"


@pytest.fixture
async def fake() -> AsyncIterator[FakeServer[FakeHubSpot]]:
    async with fake_server(FakeHubSpot(unique_call_properties=[UNIQUE])) as server:
        yield server


@asynccontextmanager
async def connected(fake: FakeServer[FakeHubSpot], folder: Path, **options: Any) -> AsyncIterator[CrmAdapter]:
    credentials = {} if "client_id" in options else {"token": fake.crm.token}
    async with opened_adapter("hubspot", {"api_url": fake.url, **credentials, **options}, folder) as adapter:
        yield adapter


@pytest.fixture
async def hubspot(fake: FakeServer[FakeHubSpot], tmp_path: Path) -> AsyncIterator[CrmAdapter]:
    async with connected(fake, tmp_path) as adapter:
        yield adapter


async def test_an_address_and_a_number_that_a_contact_has_already_are_that_contact(hubspot: CrmAdapter) -> None:
    first = await hubspot.create_contact(DRAFT, "1")
    assert await hubspot.create_contact(replace(DRAFT, name="Somebody Else"), "2") == first


async def test_an_address_of_a_contact_with_another_number_is_refused_with_its_id(
    hubspot: CrmAdapter, fake: FakeServer[FakeHubSpot]
) -> None:
    existing = await hubspot.create_contact(DRAFT, "1")
    with pytest.raises(CrmRejected, match=f"Another contact has this e-mail address already: {existing.id}"):
        await hubspot.create_contact(replace(DRAFT, phone_number=OTHER), "2")
    assert len(fake.crm.records.all(CONTACTS)) == 1


async def test_contacts_that_people_added_to_a_call_stay_when_it_moves(
    hubspot: CrmAdapter, fake: FakeServer[FakeHubSpot]
) -> None:
    one, other, added = [(await hubspot.create_contact(replace(DRAFT, email=""), str(key))).id for key in range(3)]
    report = Report()
    log = await hubspot.create_call_log(report.entry(one), "demo/1")
    fake.crm.records.change(CALLS, log.id, {LINKED: [one, added]}, by_people=True)
    await hubspot.update_call_log(log.id, report.entry(other, moves=True))
    assert sorted(fake.crm.records.require(CALLS, log.id).fields[LINKED]) == sorted([added, other])


@pytest.mark.parametrize("mode", ["unprocessable", "html"])
@pytest.mark.parametrize("after", [1, 2])
async def test_a_move_that_breaks_off_is_unknown_and_can_be_done_again(
    hubspot: CrmAdapter, fake: FakeServer[FakeHubSpot], after: int, mode: str
) -> None:
    one, other = [(await hubspot.create_contact(replace(DRAFT, email=""), str(key))).id for key in range(2)]
    report = Report()
    log = await hubspot.create_call_log(report.entry(one), "demo/1")
    await fake.misbehave(mode=mode, only="writes", after=after)
    with pytest.raises(CrmOutcomeUnknown, match="Moved in part"):
        await hubspot.update_call_log(log.id, report.entry(other, moves=True))
    await fake.recover()
    await hubspot.update_call_log(log.id, report.entry(other, moves=True))
    assert fake.crm.records.require(CALLS, log.id).fields[LINKED] == [other]


async def test_a_move_from_a_contact_that_is_gone_works(hubspot: CrmAdapter, fake: FakeServer[FakeHubSpot]) -> None:
    one, other = [(await hubspot.create_contact(replace(DRAFT, email=""), str(key))).id for key in range(2)]
    report = Report()
    log = await hubspot.create_call_log(report.entry(one), "demo/1")
    fake.crm.records.change(CALLS, log.id, {LINKED: [], CONTACT: ""}, by_people=True)
    await hubspot.update_call_log(log.id, report.entry(other, moves=True))
    assert fake.crm.records.require(CALLS, log.id).fields[LINKED] == [other]


async def test_a_search_hides_a_new_log_and_a_unique_property_does_not(
    fake: FakeServer[FakeHubSpot], tmp_path: Path
) -> None:
    async with connected(fake, tmp_path) as plain, connected(fake, tmp_path, call_id_property=UNIQUE) as unique:
        contact = await plain.create_contact(DRAFT, "1")
        await fake.misbehave(index_lag=3600)
        log = await unique.create_call_log(Report().entry(contact.id), "demo/1")
        assert await plain.find_call_log("demo/1") is None
        assert await unique.find_call_log("demo/1") == log
        assert plain.capabilities.settle_time > unique.capabilities.settle_time


async def test_a_unique_property_makes_one_log_of_many_writes(fake: FakeServer[FakeHubSpot], tmp_path: Path) -> None:
    async with connected(fake, tmp_path, call_id_property=UNIQUE) as adapter:
        contact = await adapter.create_contact(DRAFT, "1")
        logs = [await adapter.create_call_log(Report().entry(contact.id), "demo/1") for _ in range(3)]
    assert logs == [logs[0]] * 3
    assert len(fake.crm.records.all(CALLS)) == 1


async def test_another_case_of_the_key_is_another_call(hubspot: CrmAdapter) -> None:
    contact = await hubspot.create_contact(DRAFT, "1")
    await hubspot.create_call_log(Report().entry(contact.id), "demo/AbC")
    assert await hubspot.find_call_log("demo/abc") is None


async def test_a_check_tells_a_property_that_is_not_unique(fake: FakeServer[FakeHubSpot], tmp_path: Path) -> None:
    async with connected(fake, tmp_path, call_id_property="hs_call_title") as adapter:
        with pytest.raises(CrmRejected, match="unique"):
            await adapter.check()


async def test_a_call_that_cannot_be_looked_up_is_not_one_that_is_not_there(tmp_path: Path) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"results": [], "errors": [{"category": "INTERNAL"}]}, status=207)

    async with http_server(answer) as url:
        options = {"api_url": url, "token": "t", "call_id_property": UNIQUE}
        async with opened_adapter("hubspot", options, tmp_path) as adapter:
            with pytest.raises(CrmUnavailable):
                await adapter.find_call_log("demo/1")


async def test_an_answer_with_fewer_records_than_it_counts_is_no_answer(tmp_path: Path) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"total": 1, "results": []})

    async with http_server(answer) as url, opened_adapter("hubspot", {"api_url": url, "token": "t"}, tmp_path) as crm:
        with pytest.raises(CrmUnavailable):
            await crm.find_contacts([NUMBER])


async def test_more_contacts_than_can_be_read_are_no_answer(
    hubspot: CrmAdapter, fake: FakeServer[FakeHubSpot], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searches, "MAX_FOUND", 2)
    for _ in range(3):
        fake.crm.add_contact({"firstname": "Ada", "phone": NUMBER.e164})
    with pytest.raises(CrmUnavailable):
        await hubspot.find_contacts([NUMBER])
    with pytest.raises(CrmRejected, match="Give more of the name"):
        await hubspot.search_contacts("Ada", 10, "")


async def test_a_name_without_letters_cannot_be_searched(hubspot: CrmAdapter) -> None:
    with pytest.raises(CrmRejected, match="letters"):
        await hubspot.search_contacts("***", 10, "")


async def test_the_days_last_request_stops_all_others(hubspot: CrmAdapter, tmp_path: Path) -> None:
    asked = 0

    async def answer(_: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        return web.json_response({"results": []}, headers={"X-HubSpot-RateLimit-Daily-Remaining": "0"})

    async with http_server(answer) as url, opened_adapter("hubspot", {"api_url": url, "token": "t"}, tmp_path) as crm:
        with pytest.raises(CrmRateLimited) as caught:
            await crm.check()
    assert asked == 1
    assert caught.value.retry_after == pytest.approx(900, abs=5)


async def test_tokens_are_refreshed_by_oauth(fake: FakeServer[FakeHubSpot], tmp_path: Path) -> None:
    oauth = {"client_id": "app", "client_secret": "secret", "refresh_token": REFRESH_TOKEN}
    async with connected(fake, tmp_path, **oauth) as adapter:
        await adapter.check()
        await fake.misbehave(token="rotated")
        await adapter.check()
    async with connected(fake, tmp_path, **(oauth | {"refresh_token": "bad"})) as adapter:
        with pytest.raises(CrmAuthFailed):
            await adapter.check()


async def test_the_pace_never_exceeds_hubspots_limit_in_any_second(
    fake: FakeServer[FakeHubSpot], tmp_path: Path
) -> None:
    await fake.misbehave(searches_per_second=5)
    async with connected(fake, tmp_path) as adapter:
        for _ in range(12):  # the fake answers 429 to a sixth within a second
            await adapter.find_contacts([NUMBER])


def test_the_kind_of_adapter_says_what_its_defaults_promise() -> None:
    promised = HUBSPOT.variants[BY_DEFAULT].capabilities
    assert promised.finds_log_by_key
    assert not promised.enforces_unique_key
    assert promised.contact_types[0] == "lead"
