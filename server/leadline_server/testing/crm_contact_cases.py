"""The obligations of CrmAdapter.create_contact, as tests."""

import asyncio
from dataclasses import replace

import pytest

from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.crm_errors import CrmRejected
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.testing.crm_harness import CrmUnderTest, a_key, a_name, a_number


class CreateCases:
    """Creating contacts. Subclasses provide the fixture `crm`."""

    async def test_a_created_contact_has_what_the_draft_says(self, crm: CrmUnderTest) -> None:
        number = a_number()
        draft = ContactDraft(
            name="Ada Lovelace", phone_number=parse_number(number, crm.region), email="ada@example.com", company="Acme"
        )
        created = await crm.adapter.create_contact(draft, a_key())
        assert created.id, "A new contact has an id."
        assert (created.name, created.email) == ("Ada Lovelace", "ada@example.com"), "It has what the draft says."
        if crm.adapter.capabilities.has_company:
            read = await crm.adapter.get_contact(created.id)
            companies = {created.company, read.company if read else ""}
            assert companies == {"Acme"}, "It has the draft's company, since `has_company` is declared."
        numbers = [parse_number(text, crm.region).e164 for text in created.phone_numbers]
        assert numbers == [number], "It has the draft's number."

    async def test_a_contact_has_the_default_type_unless_the_draft_says_one(self, crm: CrmUnderTest) -> None:
        crm.requires("contact_types")
        assert (await crm.a_contact()).type == crm.adapter.capabilities.contact_types[0]

    async def test_a_contact_can_have_every_declared_type(self, crm: CrmUnderTest) -> None:
        crm.requires("contact_types")
        for kind in crm.adapter.capabilities.contact_types:
            created = await crm.adapter.create_contact(replace(_draft(crm), type=kind), a_key())
            assert created.type == kind

    async def test_a_type_that_is_not_declared_is_rejected(self, crm: CrmUnderTest) -> None:
        crm.requires("contact_types")
        with pytest.raises(CrmRejected):
            await crm.adapter.create_contact(replace(_draft(crm), type="no-such-type"), a_key())

    async def test_another_key_makes_another_contact(self, crm: CrmUnderTest) -> None:
        draft = _draft(crm)
        created = [await crm.adapter.create_contact(draft, a_key()) for _ in range(2)]
        assert created[0].id != created[1].id

    async def test_one_key_makes_one_contact(self, crm: CrmUnderTest) -> None:
        crm.requires("enforces_unique_key")
        draft, key = _draft(crm), a_key()
        first = await crm.adapter.create_contact(draft, key)
        second = await crm.adapter.create_contact(replace(draft, name="Another name"), key)
        assert (second.id, second.name) == (first.id, first.name)
        await crm.becomes_found(draft.phone_number.e164, {first.id})

    async def test_one_key_makes_one_contact_32_times_at_once(self, crm: CrmUnderTest) -> None:
        crm.requires("enforces_unique_key")
        draft, key = _draft(crm), a_key()
        created = await asyncio.gather(*(crm.adapter.create_contact(draft, key) for _ in range(32)))
        assert len({contact.id for contact in created}) == 1
        await crm.becomes_found(draft.phone_number.e164, {created[0].id})


def _draft(crm: CrmUnderTest) -> ContactDraft:
    return ContactDraft(name=a_name(), phone_number=parse_number(a_number(), crm.region))
