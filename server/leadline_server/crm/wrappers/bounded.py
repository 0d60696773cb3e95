"""A CRM adapter whose lookups and contacts are bounded, whatever the CRM sends.

Reading and comparing a record takes about 0.1 ms of the event loop. A CRM that answers with 75,000 records would stop
all accounts for seconds.
"""

from collections.abc import Sequence
from dataclasses import replace

from leadline_server.crm.wrappers.wrapper import CrmWrapper
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.errors import CrmTooMuch
from leadline_server.domain.limits import (
    MOST_CONTACT_BYTES,
    MOST_CONTACT_PARTS,
    MOST_CONTACT_TEXT,
    MOST_LOOKUP_BYTES,
    MOST_RECORDS,
)
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.domain.sizes import contact_bytes
from leadline_server.ports.crm import ContactPage


class BoundedCrm(CrmWrapper):
    """`inner`, from whose answers at most MOST_RECORDS contacts a number and MOST_LOOKUP_BYTES are taken.

    If there are more, cannot tell: it raises CrmTooMuch with the contacts that it took. The texts of a very large
    contact are cut.
    """

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        """The contacts that may have one of `numbers`. Raises CrmTooMuch if there are more than are taken."""
        try:
            found = await super().find_contacts(numbers)
        except CrmTooMuch as error:
            error.read = _taken(error.read, len(numbers))
            raise
        taken = _taken(found, len(numbers))
        if len(taken) < len(found):
            raise CrmTooMuch("The CRM has more contacts for a number than leadline reads.", read=taken)
        return taken

    async def get_contact(self, contact_id: str) -> Contact | None:
        """The contact with this id."""
        contact = await super().get_contact(contact_id)
        return contact and bounded(contact)

    async def search_contacts(self, name: str, limit: int, cursor: str) -> ContactPage:
        """Contacts by name."""
        page = await super().search_contacts(name, limit, cursor)
        return ContactPage(tuple(map(bounded, page.contacts)), page.next_cursor)

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:
        """Create a contact."""
        return bounded(await super().create_contact(draft, key))


def bounded(contact: Contact) -> Contact:
    """The contact; one with more than MOST_CONTACT_BYTES has fewer and shorter texts. Its id and numbers stay.

    Raises:
        CrmTooMuch: its id or its numbers are too large to keep. Without all of them, cannot tell whom it is.
    """
    if contact_bytes(contact) <= MOST_CONTACT_BYTES:
        return contact
    if len(contact.phone_numbers) > MOST_CONTACT_PARTS:
        raise CrmTooMuch(f"A contact of the CRM has more than {MOST_CONTACT_PARTS} numbers.")
    if any(len(text) > MOST_CONTACT_TEXT for text in (contact.id, *contact.phone_numbers)):
        raise CrmTooMuch(f"A contact of the CRM has an id or a number of more than {MOST_CONTACT_TEXT} characters.")
    return replace(
        contact,
        name=_cut(contact.name),
        type=_cut(contact.type),
        email=_cut(contact.email),
        company=_cut(contact.company),
        title=_cut(contact.title),
        url=contact.url if len(contact.url) <= MOST_CONTACT_TEXT else "",  # a part of an address leads elsewhere
        attributes={_cut(key): _cut(text) for key, text in list(contact.attributes.items())[:MOST_CONTACT_PARTS]},
    )


def _cut(text: str) -> str:
    return text[:MOST_CONTACT_TEXT]


def _taken(found: Sequence[Contact], numbers: int) -> Sequence[Contact]:
    """The first contacts that are within the bounds."""
    taken: list[Contact] = []
    left = MOST_LOOKUP_BYTES
    for contact in found[: MOST_RECORDS * numbers]:
        within = bounded(contact)
        left -= contact_bytes(within)
        if left < 0:
            break
        taken.append(within)
    return taken
