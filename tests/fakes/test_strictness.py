"""The fakes refuse what the vendors refuse, by their documents and sources, and count what a request costs."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.crm_errors import CrmRateLimited, CrmRejected
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.ports.crm import CrmAdapter
from leadline_server.testing.crm_harness import Report, a_number
from support.adapters import opened_adapter

from fakes.__main__ import make
from fakes.connections import OPTIONS
from fakes.misbehaviour import GOOD_TOKEN
from fakes.serving import FakeServer, fake_server

VENDORS: Final = tuple(OPTIONS)
HEADERS: Final = {
    "zoho": {"Authorization": f"Zoho-oauthtoken {GOOD_TOKEN}"},
    "pipedrive": {"x-api-token": GOOD_TOKEN},
    "espocrm": {"X-Api-Key": GOOD_TOKEN},
}


@asynccontextmanager
async def serving(vendor: str, folder: Path) -> AsyncIterator[tuple[FakeServer[Any], CrmAdapter]]:
    """A fake in this loop, and the adapter to it."""
    async with fake_server(make(vendor, folder / "records")) as fake:
        options = {"adapter": vendor} | OPTIONS[vendor](fake.url)
        async with opened_adapter(options.pop("adapter"), options, folder) as adapter:
            yield fake, adapter


async def sent(fake: FakeServer[Any], vendor: str, method: str, path: str, **content: Any) -> tuple[int, str]:
    """The status and the text of an answer."""
    headers = HEADERS.get(vendor, {"Authorization": f"Bearer {GOOD_TOKEN}"})
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.request(method, f"{fake.url}{path}", **content) as answer,
    ):
        return answer.status, await answer.text() + str(dict(answer.headers))


def zoho_query(where: str) -> dict[str, Any]:
    return {"json": {"select_query": f"SELECT id FROM Leads WHERE {where} LIMIT 200"}}  # noqa: S608 - a test


THREE: Final = "Phone LIKE '%1%' OR Mobile LIKE '%1%' OR Phone LIKE '%2%'"
ZOHO_CALL: Final = {
    "Subject": "x",
    "Call_Type": "Inbound",
    "Call_Duration": "00:30",
    "Call_Start_Time": "2026-01-01T00:00:00+00:00",
}
ESPO: Final = "/api/v1/Contact"
SALESFORCE: Final = "/services/data/v67.0"
HUBSPOT: Final = "/crm/objects/2026-03"

REFUSED: Final[dict[str, tuple[str, str, str, dict[str, Any], int, str]]] = {
    "COQL without brackets": ("zoho", "POST", "/crm/v8/coql", zoho_query(f"({THREE})"), 400, "brackets"),
    "COQL over a long text": ("zoho", "POST", "/crm/v8/coql", zoho_query("(Description = 'x')"), 400, "multi-line"),
    "a call of the future": (
        *("zoho", "POST", "/crm/v8/Calls"),
        {"json": {"data": [ZOHO_CALL | {"Call_Start_Time": "2096-01-01T00:00:00+00:00"}]}},
        *(202, "INVALID_DATA"),
    ),
    "an owner that Zoho does not have": (
        *("zoho", "POST", "/crm/v8/Calls"),
        {"json": {"data": [ZOHO_CALL | {"Owner": {"id": "7"}}]}},
        *(202, "owner"),
    ),
    "an address that is none": (
        *("zoho", "POST", "/crm/v8/Leads"),
        {"json": {"data": [{"Last_Name": "x", "Company": "x", "Email": "nobody"}]}},
        *(202, "INVALID_DATA"),
    ),
    "an unknown owner": (
        *("hubspot", "POST", f"{HUBSPOT}/contacts"),
        {"json": {"properties": {"firstname": "x", "hubspot_owner_id": "7"}}},
        *(400, "INVALID_OWNER_ID"),
    ),
    "an address of half": (
        *("hubspot", "POST", f"{HUBSPOT}/contacts"),
        {"json": {"properties": {"email": "x@y"}}},
        *(400, "INVALID_EMAIL"),
    ),
    "a task of nobody's": (
        *("salesforce", "POST", f"{SALESFORCE}/sobjects/Task"),
        {"json": {"Subject": "x", "OwnerId": "005000000000001AAA"}},
        *(400, "INVALID_CROSS_REFERENCE_KEY"),
    ),
    "a condition on a long text": (
        *("salesforce", "GET", f"{SALESFORCE}/query"),
        {"params": {"q": "SELECT Id FROM Task WHERE Description LIKE 'x%'"}},
        *(400, "can not be filtered"),
    ),
    "an e-mail address that is none": (
        *("salesforce", "POST", f"{SALESFORCE}/sobjects/Contact"),
        {"json": {"LastName": "x", "Email": "nobody"}},
        *(400, "INVALID_EMAIL_ADDRESS"),
    ),
    "an unknown parameter": ("pipedrive", "GET", "/api/v2/persons", {"params": {"phone": "1"}}, 400, "phone"),
    "a search by another field's name": (
        *("pipedrive", "GET", "/api/v2/persons/search"),
        {"params": {"term": "ab", "fields": "name", "start": "0"}},
        *(400, "start"),
    ),
    "a user that Pipedrive does not have": (
        *("pipedrive", "POST", "/api/v2/activities"),
        {"json": {"subject": "x", "type": "call", "owner_id": 7}},
        *(400, "no user"),
    ),
    "a custom field by its label": (
        *("pipedrive", "POST", "/api/v2/persons"),
        {"json": {"name": "x", "custom_fields": {"Region": "x"}}},
        *(400, "no custom field"),
    ),
    "a number without its country": (
        *("espocrm", "POST", ESPO),
        {"json": {"lastName": "x", "phoneNumber": "(202) 555-0147"}},
        *(400, "phoneNumber"),
    ),
    "a number that is too long for its plan": (
        *("espocrm", "POST", ESPO),
        {"json": {"lastName": "x", "phoneNumber": "+12025550147000"}},
        *(400, "phoneNumber"),
    ),
    "an address without a host": (
        *("espocrm", "POST", ESPO),
        {"json": {"lastName": "x", "emailAddress": "x@"}},
        *(400, "emailAddress"),
    ),
    "no address at all": (
        *("bottlecrm", "POST", "/api/contacts/"),
        {"json": {"first_name": "x", "last_name": "y", "email": "x"}},
        *(400, "valid email"),
    ),
}
"""By what is wrong: the fake, a request, the status of its answer, and a word of it."""


@pytest.mark.parametrize("wrong", REFUSED)
async def test_a_fake_refuses_what_its_vendor_refuses(tmp_path: Path, wrong: str) -> None:
    vendor, method, path, content, status, word = REFUSED[wrong]
    async with fake_server(make(vendor, tmp_path / "records")) as fake:
        seen, text = await sent(fake, vendor, method, path, **content)
        assert (seen, word in text) == (status, True), text


async def test_brackets_of_two_are_what_zoho_takes(tmp_path: Path) -> None:
    async with fake_server(make("zoho", tmp_path / "records")) as fake:
        nested = zoho_query("(Phone LIKE '%1%' OR (Mobile LIKE '%1%' OR Phone LIKE '%2%'))")
        assert (await sent(fake, "zoho", "POST", "/crm/v8/coql", **nested))[0] == 204


UNKNOWN_OWNERS: Final = {
    "zoho": "4876876000000000777",
    "hubspot": "99",
    "salesforce": "005000000000001AAA",
    "pipedrive": "99",
}


@pytest.mark.parametrize("vendor", UNKNOWN_OWNERS)
async def test_a_call_of_an_owner_whom_the_crm_does_not_have_is_refused(tmp_path: Path, vendor: str) -> None:
    async with serving(vendor, tmp_path) as (_, adapter):
        contact = await a_contact(adapter)
        entry = replace(Report().entry(contact), crm_user_id=UNKNOWN_OWNERS[vendor])
        with pytest.raises(CrmRejected):
            await adapter.create_call_log(entry, "demo/1")


@pytest.mark.parametrize("vendor", VENDORS)
async def test_an_address_that_the_crm_refuses_is_a_refusal(tmp_path: Path, vendor: str) -> None:
    async with serving(vendor, tmp_path) as (_, adapter):
        if vendor == "pipedrive":
            pytest.skip("Pipedrive's documents name no rule for e-mail addresses.")
        with pytest.raises(CrmRejected):
            await a_contact(adapter, email="no address")


SHORTEST_WAIT: Final = {"hubspot": 900, "salesforce": 60, "pipedrive": 900, "zoho": 300}
"""By vendors whose day has a budget: the seconds that leadline waits at least once it is spent."""


@pytest.mark.parametrize("vendor", SHORTEST_WAIT)
async def test_a_days_budget_that_is_spent_makes_leadline_wait(tmp_path: Path, vendor: str) -> None:
    async with serving(vendor, tmp_path) as (fake, adapter):
        await a_contact(adapter)
        await fake.misbehave(budget=fake.crm.spent)
        with pytest.raises(CrmRateLimited) as raised:
            await adapter.find_contacts([parse_number(a_number(), "US")])
        assert (raised.value.retry_after or 0) >= SHORTEST_WAIT[vendor]


COSTS: Final[dict[str, Callable[[int], bool]]] = {
    "hubspot": lambda spent: spent <= 2,
    "salesforce": lambda spent: spent <= 3,
    "pipedrive": lambda spent: spent <= 5 * 20,
    "zoho": lambda spent: spent <= 4,
}
"""The most that a lookup of an unknown number costs, in the vendor's units, as docs/crms.md says it."""


@pytest.mark.parametrize("vendor", COSTS)
async def test_a_lookup_costs_what_the_document_says(tmp_path: Path, vendor: str) -> None:
    async with serving(vendor, tmp_path) as (fake, adapter):
        await adapter.check()  # with the token
        before = fake.crm.spent
        await adapter.find_contacts([parse_number(a_number(), "US")])
        assert fake.crm.spent - before > 0
        assert COSTS[vendor](fake.crm.spent - before)


async def test_bottlecrms_searches_of_a_minute_are_counted(tmp_path: Path) -> None:
    async with serving("bottlecrm", tmp_path) as (fake, adapter):
        await fake.misbehave(searches_per_minute=2)
        assert not await adapter.find_contacts([parse_number(a_number(), "US")])  # of contacts and of leads
        with pytest.raises(CrmRateLimited) as raised:
            await adapter.find_contacts([parse_number(a_number(), "US")])
        assert 0 < (raised.value.retry_after or 0) <= 60


async def a_contact(adapter: CrmAdapter, email: str = "") -> str:
    draft = ContactDraft(name="Ada Lovelace", phone_number=parse_number(a_number(), "US"), email=email)
    return (await adapter.create_contact(draft, "key")).id
