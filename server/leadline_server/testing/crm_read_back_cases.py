"""The obligations of ports.crm_call_logs.CallLogReader, and of logs that an update must not repeat, as tests."""

import pytest

from leadline_server.ports.crm import CrmMethod
from leadline_server.ports.crm_call_logs import CallLogReader
from leadline_server.testing.crm_harness import CrmUnderTest, Report, a_key, if_possible


class ReadBackCases:
    """Reading logs back, and counting them. Subclasses provide the fixture `crm`."""

    async def test_a_log_that_never_was_is_none(self, crm: CrmUnderTest) -> None:
        assert await _reader(crm).get_call_log("no-such-log") is None, "A log that the CRM does not have is None."

    async def test_a_log_is_read_back_as_it_was_written(self, crm: CrmUnderTest) -> None:
        reader, contact = _reader(crm), await crm.a_contact()
        log = await crm.adapter.create_call_log(Report().entry(contact.id, note="read back"), a_key())
        stored = await reader.get_call_log(log.id)
        assert stored is not None, "The log was created, so get_call_log returns it."
        assert (stored.id, stored.contact_id) == (log.id, contact.id), "It has the id and the contact of the log."
        assert "read back" in (stored.note or stored.text), "It has the note of the log."

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


def _reader(crm: CrmUnderTest) -> CallLogReader:
    if CrmMethod.GET_CALL_LOG not in crm.adapter.capabilities.methods:
        pytest.skip("The adapter does not declare get_call_log, which is optional.")
    assert isinstance(crm.adapter, CallLogReader), "The adapter declares get_call_log, and has no such method."
    return crm.adapter
