"""The obligations of CrmAdapter.find_contacts, get_contact and search_contacts, as tests."""

import asyncio
from contextlib import suppress

import pytest

from leadline_server.domain.phone import parse_number
from leadline_server.testing.crm_harness import CrmUnderTest, a_name, a_number, eventually

_UNKNOWN_ID = "no-such-contact"
_WRITTEN = (
    pytest.param("{0}", id="E.164"),
    pytest.param("+1 {1} {2} {3}", id="international with spaces"),
    pytest.param("({1}) {2}-{3}", id="national with brackets"),
    pytest.param("{1}.{2}.{3}", id="national with dots"),
    pytest.param("1-{1}-{2}-{3}", id="national with the trunk prefix"),
    pytest.param("tel:+1-{1}-{2}-{3}", id="RFC 3966"),
    pytest.param("{0} ext. 12", id="with an extension"),
)


class LookupCases:
    """Finding contacts by number. Subclasses provide the fixture `crm`."""

    async def test_nobody_is_an_empty_answer(self, crm: CrmUnderTest) -> None:
        assert await crm.ids(a_number()) == set()

    async def test_a_lookup_never_writes(self, crm: CrmUnderTest) -> None:
        people, number = crm.other_hands(), a_number()
        before = await people.count_contacts()
        for _ in range(3):
            await crm.ids(number)
        assert await people.count_contacts() == before

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

    async def test_one_lookup_answers_for_sixteen_numbers(self, crm: CrmUnderTest) -> None:
        numbers = list({a_number() for _ in range(16)})
        contacts = [await crm.a_contact(number=number) for number in numbers[::2]]
        expected = {contact.id for contact in contacts}
        lag = crm.adapter.capabilities.search_lag
        assert await eventually(lambda: crm.ids(*numbers), lambda ids: ids == expected, lag) == expected

    async def test_every_contact_on_one_number_is_found(self, crm: CrmUnderTest) -> None:
        number = a_number()
        contacts = [await crm.a_contact(number=number) for _ in range(3)]
        await crm.becomes_found(number, {contact.id for contact in contacts})

    async def test_a_contact_is_found_by_each_of_its_numbers(self, crm: CrmUnderTest) -> None:
        numbers = [a_number(), a_number(), "+442079460123"]
        contact_id = await crm.other_hands().add_contact(a_name(), numbers)
        for number in numbers[:2]:
            await crm.becomes_found(number, {contact_id})
        await _becomes_one_of(crm, numbers[2], contact_id)

    async def test_a_contact_with_two_of_the_numbers_is_still_one_contact(self, crm: CrmUnderTest) -> None:
        numbers = [a_number(), a_number()]
        contact_id = await crm.other_hands().add_contact(a_name(), numbers)
        await crm.becomes_found(numbers[0], {contact_id})
        assert await crm.ids(*numbers) == {contact_id}

    @pytest.mark.parametrize("written", _WRITTEN)
    async def test_a_number_is_found_however_people_wrote_it(self, crm: CrmUnderTest, written: str) -> None:
        number = a_number()
        stored = written.format(number, number[2:5], number[5:8], number[8:])
        contact_id = await crm.other_hands().add_contact(a_name(), [stored])
        await crm.becomes_found(number, {contact_id})

    async def test_a_foreign_number_is_found_as_it_is_written_at_home(self, crm: CrmUnderTest) -> None:
        contact_id = await crm.other_hands().add_contact(a_name(), ["01632 960987"])
        await _becomes_one_of(crm, "+441632960987", contact_id)

    async def test_a_bare_extension_is_found(self, crm: CrmUnderTest) -> None:
        contact_id = await crm.other_hands().add_contact(a_name(), ["1017"])
        await _becomes_one_of(crm, "1017", contact_id)

    async def test_an_extension_does_not_hide_the_main_number(self, crm: CrmUnderTest) -> None:
        number = a_number()
        contact_id = await crm.other_hands().add_contact(a_name(), [f"{number} x77"])
        await crm.becomes_found(number, {contact_id})

    async def test_a_deleted_contact_is_found_no_more(self, crm: CrmUnderTest) -> None:
        people, number = crm.other_hands(), a_number()
        contact = await crm.a_contact(number=number)
        await crm.becomes_found(number, {contact.id})
        await people.delete_contact(contact.id)
        await crm.becomes_found(number, set())

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


class ReadCases:
    """Reading and searching contacts. Subclasses provide the fixture `crm`."""

    async def test_an_unknown_id_is_no_contact(self, crm: CrmUnderTest) -> None:
        assert await crm.adapter.get_contact(_UNKNOWN_ID) is None

    async def test_a_contact_is_read_by_its_id(self, crm: CrmUnderTest) -> None:
        created = await crm.a_contact()
        read = await crm.adapter.get_contact(created.id)
        assert read is not None
        assert (read.id, read.name, read.phone_numbers) == (created.id, created.name, created.phone_numbers)

    async def test_a_deleted_contact_is_no_contact(self, crm: CrmUnderTest) -> None:
        people, created = crm.other_hands(), await crm.a_contact()
        await people.delete_contact(created.id)
        assert await crm.adapter.get_contact(created.id) is None

    async def test_a_search_without_hits_is_an_empty_page(self, crm: CrmUnderTest) -> None:
        page = await crm.adapter.search_contacts(a_name(), 10, "")
        assert (page.contacts, page.next_cursor) == ((), "")

    async def test_a_search_finds_a_part_of_the_name(self, crm: CrmUnderTest) -> None:
        created = await crm.a_contact()
        assert await self._found(crm, created.name[3:-2], 10, {created.id}) == [created.id]

    @pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
    async def test_pages_have_every_hit_once_and_in_order(self, crm: CrmUnderTest, limit: int) -> None:
        name = a_name()
        contacts = [await crm.a_contact(f"{name} {letter}") for letter in "badcaca"]
        expected = [contact.id for contact in sorted(contacts, key=lambda contact: (contact.name, contact.id))]
        assert await self._found(crm, name, limit, set(expected)) == expected

    @pytest.mark.parametrize("wildcard", ["%", "_", "*", "?", ".*"])
    async def test_what_is_searched_is_taken_literally(self, crm: CrmUnderTest, wildcard: str) -> None:
        name = a_name()
        literal = await crm.a_contact(f"{name} {wildcard}x")
        await crm.a_contact(f"{name} yyx")
        assert await self._found(crm, f"{name} {wildcard}x", 10, {literal.id}) == [literal.id]

    async def _found(self, crm: CrmUnderTest, name: str, limit: int, expected: set[str]) -> list[str]:
        """The ids of all pages, once they are those that are expected or the index had its time."""
        ids: list[str] = []

        async def search() -> set[str]:
            ids.clear()
            cursor = ""
            while True:
                page = await crm.adapter.search_contacts(name, limit, cursor)
                assert len(page.contacts) <= limit
                ids.extend(contact.id for contact in page.contacts)
                if not (cursor := page.next_cursor):
                    return set(ids)

        await eventually(search, lambda found: found == expected, crm.adapter.capabilities.search_lag)
        return ids


def _neighbour(number: str) -> str:
    """The same last ten digits but one."""
    return number[:-1] + str((int(number[-1]) + 1) % 10)


async def _becomes_one_of(crm: CrmUnderTest, number: str, contact_id: str) -> None:
    """Wait until a contact is among those found: for numbers that earlier runs may have used as well."""
    found = await eventually(
        lambda: crm.ids(number), lambda ids: contact_id in ids, crm.adapter.capabilities.search_lag
    )
    assert contact_id in found
