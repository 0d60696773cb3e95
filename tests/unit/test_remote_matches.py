"""Contacts that an adapter in another process matched, and the numbers that they matched by."""

from collections.abc import AsyncIterator
from typing import Final

import pytest
from leadline.adapter.v1 import adapter_service_pb2 as pb
from leadline.v1 import contact_pb2
from leadline_server.crm.remote.adapter_type import remote_crm
from leadline_server.domain.crm_errors import CrmUnavailable
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.ports.crm import CrmAdapter
from support.scripted_adapters import CONTACT, ScriptedAdapter, says, scripted_adapter

NUMBER: Final = parse_number("(202) 555-0147", "US")


@pytest.fixture
async def adapter() -> AsyncIterator[ScriptedAdapter]:
    async with scripted_adapter() as running:
        yield running


@pytest.fixture
async def crm(adapter: ScriptedAdapter) -> AsyncIterator[CrmAdapter]:
    async with remote_crm(adapter.address, deadline=2.0) as connected:
        yield connected


async def test_a_contact_that_the_crm_matched_has_the_number_that_was_asked_for(adapter: ScriptedAdapter) -> None:
    other = contact_pb2.Contact(id="c-2", name="Ada", phone_numbers=["+442079460123"])
    match = pb.NumberMatch(contact_id="c-2", number=NUMBER.e164)
    adapter.answers["FindContacts"] = says(
        pb.FindContactsResponse(contacts=[CONTACT, other], matches=[match], is_complete=True)
    )
    async with remote_crm(adapter.address) as crm:
        found = {contact.id: contact.phone_numbers for contact in await crm.find_contacts([NUMBER])}
    assert found == {"c-1": (NUMBER.e164,), "c-2": ("+442079460123", NUMBER.e164)}


async def test_an_extension_is_matched_by_its_digits_and_a_number_is_added_once(adapter: ScriptedAdapter) -> None:
    desk = contact_pb2.Contact(id="c-2", name="Desk", phone_numbers=["+12025550100"])
    matches = [pb.NumberMatch(contact_id="c-2", number="101"), pb.NumberMatch(contact_id="c-2", number="101")]
    adapter.answers["FindContacts"] = says(pb.FindContactsResponse(contacts=[desk], matches=matches, is_complete=True))
    async with remote_crm(adapter.address) as crm:
        [contact] = await crm.find_contacts([parse_number("101", "US")])
    assert contact.phone_numbers == ("+12025550100", "101")


@pytest.mark.parametrize(
    "match",
    [
        pb.NumberMatch(contact_id="c-9", number=NUMBER.e164),
        pb.NumberMatch(contact_id="c-1", number="+442079460123"),
        pb.NumberMatch(contact_id="c-1"),
        pb.NumberMatch(number=NUMBER.e164),
    ],
)
async def test_a_match_of_anything_else_is_cannot_tell(adapter: ScriptedAdapter, match: pb.NumberMatch) -> None:
    adapter.answers["FindContacts"] = says(
        pb.FindContactsResponse(contacts=[CONTACT], matches=[match], is_complete=True)
    )
    async with remote_crm(adapter.address) as crm:
        with pytest.raises(CrmUnavailable, match="has a match of a contact that it does not have"):
            await crm.find_contacts([NUMBER])
