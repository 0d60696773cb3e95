"""Contacts in Zoho CRM: two modules, unique fields, what can be asked for in COQL, and tokens."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from fakes.serving import FakeServer
from fakes.soql import read_query
from fakes.zoho import MARK_FIELD, FakeZoho
from fakes.zoho_people import zoho
from hypothesis import given, settings
from hypothesis import strategies as st
from leadline_server.crm.zoho import adapter as zoho_adapter
from leadline_server.crm.zoho.adapter_type import ZohoSettings, addresses
from leadline_server.crm.zoho.coql import longest_word, number_conditions
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.crm_errors import CrmRateLimited, CrmRejected, CrmUnavailable
from leadline_server.domain.numbers.phone_number import NumberKind, parse_number
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.crm import CrmAdapter

NUMBER = parse_number("+12025550147", "US")
DRAFT = ContactDraft(name="Ada Lovelace", phone_number=NUMBER)
PLACEHOLDER = ContactDraft(name="Unknown Caller", phone_number=NUMBER, is_placeholder=True)
LEAD = {"Last_Name": "Hopper", "Company": "Navy", "Phone": "(202) 555-0147"}

Fake = FakeServer[FakeZoho]


@pytest.fixture
async def crm() -> AsyncIterator[tuple[Fake, CrmAdapter]]:
    async with zoho() as opened:
        yield opened


def created(fake: Fake, module: str) -> dict[str, Any]:
    [record] = fake.crm.records.all(module)
    return record.fields


async def found(adapter: CrmAdapter) -> list[str]:
    return [contact.id for contact in await adapter.find_contacts([NUMBER])]


async def test_leads_and_contacts_are_found_but_no_converted_lead(crm: tuple[Fake, CrmAdapter]) -> None:
    fake, adapter = crm
    lead = fake.crm.add_by_people("Leads", LEAD)
    contact = fake.crm.add_by_people("Contacts", {"Last_Name": "Hopper", "Other_Phone": "+1 202 555 0147"})
    gone = fake.crm.add_by_people("Leads", LEAD | {"converted": True})
    assert await found(adapter) == [lead, contact]
    assert await adapter.get_contact(gone) is None


async def test_an_id_as_zoho_has_it_is_looked_for_in_both_modules(crm: tuple[Fake, CrmAdapter]) -> None:
    fake, adapter = crm
    for module in ("Leads", "Contacts"):
        own_id = fake.crm.add_by_people(module, LEAD)
        read = await adapter.get_contact(own_id.partition(":")[2])
        assert read is not None
        assert read.id == own_id


async def test_a_placeholder_is_a_marked_lead_with_a_company() -> None:
    async with zoho(placeholder_field=MARK_FIELD) as (fake, adapter):
        contact = await adapter.create_contact(PLACEHOLDER, "key")
        assert created(fake, "Leads") == {
            "First_Name": "Unknown",
            "Last_Name": "Caller",
            "Phone": "+12025550147",
            "Company": "Unknown",
            MARK_FIELD: True,
        }
        read = await adapter.get_contact(contact.id)
        assert read is not None
        assert (contact.is_placeholder, contact.company) == (True, "")
        assert replace(read, create_time=None) == contact


async def test_a_placeholder_is_not_marked_where_no_field_is_named(crm: tuple[Fake, CrmAdapter]) -> None:
    _, adapter = crm
    assert not (await adapter.create_contact(PLACEHOLDER, "key")).is_placeholder


async def test_a_contact_may_be_one(crm: tuple[Fake, CrmAdapter]) -> None:
    fake, adapter = crm
    number = parse_number("+12025550147 x12", "US")
    contact = await adapter.create_contact(
        replace(DRAFT, type="contact", phone_number=number, email="a@b.example"), "key"
    )
    fields = {"First_Name": "Ada", "Last_Name": "Lovelace", "Phone": "+12025550147 x12", "Email": "a@b.example"}
    assert created(fake, "Contacts") == fields
    assert contact.id.startswith("contact:")
    assert re.fullmatch(r"https://crm\.zoho\.com/crm/tab/Contacts/\d+", contact.url)


@pytest.mark.parametrize("status", [202, 400])
async def test_a_record_that_a_unique_field_names_is_adopted_if_it_has_the_number(status: int) -> None:
    async with zoho() as (fake, adapter):
        await fake.misbehave(unique="Email", error_status=status)
        own = fake.crm.add_by_people("Leads", LEAD | {"Email": "a@b.example"})
        fake.crm.add_by_people("Leads", LEAD | {"Email": "c@b.example", "Phone": "+12025550148"})
        assert (await adapter.create_contact(replace(DRAFT, email="a@b.example"), "key")).id == own
        with pytest.raises(CrmRejected, match=r"DUPLICATE_DATA: duplicate data \(Email\)"):
            await adapter.create_contact(replace(DRAFT, email="c@b.example"), "key")
        assert len(fake.crm.records.all("Leads")) == 2


@pytest.mark.parametrize("status", [200, 202, 207, 400])
async def test_a_refusal_is_one_whatever_the_status(crm: tuple[Fake, CrmAdapter], status: int) -> None:
    fake, adapter = crm
    await fake.misbehave(error_status=status)
    with pytest.raises(CrmRejected, match=r"INVALID_DATA: maximum length exceeded: x+.* \(Last_Name\)"):
        await adapter.create_contact(replace(DRAFT, name="x" * 90), "key")
    assert (await adapter.create_contact(replace(PLACEHOLDER, name="x" * 90), "key")).name == "x" * 80


@pytest.mark.parametrize(("workflows", "trigger"), [(True, None), (False, [])])
async def test_workflows_run_unless_they_are_switched_off(*, workflows: bool, trigger: object) -> None:
    async with zoho(workflows=workflows) as (fake, adapter):
        await adapter.create_contact(DRAFT, "key")
        assert fake.crm.triggers == [trigger]


async def test_no_more_is_asked_at_once_than_zoho_allows() -> None:
    async with zoho(concurrency=2) as (fake, adapter):
        await fake.misbehave(latency=0.01, most_at_once=2)
        numbers = [parse_number(f"+1202555{i:04}", "US") for i in range(100, 116)]
        assert await adapter.find_contacts(numbers) == []
        assert fake.crm.most_under_way == 2


async def test_too_much_at_once_waits_a_moment(crm: tuple[Fake, CrmAdapter]) -> None:
    fake, adapter = crm
    await fake.misbehave(latency=0.1, most_at_once=1)
    with pytest.raises(CrmRateLimited) as caught:
        await adapter.find_contacts([NUMBER])
    assert caught.value.retry_after == 5


async def test_all_pages_of_an_answer_are_read(crm: tuple[Fake, CrmAdapter]) -> None:
    fake, adapter = crm
    for _ in range(3):
        fake.crm.add_by_people("Leads", LEAD)
    await fake.misbehave(most_rows=2)
    assert len(await adapter.find_contacts([NUMBER])) == 3


async def test_more_pages_than_leadline_reads_are_no_answer(
    crm: tuple[Fake, CrmAdapter], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, adapter = crm
    monkeypatch.setattr(zoho_adapter, "PAGE", 2)
    fake.crm.add_by_people("Leads", LEAD)
    assert len(await adapter.find_contacts([NUMBER])) == 1
    fake.crm.add_by_people("Leads", LEAD)
    with pytest.raises(CrmUnavailable, match="more records"):
        await adapter.find_contacts([NUMBER])


async def test_one_module_that_cannot_be_read_makes_no_answer(crm: tuple[Fake, CrmAdapter]) -> None:
    fake, adapter = crm
    fake.crm.add_by_people("Leads", LEAD)
    await fake.misbehave(hidden="Home_Phone")
    with pytest.raises(CrmUnavailable, match="INVALID_QUERY"):
        await adapter.check()


async def test_a_search_for_signs_alone_is_refused(crm: tuple[Fake, CrmAdapter]) -> None:
    _, adapter = crm
    with pytest.raises(CrmRejected, match="letters or digits"):
        await adapter.search_contacts("%'", 2, "")


async def test_times_and_titles_are_read(crm: tuple[Fake, CrmAdapter]) -> None:
    fake, adapter = crm
    more = {"Last_Activity_Time": "2026-03-04T05:06:07+05:30", "Designation": "Admiral"}
    lead = await adapter.get_contact(fake.crm.add_by_people("Leads", LEAD | more))
    assert lead is not None
    assert lead.last_activity_time == datetime(2026, 3, 3, 23, 36, 7, tzinfo=UTC)
    assert (lead.title, lead.company) == ("Admiral", "Navy")
    account = {"Account_Name": {"id": "1", "name": "Acme"}}
    contact = await adapter.get_contact(fake.crm.add_by_people("Contacts", {"Last_Name": "x", **account}))
    assert contact is not None
    assert contact.company == "Acme"


async def test_a_record_that_is_not_as_documented_is_no_answer(crm: tuple[Fake, CrmAdapter]) -> None:
    fake, adapter = crm
    odd = fake.crm.add_by_people("Leads", LEAD | {"Email": 7})
    with pytest.raises(CrmUnavailable, match="documentation"):
        await adapter.get_contact(odd)


async def test_the_accounts_own_formats_are_asked_for() -> None:
    async with zoho(AccountSettings(number_formats=("##.##.##.##.##", "'###'#######"))) as (fake, adapter):
        own = fake.crm.add_by_people("Leads", LEAD | {"Phone": "20.25.55.01.47"})
        assert await found(adapter) == [own]


def test_a_data_centre_has_its_hosts() -> None:
    given = {"client_id": "c", "client_secret": "s", "refresh_token": "r"}
    hosts = {
        "eu": ("https://www.zohoapis.eu", "https://accounts.zoho.eu", "https://crm.zoho.eu"),
        "com.au": ("https://www.zohoapis.com.au", "https://accounts.zoho.com.au", "https://crm.zoho.com.au"),
        "ca": ("https://www.zohoapis.ca", "https://accounts.zohocloud.ca", "https://crm.zohocloud.ca"),
    }
    for center, expected in hosts.items():
        assert addresses(ZohoSettings.model_validate({**given, "data_center": center})) == expected


@settings(deadline=None)  # other work on the machine is no failure
@given(st.lists(st.from_regex(r"\+(1|44|49|39|81)[2-9][0-9]{8,9}", fullmatch=True), min_size=1, max_size=16))
def test_conditions_keep_to_zohos_limits_and_find_every_number(texts: list[str]) -> None:
    numbers = [number for text in texts if (number := parse_number(text, "US")).kind is NumberKind.DIALABLE]
    conditions = list(number_conditions(numbers, ("###-#######",), ("Phone", "Mobile")))
    queries = [read_query(f"SELECT id FROM Leads WHERE {condition}") for condition in conditions]  # noqa: S608 - plain
    assert all(condition.count(" LIKE ") <= 25 for condition in conditions)
    assert not any(set("\\_") & set(condition) for condition in conditions)
    for number in numbers:
        rows = [
            {"Phone": None, "Mobile": stored} for stored in (number.e164, f" 00{number.e164[1:]} x3", number.national)
        ]
        assert all(any(query.condition(row) for query in queries) for row in rows)


@given(st.text(max_size=40))
def test_the_longest_word_needs_no_escaping_and_is_in_the_name(name: str) -> None:
    word = longest_word(name)
    assert word in name
    assert not set("'\\%_ ") & set(word)
