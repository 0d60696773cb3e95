"""Contacts that people merge and convert while a call lasts, as tests: ring, move the contact, hang up."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from leadline_server.domain.contact import Contact
from leadline_server.domain.crm_errors import CrmRejected
from leadline_server.ports.crm import CrmLog
from leadline_server.testing.crm_harness import CrmUnderTest, Report, a_key, a_number, if_possible

_LEAD = "lead"


class MovedContactCases:
    """Merged and converted contacts. Subclasses provide the fixture `crm`."""

    async def test_what_a_call_was_when_it_ended_arrives_though_its_contact_was_merged(self, crm: CrmUnderTest) -> None:
        people, number, report = crm.other_hands(), a_number(), Report()
        kept, gone = await crm.a_contact(number=number), await crm.a_contact(number=number)
        await crm.becomes_found(number, {kept.id, gone.id})
        log = await crm.adapter.create_call_log(report.ringing(gone.id), a_key())
        await if_possible(people.merge_contacts(kept.id, gone.id))
        await crm.becomes_found(number, {kept.id})
        await assert_ended(crm, log, report, gone.id, kept.id)

    async def test_what_a_call_was_when_it_ended_arrives_though_its_lead_was_converted(self, crm: CrmUnderTest) -> None:
        people, number, report = crm.other_hands(), a_number(), Report()
        lead = await a_lead(crm, number)
        log = await crm.adapter.create_call_log(report.ringing(lead.id), a_key())
        contact_id = await if_possible(people.convert_contact(lead.id))
        await crm.becomes_found(number, {contact_id})
        await assert_ended(crm, log, report, lead.id, contact_id)

    async def test_a_converted_lead_is_found_no_more_and_its_contact_is(self, crm: CrmUnderTest) -> None:
        people, number = crm.other_hands(), a_number()
        lead = await a_lead(crm, number)
        await crm.becomes_found(number, {lead.id})
        contact_id = await if_possible(people.convert_contact(lead.id))
        await crm.becomes_found(number, {contact_id})

    async def test_the_id_of_a_converted_lead_gives_its_contact_where_that_is_declared(self, crm: CrmUnderTest) -> None:
        crm.requires("follows_moved_contacts")
        people, lead = crm.other_hands(), await a_lead(crm, a_number())
        contact_id = await if_possible(people.convert_contact(lead.id))
        read = await crm.adapter.get_contact(lead.id)
        assert read is not None, "get_contact follows a converted lead, since the adapter declares it."
        assert read.id == contact_id, "The contact has its own id, not that of the lead."


async def a_lead(crm: CrmUnderTest, number: str) -> Contact:
    """A new lead; without leads the test is skipped."""
    if _LEAD not in crm.adapter.capabilities.contact_types:
        pytest.skip("This CRM has no leads.")
    return await crm.a_contact(number=number, kind=_LEAD)


async def assert_ended(crm: CrmUnderTest, log: CrmLog, report: Report, gone_id: str, living_id: str) -> None:
    """Report the end of the call as leadline does: every field arrives, at the contact that people chose."""
    people = crm.other_hands()
    updated = await ended(crm, log, report, gone_id, living_id)
    seen = await people.see_log(log.id)
    assert seen.contact_id == living_id, "The log stays with the contact that people chose."
    assert updated.contact_id in {"", living_id}, "CrmLog.contact_id is the contact that the log is at."
    wanted = await changed_by_the_end(crm, report, living_id)
    assert {name: seen.fields.get(name) for name in wanted} == wanted, "Every field of the call arrives."
    assert seen.note == "at last"


async def ended(crm: CrmUnderTest, log: CrmLog, report: Report, gone_id: str, living_id: str) -> CrmLog:
    """Update the log. If the CRM refuses that because of the contact, resolve it, as leadline does."""
    entry = report.entry(gone_id, note="at last")
    try:
        return await crm.adapter.update_call_log(log.id, entry)
    except CrmRejected:
        read = await crm.adapter.get_contact(gone_id)
        assert read is None or read.id == living_id, "The CRM refuses an update for a contact that it has."
        return await crm.adapter.update_call_log(log.id, replace(entry, contact_id=living_id))


async def changed_by_the_end(crm: CrmUnderTest, report: Report, contact_id: str) -> Mapping[str, str]:
    """The fields of a log that the end of the call changes, as another log of the same call shows them."""
    people, key = crm.other_hands(), a_key()
    log = await crm.adapter.create_call_log(report.ringing(contact_id), key)
    await crm.adapter.update_call_log(log.id, report.ringing(contact_id))
    ringing = (await people.see_log(log.id)).fields
    await crm.adapter.update_call_log(log.id, report.entry(contact_id, note="at last"))
    end = (await people.see_log(log.id)).fields
    # A text of the log may have its key, which is another one here.
    return {name: value for name, value in end.items() if ringing.get(name) != value and key not in value}
