"""A CRM adapter whose lookups and contacts are bounded, whatever the CRM sends."""

from collections.abc import Sequence

from leadline_server.crm.toolkit.bounds import bounded, first_ones, within_bounds
from leadline_server.crm.wrappers.wrapper import CrmWrapper
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.crm_errors import CrmTooMuch
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.ports.crm import ContactPage


class BoundedCrm(CrmWrapper):
    """`inner`, from whose answers at most MOST_RECORDS contacts a number and MOST_LOOKUP_BYTES are taken.

    If there are more, cannot tell: it raises CrmTooMuch with the contacts that it took. The texts of a very large
    contact are cut.
    """

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        """The contacts that may have one of `numbers`. Raises CrmTooMuch if there are more than are taken."""
        try:
            found = await self._inner.find_contacts(numbers)
        except CrmTooMuch as error:
            error.read = first_ones(error.read, len(numbers))
            raise
        return within_bounds(found, len(numbers))

    async def get_contact(self, contact_id: str) -> Contact | None:
        """The contact with this id."""
        contact = await self._inner.get_contact(contact_id)
        return contact and bounded(contact)

    async def search_contacts(self, name: str, limit: int, cursor: str) -> ContactPage:
        """Contacts by name."""
        page = await self._inner.search_contacts(name, limit, cursor)
        return ContactPage(tuple(map(bounded, page.contacts)), page.next_cursor)

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:
        """Create a contact."""
        return bounded(await self._inner.create_contact(draft, key))
