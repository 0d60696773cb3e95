"""The obligations of CrmAdapter.find_contacts, as tests."""

import asyncio
from contextlib import suppress

import pytest

from leadline_server.domain.contact import Contact
from leadline_server.domain.crm_errors import CrmTooMuch, CrmUnavailable
from leadline_server.domain.limits import MOST_RECORDS
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.ports.crm_guarantees import CrmMethod
from leadline_server.testing.crm_harness import CrmUnderTest, Report, a_key, a_name, a_number, eventually, if_possible
from leadline_server.testing.crm_people import People
from leadline_server.testing.kit_adapter import KitAdapter

_UNKNOWN_ID = "no-such-contact"


class LookupCases:
    """Finding contacts by number. Subclasses provide the fixture `crm`."""

    async def test_nobody_is_an_empty_answer(self, crm: CrmUnderTest) -> None:
        found = await crm.ids(a_number())
        assert found == set(), "Nobody has a new number: an empty sequence, and no error."

    async def test_reading_never_writes(self, crm: CrmUnderTest) -> None:
        people, number, key = crm.other_hands(), a_number(), a_key()
        contact = await crm.a_contact(number=number)
        log_id = await _log(crm, contact, key)
        await crm.becomes_found(number, {contact.id})
        before = await _counts(people)
        await _read_everything(crm, contact, number, key, log_id)
        assert await _counts(people) == before, "Lookups, reads and searches change nothing in the CRM."

    async def test_a_contact_is_found_by_its_number(self, crm: CrmUnderTest) -> None:
        number = a_number()
        contact = await crm.a_contact(number=number)
        await crm.becomes_found(number, {contact.id})

    async def test_a_contact_is_not_found_by_another_number(self, crm: CrmUnderTest) -> None:
        number = a_number()
        contact = await crm.a_contact(number=number)
        await crm.becomes_found(number, {contact.id})
        assert await crm.ids(_neighbour(number)) == set()

    async def test_a_found_contact_says_what_it_was_created_with(self, crm: CrmUnderTest) -> None:
        number = a_number()
        created = await crm.a_contact("Ada Lovelace", number)
        await crm.becomes_found(number, {created.id})
        found = {contact.id: contact for contact in await crm.adapter.find_contacts([parse_number(number, crm.region)])}
        assert (found[created.id].name, found[created.id].type) == ("Ada Lovelace", created.type)

    async def test_more_contacts_than_leadline_reads_are_never_shown_as_few(self, crm: CrmUnderTest) -> None:
        people, number = crm.other_hands(), a_number()
        for _ in range(MOST_RECORDS + 1):
            await if_possible(people.add_contact(a_name(), [number]))

        async def looks_like() -> set[str]:
            try:
                found = await crm.adapter.find_contacts([parse_number(number, crm.region)])
            except CrmTooMuch:
                return {"too much"}
            return {"more" if len(found) > MOST_RECORDS else "few"}

        seen = await eventually(looks_like, lambda seen: seen != {"few"}, crm.lag)
        assert seen != {"few"}, f"{MOST_RECORDS + 1} contacts have the number, and the lookup looks complete"

    async def test_one_lookup_answers_for_sixteen_numbers(self, crm: CrmUnderTest) -> None:
        numbers = list({a_number() for _ in range(16)})
        contacts = [await crm.a_contact(number=number) for number in numbers[::2]]
        expected = {contact.id for contact in contacts}
        assert await eventually(lambda: crm.ids(*numbers), lambda ids: ids == expected, crm.lag) == expected

    async def test_as_many_numbers_as_go_into_one_lookup_are_all_found(self, crm: CrmUnderTest) -> None:
        numbers = list({a_number() for _ in range(crm.adapter.capabilities.numbers_per_lookup)})
        expected = {(await crm.a_contact(number=number)).id for number in numbers}
        assert await eventually(lambda: crm.ids(*numbers), lambda ids: ids == expected, crm.lag) == expected

    async def test_every_contact_on_one_number_is_found(self, crm: CrmUnderTest) -> None:
        number = a_number()
        contacts = [await crm.a_contact(number=number) for _ in range(3)]
        await crm.becomes_found(number, {contact.id for contact in contacts})

    async def test_no_page_of_the_contacts_on_one_number_is_left_out(self, crm: CrmUnderTest) -> None:
        people, number = crm.other_hands(), a_number()
        added = {await people.add_contact(a_name(), [number]) for _ in range(crm.page_size + 1)}
        try:
            found = await eventually(
                lambda: crm.ids(number), lambda ids: ids == added or len(ids) > MOST_RECORDS, crm.lag
            )
        except CrmUnavailable:
            return  # more than the adapter reads, and it says so
        # An adapter may stop after one more than leadline reads: leadline then knows that the answer is cut off.
        assert found == added or (found < added and len(found) > MOST_RECORDS), "No page is left out."

    async def test_a_contact_with_two_of_the_numbers_is_still_one_contact(self, crm: CrmUnderTest) -> None:
        if "as the second number" in crm.lost_forms:
            pytest.skip("This CRM finds contacts by their first number alone.")
        numbers = [a_number(), a_number()]
        contact_id = await crm.other_hands().add_contact(a_name(), numbers)
        await crm.becomes_found(numbers[0], {contact_id})
        assert await crm.ids(*numbers) == {contact_id}

    async def test_a_deleted_contact_is_found_no_more(self, crm: CrmUnderTest) -> None:
        people, number = crm.other_hands(), a_number()
        contact = await crm.a_contact(number=number)
        await crm.becomes_found(number, {contact.id})
        await people.delete_contact(contact.id)
        await crm.becomes_found(number, set())

    async def test_a_contact_that_was_merged_into_another_is_found_no_more(self, crm: CrmUnderTest) -> None:
        people, number = crm.other_hands(), a_number()
        kept, gone = await crm.a_contact(number=number), await crm.a_contact(number=number)
        await crm.becomes_found(number, {kept.id, gone.id})
        await if_possible(people.merge_contacts(kept.id, gone.id))
        await crm.becomes_found(number, {kept.id})
        read = await crm.adapter.get_contact(gone.id)
        follows = crm.adapter.capabilities.follows_moved_contacts
        assert read is None or (follows and read.id == kept.id), "It is gone, or the contact that it was merged into."

    async def test_a_contact_that_was_renamed_has_its_new_name(self, crm: CrmUnderTest) -> None:
        people, created, name = crm.other_hands(), await crm.a_contact(), a_name()
        await crm.adapter.get_contact(created.id)
        await if_possible(people.rename_contact(created.id, name))
        read = await crm.adapter.get_contact(created.id)
        assert read is not None
        assert read.name == name

    async def test_lookups_at_once_each_get_their_own_answer(self, crm: CrmUnderTest) -> None:
        numbers = list({a_number() for _ in range(8)})
        contacts = [await crm.a_contact(number=number) for number in numbers]
        for number, contact in zip(numbers, contacts, strict=True):
            await crm.becomes_found(number, {contact.id})
        answers = await asyncio.gather(*(crm.ids(number) for number in numbers * 4))
        assert answers == [{contact.id} for contact in contacts] * 4

    async def test_a_cancelled_lookup_disturbs_no_other(self, crm: CrmUnderTest) -> None:
        number = a_number()
        contact = await crm.a_contact(number=number)
        await crm.becomes_found(number, {contact.id})
        cancelled, other = asyncio.create_task(crm.ids(number)), asyncio.create_task(crm.ids(number))
        await asyncio.sleep(0)
        cancelled.cancel()
        with suppress(asyncio.CancelledError):
            await cancelled
        assert await other == {contact.id}


async def _log(crm: CrmUnderTest, contact: Contact, key: str) -> str:
    if not _may(crm, CrmMethod.CREATE_CALL_LOG):
        return ""
    return (await crm.adapter.create_call_log(Report().entry(contact.id), key)).id


async def _read_everything(crm: CrmUnderTest, contact: Contact, number: str, key: str, log_id: str) -> None:
    """Read known and unknown records with every method that the adapter has."""
    for asked in (number, a_number()):
        await crm.ids(asked, a_number())
    for contact_id in (contact.id, *([_UNKNOWN_ID] if crm.adapter.capabilities.reads_contacts else [])):
        await crm.adapter.get_contact(contact_id)
    if _may(crm, CrmMethod.SEARCH_CONTACTS):
        for name in (contact.name, a_name()):
            await crm.adapter.search_contacts(name, 10, "")
    if crm.adapter.capabilities.finds_log_by_key and _may(crm, CrmMethod.FIND_CALL_LOG):
        for log_key in (key, a_key()):
            await crm.adapter.find_call_log(log_key)
    if log_id and CrmMethod.GET_CALL_LOG in crm.adapter.capabilities.methods:
        await crm.reading_logs().get_call_log(log_id)
    await crm.adapter.check()


def _may(crm: CrmUnderTest, method: CrmMethod) -> bool:
    return not isinstance(crm.adapter, KitAdapter) or crm.adapter.may_call(method)


def _neighbour(number: str) -> str:
    """A number that differs in one of the last ten digits."""
    return number[:-1] + str((int(number[-1]) + 1) % 10)


async def _counts(people: People) -> tuple[int, int]:
    return await people.count_contacts(), await if_possible(people.count_logs())
