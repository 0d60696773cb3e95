"""The obligations of ports.crm.ContactDeleter, as tests. They are skipped without `deletes_contacts`."""

import asyncio
import time

import pytest

from leadline_server.domain.contact import Contact
from leadline_server.ports.crm import ContactDeleter, ContactUse
from leadline_server.testing.crm_harness import CrmUnderTest, Report, a_key, a_name, if_possible


class RemovalCases:
    """Deleting contacts that no one has used. Subclasses provide the fixture `crm`."""

    async def test_a_check_deletes_nothing(self, crm: CrmUnderTest) -> None:
        contact = await _created(crm)
        assert await _removed(crm, contact, only_check=True) is ContactUse.UNUSED
        assert await crm.adapter.get_contact(contact.id) is not None

    async def test_an_unused_contact_is_deleted(self, crm: CrmUnderTest) -> None:
        contact, other = await _created(crm), await _created(crm)
        assert await _removed(crm, contact) is ContactUse.UNUSED
        assert await crm.adapter.get_contact(contact.id) is None
        assert await crm.adapter.get_contact(other.id) is not None

    async def test_a_deleted_contact_is_found_no_more(self, crm: CrmUnderTest) -> None:
        contact = await _created(crm)
        await _removed(crm, contact)
        await crm.becomes_found(contact.phone_numbers[0], set())

    async def test_a_contact_with_leadlines_own_log_alone_is_unused(self, crm: CrmUnderTest) -> None:
        contact = await _created(crm)
        log = await crm.adapter.create_call_log(Report().entry(contact.id), a_key())
        assert await _removed(crm, contact, log.id) is ContactUse.UNUSED
        assert await crm.adapter.get_contact(contact.id) is None

    async def test_a_contact_with_another_log_is_used_and_stays(self, crm: CrmUnderTest) -> None:
        contact = await _created(crm)
        own, _ = [await crm.adapter.create_call_log(Report().entry(contact.id), a_key()) for _ in range(2)]
        assert await _removed(crm, contact, own.id, only_check=True) is ContactUse.USED
        assert await _removed(crm, contact, own.id) is ContactUse.USED
        assert await crm.adapter.get_contact(contact.id) is not None

    async def test_a_contact_that_people_edited_is_used_and_stays(self, crm: CrmUnderTest) -> None:
        contact = await _created(crm)
        if not crm.shows_edits:
            pytest.skip("CrmUnderTest.shows_edits is false: leadline compares the fields itself.")
        await asyncio.sleep(1.01 - time.time() % 1)  # until the next second, since some CRMs count in seconds
        await if_possible(crm.other_hands().rename_contact(contact.id, a_name()))
        assert await _removed(crm, contact) is ContactUse.USED
        assert await crm.adapter.get_contact(contact.id) is not None

    async def test_a_contact_that_is_gone_is_deleted_already(self, crm: CrmUnderTest) -> None:
        contact = await _created(crm)
        await _removed(crm, contact)
        assert await _removed(crm, contact) is ContactUse.UNUSED


async def _created(crm: CrmUnderTest) -> Contact:
    crm.requires("deletes_contacts")
    return await crm.a_contact()


async def _removed(crm: CrmUnderTest, contact: Contact, *log_ids: str, only_check: bool = False) -> ContactUse:
    assert isinstance(crm.adapter, ContactDeleter)
    return await crm.adapter.delete_contact(contact.id, log_ids, only_check=only_check)
