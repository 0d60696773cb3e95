"""Contacts in Salesforce: two kinds of record, duplicate rules, pages, tokens, and an index that lags."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fakes.misbehaviour import GOOD_TOKEN
from fakes.salesforce import FakeSalesforce
from fakes.salesforce_people import salesforce
from fakes.serving import FakeServer
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.crm_errors import CrmRateLimited, CrmRejected, CrmUnavailable
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.ports.crm import CrmAdapter
from leadline_server.testing.crm_harness import Report

NUMBER = parse_number("+12025550147", "US")
DRAFT = ContactDraft(name="Ada Lovelace", phone_number=NUMBER)
PLACEHOLDER = ContactDraft(name="Unknown Caller", phone_number=NUMBER, is_placeholder=True)
LEAD = {"LastName": "Hopper", "Company": "Navy", "Phone": "(202) 555-0147"}

Fake = FakeServer[FakeSalesforce]


@pytest.fixture
async def crm() -> AsyncIterator[tuple[Fake, CrmAdapter]]:
    async with salesforce() as opened:
        yield opened


def created(fake: Fake, table: str) -> dict[str, Any]:
    [record] = fake.crm.records.all(table)
    return record.fields


async def found(adapter: CrmAdapter) -> list[str]:
    return [contact.id for contact in await adapter.find_contacts([NUMBER])]


async def test_leads_and_contacts_are_found_but_no_converted_lead(crm: tuple[Fake, CrmAdapter]) -> None:
    fake, adapter = crm
    lead = fake.crm.add_by_people("Lead", LEAD)
    contact = fake.crm.add_by_people(
        "Contact", {"LastName": "Hopper", "OtherPhone": "+1 202 555 0147", "AccountName": "Navy"}
    )
    fake.crm.add_by_people("Lead", LEAD | {"IsConverted": True, "ConvertedContactId": contact})
    for age in (0.0, 86_400.0):
        await fake.misbehave(age=age)
        matches = {each.id: (each.type, each.company) for each in await adapter.find_contacts([NUMBER])}
        assert matches == {lead: ("lead", "Navy"), contact: ("contact", "Navy")}


async def test_a_new_record_is_found_before_the_index_shows_it(crm: tuple[Fake, CrmAdapter]) -> None:
    fake, adapter = crm
    await fake.misbehave(index_lag=3600)
    contact = await adapter.create_contact(DRAFT, "key")
    assert await found(adapter) == [contact.id]
    await fake.misbehave(index_lag=3600, age=3600)
    assert await found(adapter) == []  # an index that lags longer than was said


async def test_a_converted_lead_is_the_contact_that_it_became(crm: tuple[Fake, CrmAdapter]) -> None:
    fake, adapter = crm
    contact = fake.crm.add_by_people("Contact", {"LastName": "Hopper"})
    lead = fake.crm.add_by_people("Lead", LEAD | {"IsConverted": True, "ConvertedContactId": contact})
    read = await adapter.get_contact(lead)
    assert read is not None
    assert (read.id, read.type) == (contact, "contact")
    fake.crm.records.remove("Contact", contact, by_people=True)
    assert await adapter.get_contact(lead) is None


async def test_a_call_of_a_converted_lead_is_refused_in_salesforces_words(crm: tuple[Fake, CrmAdapter]) -> None:
    fake, adapter = crm
    lead = fake.crm.add_by_people("Lead", LEAD | {"IsConverted": True})
    with pytest.raises(CrmRejected, match="CANNOT_UPDATE_CONVERTED_LEAD"):
        await adapter.create_call_log(Report().entry(lead), "key")


@pytest.mark.parametrize("contact_id", ["001000000000001AAA", "003", "00Q-00000000001"])
async def test_an_id_of_anything_else_is_no_contact(crm: tuple[Fake, CrmAdapter], contact_id: str) -> None:
    _, adapter = crm
    assert await adapter.get_contact(contact_id) is None


async def test_a_placeholder_is_a_lead_that_is_marked_and_has_a_company(crm: tuple[Fake, CrmAdapter]) -> None:
    fake, adapter = crm
    contact = await adapter.create_contact(PLACEHOLDER, "key")
    assert created(fake, "Lead") == {
        "FirstName": "Unknown",
        "LastName": "Caller",
        "Phone": "+12025550147",
        "Company": "Unknown",
        "LeadSource": "Unknown Caller",
    }
    read = await adapter.get_contact(contact.id)
    assert read is not None
    assert (contact.is_placeholder, contact.company, contact.url) == (True, "", f"{fake.url}/{contact.id}")
    assert replace(read, create_time=None) == contact


async def test_settings_say_what_a_placeholder_is_given() -> None:
    async with salesforce(placeholder_source="", lead_company="Acme", lead_phone_fields=["MobilePhone"]) as (
        fake,
        adapter,
    ):
        contact = await adapter.create_contact(PLACEHOLDER, "key")
        assert created(fake, "Lead")["Company"] == "Acme"
        assert created(fake, "Lead")["MobilePhone"] == "+12025550147"
        assert not contact.is_placeholder


async def test_a_contact_has_no_company_of_its_own(crm: tuple[Fake, CrmAdapter]) -> None:
    fake, adapter = crm
    contact = await adapter.create_contact(replace(DRAFT, type="contact", company="Acme"), "key")
    assert (contact.type, contact.company) == ("contact", "")
    assert created(fake, "Contact") == {"FirstName": "Ada", "LastName": "Lovelace", "Phone": "+12025550147"}


async def test_an_extension_is_kept_with_the_number(crm: tuple[Fake, CrmAdapter]) -> None:
    _, adapter = crm
    contact = await adapter.create_contact(replace(DRAFT, phone_number=parse_number("+12025550147 x12", "US")), "key")
    assert contact.phone_numbers == ("+12025550147 x12",)


async def test_a_placeholders_long_name_is_cut_and_another_one_refused(crm: tuple[Fake, CrmAdapter]) -> None:
    _, adapter = crm
    name = "x" * 90
    assert (await adapter.create_contact(replace(PLACEHOLDER, name=name), "key")).name == name[:80]
    with pytest.raises(CrmRejected, match="STRING_TOO_LONG"):
        await adapter.create_contact(replace(DRAFT, name=name), "key")


@pytest.mark.parametrize("rule", ["warn", "block"])
async def test_a_duplicate_with_the_very_number_is_adopted(crm: tuple[Fake, CrmAdapter], rule: str) -> None:
    fake, adapter = crm
    existing = fake.crm.add_by_people("Contact", {"LastName": "Lovelace", "Phone": "(202) 555-0147"})
    fake.crm.add_by_people("Lead", {"LastName": "Lovelace", "Company": "Acme", "Phone": "+442079460123"})
    await fake.misbehave(duplicate_rule=rule)
    assert (await adapter.create_contact(DRAFT, "key")).id == existing
    assert len(fake.crm.records.all("Lead")) == 1


async def test_a_namesake_is_never_adopted(crm: tuple[Fake, CrmAdapter]) -> None:
    fake, adapter = crm
    fake.crm.add_by_people("Lead", {"LastName": "Caller", "Company": "Unknown", "Phone": "+12025550148"})
    await fake.misbehave(duplicate_rule="block")
    with pytest.raises(CrmRejected, match="DUPLICATES_DETECTED: Use one of these records"):
        await adapter.create_contact(PLACEHOLDER, "key")
    await fake.misbehave(duplicate_rule="warn")
    contact = await adapter.create_contact(PLACEHOLDER, "key")
    assert await found(adapter) == [contact.id]


async def test_pages_are_followed_to_their_end(crm: tuple[Fake, CrmAdapter]) -> None:
    fake, adapter = crm
    ids = {fake.crm.add_by_people("Lead", LEAD) for _ in range(7)}
    await fake.misbehave(page=3, index_lag=3600)
    assert set(await found(adapter)) == ids


@pytest.mark.parametrize("url", ["@evil.example/next", "https://evil.example/next", "//evil.example/../x"])
async def test_a_page_somewhere_else_is_not_followed(crm: tuple[Fake, CrmAdapter], url: str) -> None:
    fake, adapter = crm
    for _ in range(4):
        fake.crm.add_by_people("Lead", LEAD)
    await fake.misbehave(page=3, index_lag=3600, next_url=url)
    with pytest.raises(CrmUnavailable):
        await adapter.find_contacts([NUMBER])


async def test_more_pages_than_are_read_are_no_answer(crm: tuple[Fake, CrmAdapter]) -> None:
    fake, adapter = crm
    for _ in range(12):
        fake.crm.add_by_people("Lead", LEAD)
    await fake.misbehave(page=1, index_lag=3600)
    with pytest.raises(CrmUnavailable, match="more records"):
        await adapter.find_contacts([NUMBER])


async def test_a_search_beyond_what_salesforce_lists_is_no_answer(crm: tuple[Fake, CrmAdapter]) -> None:
    _, adapter = crm
    with pytest.raises(CrmUnavailable, match="more of the name"):
        await adapter.search_contacts("a", 10, "[2001,0]")


async def test_one_kind_that_cannot_be_read_makes_no_answer(crm: tuple[Fake, CrmAdapter]) -> None:
    fake, adapter = crm
    fake.crm.add_by_people("Lead", LEAD)
    await fake.misbehave(hidden="HomePhone")
    for question in (adapter.find_contacts([NUMBER]), adapter.check()):
        with pytest.raises(CrmUnavailable, match="No such column 'HomePhone'"):
            await question


async def test_client_credentials_will_do() -> None:
    async with salesforce(refresh_token="") as (fake, adapter):
        await adapter.check()
        assert fake.crm.token_requests == 1


async def test_a_share_of_the_days_requests_is_left_to_others() -> None:
    async with salesforce(limit_share=50) as (fake, adapter):
        await adapter.check()
        await fake.misbehave(used=7_500)
        await adapter.find_contacts([NUMBER])
        with pytest.raises(CrmRateLimited) as caught:
            await adapter.find_contacts([NUMBER])
        assert caught.value.retry_after == pytest.approx(60, abs=2)


async def test_times_are_read_with_their_offset(crm: tuple[Fake, CrmAdapter]) -> None:
    fake, adapter = crm
    lead = fake.crm.add_by_people(
        "Lead", LEAD | {"LastActivityDate": "2026-03-04", "Title": "Admiral", "Email": "g@example.com"}
    )
    contact = await adapter.get_contact(lead)
    assert contact is not None
    assert contact.create_time is not None
    assert abs(datetime.now(UTC) - contact.create_time) < timedelta(minutes=1)
    assert contact.last_activity_time == datetime(2026, 3, 4, tzinfo=UTC)
    assert (contact.title, contact.email) == ("Admiral", "g@example.com")


def test_the_fakes_token_is_that_of_every_fake() -> None:
    assert FakeSalesforce().token == GOOD_TOKEN
