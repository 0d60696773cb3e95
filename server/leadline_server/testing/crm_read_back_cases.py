"""The obligations of ports.crm_call_logs.CallLogReader, and of logs that an update must not repeat, as tests."""

from leadline_server.domain.crm_errors import CrmRejected
from leadline_server.testing.crm_harness import CrmUnderTest, Report, a_key, if_possible
from leadline_server.testing.crm_texts import LINES, TEXTS


class ReadBackCases:
    """Reading logs back, and counting them. Subclasses provide the fixture `crm`."""

    async def test_a_log_that_never_was_is_none(self, crm: CrmUnderTest) -> None:
        assert await crm.reading_logs().get_call_log("no-such-log") is None, "A log that the CRM does not have is None."

    async def test_a_log_is_read_back_as_it_was_written(self, crm: CrmUnderTest) -> None:
        reader, contact = crm.reading_logs(), await crm.a_contact()
        log = await crm.adapter.create_call_log(Report().entry(contact.id, note="read back"), a_key())
        stored = await reader.get_call_log(log.id)
        assert stored is not None, "The log was created, so get_call_log returns it."
        assert (stored.id, stored.contact_id) == (log.id, contact.id), "It has the id and the contact of the log."
        assert "read back" in (stored.note or stored.text), "It has the note of the log."

    async def test_a_log_is_read_back_as_people_see_it(self, crm: CrmUnderTest) -> None:
        reader, people, report = crm.reading_logs(), crm.other_hands(), Report()
        contact = await crm.a_contact()
        log = await crm.adapter.create_call_log(report.entry(contact.id, subject="Hello", note="before"), a_key())
        await if_possible(people.add_to_note(log.id, "She prefers mornings."))
        await crm.adapter.update_call_log(log.id, report.entry(contact.id, subject="Hello", note="after"))
        stored, seen = await reader.get_call_log(log.id), await people.see_log(log.id)
        assert stored is not None, "The log is there, so get_call_log returns it."
        assert (stored.contact_id, stored.note) == (seen.contact_id, seen.note), "It has the contact and note of now."
        assert "She prefers mornings." in (stored.text or stored.note), "It has what people wrote."
        if crm.adapter.capabilities.has_subject:
            assert stored.subject == seen.subject, "It has the subject of now."

    async def test_every_kind_of_note_is_read_back_as_people_see_it(self, crm: CrmUnderTest) -> None:
        reader, people, contact = crm.reading_logs(), crm.other_hands(), await crm.a_contact()
        for kind, text in {**TEXTS, **LINES}.items():
            try:
                log = await crm.adapter.create_call_log(Report().entry(contact.id, note=text), a_key())
            except CrmRejected:
                continue
            stored = await reader.get_call_log(log.id)
            assert stored is not None, "The log was created, so get_call_log returns it."
            assert stored.note == (await people.see_log(log.id)).note, f"A note with {kind} is read back unchanged."

    async def test_a_log_that_was_moved_is_read_back_at_its_contact(self, crm: CrmUnderTest) -> None:
        crm.requires("moves_log")
        reader, report = crm.reading_logs(), Report()
        one, other = await crm.a_contact(), await crm.a_contact()
        log = await crm.adapter.create_call_log(report.entry(one.id), a_key())
        await crm.adapter.update_call_log(log.id, report.entry(other.id, moves=True))
        stored = await reader.get_call_log(log.id)
        assert stored is not None, "The log was moved, and is still there."
        assert stored.contact_id == other.id, "It has the contact that the log was moved to."

    async def test_a_log_that_people_deleted_is_none(self, crm: CrmUnderTest) -> None:
        reader, people, contact = crm.reading_logs(), crm.other_hands(), await crm.a_contact()
        log = await crm.adapter.create_call_log(Report().entry(contact.id), a_key())
        await people.delete_log(log.id)
        assert await reader.get_call_log(log.id) is None, "A log that is gone is None."

    async def test_an_update_adds_no_second_log(self, crm: CrmUnderTest) -> None:
        people, contact, report = crm.other_hands(), await crm.a_contact(), Report()
        log = await crm.adapter.create_call_log(report.entry(contact.id), a_key())
        before = await if_possible(people.count_logs())
        await crm.adapter.update_call_log(log.id, report.entry(contact.id, note="after"))
        assert await people.count_logs() == before, "An update changes a log; it writes no second one."

    async def test_an_update_leaves_the_key_of_its_log(self, crm: CrmUnderTest) -> None:
        crm.requires("finds_log_by_key")
        contact, key, report = await crm.a_contact(), a_key(), Report()
        log = await crm.adapter.create_call_log(report.entry(contact.id), key)
        await crm.adapter.update_call_log(log.id, report.entry(contact.id, note="after"))
        found = await crm.adapter.find_call_log(key)
        assert found is not None, "After an update the log is still found by its key."
        assert found.id == log.id, "After an update its key finds the same log, and no second one."
