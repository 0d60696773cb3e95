"""The obligations of CrmAdapter's call logs, as tests."""

import asyncio
from dataclasses import replace

import pytest

from leadline_server.domain.call import Call
from leadline_server.domain.crm_errors import CrmRejected
from leadline_server.testing.crm_harness import START, CrmUnderTest, Report, a_key, if_possible


class WriteLogCases:
    """Call logs are written and found. Subclasses provide the fixture `crm`."""

    async def test_a_log_is_the_contacts_and_says_what_the_call_says(self, crm: CrmUnderTest) -> None:
        reader, contact = crm.log_reader(), await crm.a_contact()
        log = await crm.adapter.create_call_log(Report().entry(contact.id, subject="Hello", note="World"), a_key())
        seen = await reader.see_log(log.id)
        assert seen.contact_id == contact.id, "The log is at the contact of its entry."
        assert "World" in (seen.note or seen.text), "The log has the note of its entry."
        if crm.adapter.capabilities.has_subject:
            assert seen.subject == "Hello", "The log has the subject of its entry, since `has_subject` is declared."

    async def test_a_call_of_which_next_to_nothing_is_known_can_be_logged(self, crm: CrmUnderTest) -> None:
        contact = await crm.a_contact()
        entry = replace(Report().entry(contact.id), call=Call(id=a_key()), fallback_time=START)
        assert (await crm.adapter.create_call_log(entry, a_key())).id

    async def test_a_log_of_a_contact_that_does_not_exist_is_rejected(self, crm: CrmUnderTest) -> None:
        with pytest.raises(CrmRejected):
            await crm.adapter.create_call_log(Report().entry("no-such-contact"), a_key())

    async def test_one_key_makes_one_log(self, crm: CrmUnderTest) -> None:
        crm.requires("enforces_unique_key")
        contact, key = await crm.a_contact(), a_key()
        logs = [await crm.adapter.create_call_log(Report().entry(contact.id), key) for _ in range(2)]
        assert logs[0] == logs[1]

    async def test_one_key_makes_one_log_32_times_at_once(self, crm: CrmUnderTest) -> None:
        crm.requires("enforces_unique_key")
        contact, key, report = await crm.a_contact(), a_key(), Report()
        logs = await asyncio.gather(*(crm.adapter.create_call_log(report.entry(contact.id), key) for _ in range(32)))
        assert len({log.id for log in logs}) == 1

    async def test_another_key_makes_another_log(self, crm: CrmUnderTest) -> None:
        contact = await crm.a_contact()
        logs = [await crm.adapter.create_call_log(Report().entry(contact.id), a_key()) for _ in range(2)]
        assert logs[0].id != logs[1].id

    async def test_a_log_is_found_by_its_key(self, crm: CrmUnderTest) -> None:
        crm.requires("finds_log_by_key")
        contact, key = await crm.a_contact(), a_key()
        log = await crm.adapter.create_call_log(Report().entry(contact.id), key)
        assert await crm.adapter.find_call_log(key) == log

    async def test_a_key_that_was_never_used_finds_no_log(self, crm: CrmUnderTest) -> None:
        crm.requires("finds_log_by_key")
        assert await crm.adapter.find_call_log(a_key()) is None

    async def test_a_write_that_was_cancelled_is_found_by_its_key_or_can_be_repeated(self, crm: CrmUnderTest) -> None:
        crm.requires("finds_log_by_key")
        crm.requires("enforces_unique_key")
        contact, key, report = await crm.a_contact(), a_key(), Report()
        lost = asyncio.create_task(crm.adapter.create_call_log(report.entry(contact.id), key))
        await asyncio.sleep(0)
        lost.cancel()
        await asyncio.wait([lost])
        log = await crm.adapter.create_call_log(report.entry(contact.id), key)
        assert await crm.adapter.find_call_log(key) == log


class UpdateLogCases:
    """Call logs are updated and moved. Subclasses provide the fixture `crm`."""

    async def test_an_update_changes_what_the_log_says(self, crm: CrmUnderTest) -> None:
        reader, contact, report = crm.log_reader(), await crm.a_contact(), Report()
        log = await crm.adapter.create_call_log(report.entry(contact.id, note="before"), a_key())
        updated = await crm.adapter.update_call_log(log.id, report.entry(contact.id, note="after"))
        assert updated.id == log.id, "An update answers with the id of its log; it logs nothing a second time."
        seen = await reader.see_log(log.id)
        assert "after" in (seen.note or seen.text), "The log says what the update says."
        assert "before" not in (seen.note or seen.text), "The update replaces the note."

    async def test_an_update_leaves_what_people_wrote(self, crm: CrmUnderTest) -> None:
        people, contact, report = crm.other_hands(), await crm.a_contact(), Report()
        log = await crm.adapter.create_call_log(report.entry(contact.id), a_key())
        await people.edit_log(log.id, "Send the offer")
        await crm.adapter.update_call_log(log.id, report.entry(contact.id, note="after"))
        assert (await people.see_log(log.id)).peoples_field == "Send the offer"

    async def test_an_update_leaves_what_people_added_to_the_note(self, crm: CrmUnderTest) -> None:
        people, contact, report = crm.other_hands(), await crm.a_contact(), Report()
        log = await crm.adapter.create_call_log(report.entry(contact.id, note="before"), a_key())
        await if_possible(people.add_to_note(log.id, "She prefers mornings."))
        for note in ("after", "at last"):
            await crm.adapter.update_call_log(log.id, report.entry(contact.id, note=note))
            seen = await people.see_log(log.id)
            text = seen.text or seen.note
            assert ("before" in text, note in text, text.count("She prefers mornings.")) == (False, True, 1)

    async def test_the_same_update_twice_is_as_good_as_once(self, crm: CrmUnderTest) -> None:
        people, contact, report = crm.log_reader(), await crm.a_contact(), Report()
        log = await crm.adapter.create_call_log(report.entry(contact.id), a_key())
        for _ in range(2):
            await crm.adapter.update_call_log(log.id, report.entry(contact.id, note="after"))
        seen = await people.see_log(log.id)
        assert (seen.note or seen.text).count("after") == 1, "The same update twice says the same once."

    async def test_an_update_of_a_log_that_never_was_is_rejected(self, crm: CrmUnderTest) -> None:
        contact = await crm.a_contact()
        with pytest.raises(CrmRejected):
            await crm.adapter.update_call_log("no-such-log", Report().entry(contact.id))

    async def test_an_update_of_a_log_that_is_gone_is_rejected(self, crm: CrmUnderTest) -> None:
        people, contact, report = crm.other_hands(), await crm.a_contact(), Report()
        log = await crm.adapter.create_call_log(report.entry(contact.id), a_key())
        await people.delete_log(log.id)
        with pytest.raises(CrmRejected):
            await crm.adapter.update_call_log(log.id, report.entry(contact.id))

    async def test_an_update_for_another_contact_moves_the_log(self, crm: CrmUnderTest) -> None:
        crm.requires("moves_log")
        reader, report = crm.log_reader(), Report()
        one, other = await crm.a_contact(), await crm.a_contact()
        log = await crm.adapter.create_call_log(report.entry(one.id), a_key())
        await crm.adapter.update_call_log(log.id, report.entry(other.id, moves=True))
        seen = await reader.see_log(log.id)
        assert seen.contact_id == other.id, "An update with `moves` moves the log, since `moves_log` is declared."

    async def test_an_update_that_moves_nothing_leaves_the_log_at_its_contact(self, crm: CrmUnderTest) -> None:
        crm.requires("moves_log")
        people, report = crm.log_reader(), Report()
        one, other = await crm.a_contact(), await crm.a_contact()
        log = await crm.adapter.create_call_log(report.entry(one.id, note="before"), a_key())
        await crm.adapter.update_call_log(log.id, report.entry(other.id, note="before", moves=True))
        updated = await crm.adapter.update_call_log(log.id, report.entry(one.id, note="after"))
        seen = await people.see_log(log.id)
        assert seen.contact_id == other.id, "An update without `moves` leaves the contact."
        assert "after" in (seen.note or seen.text), "An update changes the note."
        assert updated.contact_id in {"", other.id}, "CrmLog.contact_id is the contact that the log is at."

    async def test_a_log_that_cannot_be_moved_there_stays_as_it_is(self, crm: CrmUnderTest) -> None:
        crm.requires("moves_log")
        people, contact, report = crm.log_reader(), await crm.a_contact(), Report()
        log = await crm.adapter.create_call_log(report.entry(contact.id, note="before"), a_key())
        with pytest.raises(CrmRejected):
            await crm.adapter.update_call_log(log.id, report.entry("no-such-contact", note="after", moves=True))
        assert (await people.see_log(log.id)).contact_id == contact.id
