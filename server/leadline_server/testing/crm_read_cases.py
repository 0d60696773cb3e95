"""The obligations of CrmAdapter.get_contact and search_contacts, as tests."""

from contextlib import suppress

import pytest

from leadline_server.domain.crm_errors import CrmInvalidCursor, CrmRejected
from leadline_server.ports.crm_guarantees import NameSearch
from leadline_server.testing.crm_harness import CrmUnderTest, a_name, eventually

_UNKNOWN_ID = "no-such-contact"
_MOST_PAGES = 1_000
_FOREIGN_IDS = (
    pytest.param("", id="empty"),
    pytest.param("..", id="the folder above"),
    pytest.param("../contacts", id="a path"),
    pytest.param("%2e%2e%2fcontacts", id="an encoded path"),
    pytest.param("?limit=1", id="a query"),
    pytest.param("1#2", id="a fragment"),
    pytest.param("' OR '1'='1", id="a condition"),
    pytest.param("0 OR 1=1", id="a condition without quotes"),
    pytest.param("{{7*7}}", id="a template"),
    pytest.param("*", id="a wildcard"),
    pytest.param("李", id="Unicode"),
    pytest.param("a\0b", id="NUL"),
    pytest.param("a\r\nHost: example", id="lines"),
    pytest.param("9" * 5_000, id="5,000 digits"),
)


class ReadCases:
    """Reading and searching contacts. Subclasses provide the fixture `crm`."""

    async def test_an_unknown_id_is_no_contact(self, crm: CrmUnderTest) -> None:
        crm.requires("reads_contacts")
        assert await crm.adapter.get_contact(_UNKNOWN_ID) is None, "A contact that the CRM does not have is None."

    @pytest.mark.parametrize("contact_id", _FOREIGN_IDS)
    async def test_an_id_that_means_something_elsewhere_is_no_contact(self, crm: CrmUnderTest, contact_id: str) -> None:
        crm.requires("reads_contacts")
        await crm.a_contact()
        with suppress(CrmRejected):
            assert await crm.adapter.get_contact(contact_id) is None

    async def test_a_contact_is_read_by_its_id(self, crm: CrmUnderTest) -> None:
        created = await crm.a_contact()
        read = await crm.adapter.get_contact(created.id)
        assert read is not None
        assert (read.id, read.name, read.phone_numbers) == (created.id, created.name, created.phone_numbers)

    async def test_a_deleted_contact_is_no_contact(self, crm: CrmUnderTest) -> None:
        crm.requires("reads_contacts")
        people, created = crm.other_hands(), await crm.a_contact()
        await people.delete_contact(created.id)
        assert await crm.adapter.get_contact(created.id) is None

    async def test_a_search_without_hits_is_an_empty_page(self, crm: CrmUnderTest) -> None:
        crm.requires_search(NameSearch.WORDS)
        page = await crm.adapter.search_contacts(a_name(), 10, "")
        assert (page.contacts, page.next_cursor) == ((), "")

    async def test_a_search_finds_the_words_of_a_name(self, crm: CrmUnderTest) -> None:
        crm.requires_search(NameSearch.WORDS)
        created = await crm.a_contact()
        assert await self._found(crm, created.name, 10, {created.id}) == [created.id], "`searches` declares words."

    async def test_a_search_finds_a_part_of_the_name(self, crm: CrmUnderTest) -> None:
        crm.requires_search(NameSearch.SUBSTRING)
        created = await crm.a_contact()
        assert await self._found(crm, created.name[3:-2], 10, {created.id}) == [created.id]

    @pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
    async def test_pages_have_every_hit_once_and_in_order(self, crm: CrmUnderTest, limit: int) -> None:
        crm.requires_search(NameSearch.WORDS)
        name = a_name()
        contacts = [await crm.a_contact(f"{name} {letter}") for letter in "badcaca"]
        expected = [contact.id for contact in sorted(contacts, key=lambda contact: (contact.name, contact.id))]
        assert await self._found(crm, name, limit, set(expected)) == expected

    @pytest.mark.parametrize("wildcard", ["%", "_", "*", "?", ".*"])
    async def test_what_is_searched_is_taken_literally(self, crm: CrmUnderTest, wildcard: str) -> None:
        crm.requires_search(NameSearch.SUBSTRING)
        name = a_name()
        literal = await crm.a_contact(f"{name} {wildcard}x")
        await crm.a_contact(f"{name} yyx")
        assert await self._found(crm, f"{name} {wildcard}x", 10, {literal.id}) == [literal.id]

    @pytest.mark.parametrize("cursor", ["a cursor of another CRM", "[1]", "-1", "[]", "{", "é"])
    async def test_a_cursor_that_the_adapter_did_not_make_is_refused(self, crm: CrmUnderTest, cursor: str) -> None:
        crm.requires_search(NameSearch.WORDS)
        with pytest.raises(CrmInvalidCursor):
            await crm.adapter.search_contacts(a_name(), 10, cursor)

    async def _found(self, crm: CrmUnderTest, name: str, limit: int, expected: set[str]) -> list[str]:
        """The ids of all pages, as soon as they are the expected ones, or at the end of the search lag."""
        ids: list[str] = []

        async def search() -> set[str]:
            ids.clear()
            cursor = ""
            for _ in range(_MOST_PAGES):
                page = await crm.adapter.search_contacts(name, limit, cursor)
                assert len(page.contacts) <= limit
                ids.extend(contact.id for contact in page.contacts)
                if not (cursor := page.next_cursor):
                    return set(ids)
            raise AssertionError("The pages do not end: `next_cursor` is empty on the last page.")

        await eventually(search, lambda found: found == expected, crm.lag)
        return ids
