"""Salesforce and Zoho CRM are alike in two things: they keep leads and contacts apart, and their tokens run out."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple

import pytest
from fakes.salesforce_people import salesforce
from fakes.zoho_people import zoho
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.crm_errors import CrmAuthFailed
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.ports.crm import CrmAdapter

NUMBER = parse_number("+12025550147", "US")


class Kind(NamedTuple):
    """A CRM with leads and contacts.

    Attributes:
        open: a fake and an adapter to it, with settings of the connection.
        tables: of leads and of contacts.
        last_name: the field of the name.
        converted: the field of a lead that became a contact.
        refusal: the code for a refresh token that was taken back.
    """

    open: Callable[..., AbstractAsyncContextManager[tuple[Any, CrmAdapter]]]
    tables: tuple[str, str]
    last_name: str
    converted: str
    refusal: str


KINDS = {
    "salesforce": Kind(salesforce, ("Lead", "Contact"), "LastName", "IsConverted", "invalid_grant"),
    "zoho": Kind(zoho, ("Leads", "Contacts"), "Last_Name", "converted", "invalid_code"),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture
async def crm(kind: Kind) -> AsyncIterator[tuple[Any, CrmAdapter]]:
    async with kind.open() as opened:
        yield opened


async def test_a_search_by_name_goes_through_both_kinds_in_order(kind: Kind, crm: tuple[Any, CrmAdapter]) -> None:
    fake, adapter = crm
    leads, contacts = kind.tables
    for i, letter in enumerate("ecadbf"):
        fake.crm.add_by_people(leads if i % 2 else contacts, {kind.last_name: f"Smith {letter}", "Company": "x"})
    fake.crm.add_by_people(leads, {kind.last_name: "Smith z", "Company": "x", kind.converted: True})
    names, cursor = list[str](), ""
    while True:
        page = await adapter.search_contacts("smith ", 2, cursor)
        names += [contact.name[-1] for contact in page.contacts]
        if not (cursor := page.next_cursor):
            break
    assert names == list("abcdef")


async def test_a_token_that_has_run_out_is_replaced_once(crm: tuple[Any, CrmAdapter]) -> None:
    fake, adapter = crm
    await adapter.check()
    await fake.misbehave(token="another")
    contact = await adapter.create_contact(ContactDraft(name="Ada Lovelace", phone_number=NUMBER), "key")
    assert [found.id for found in await adapter.find_contacts([NUMBER])] == [contact.id]
    assert fake.crm.token_requests == 2


async def test_a_grant_that_was_taken_back_is_an_administrators_matter(kind: Kind) -> None:
    async with kind.open(refresh_token="revoked") as (_, adapter):
        with pytest.raises(CrmAuthFailed, match=kind.refusal):
            await adapter.check()
