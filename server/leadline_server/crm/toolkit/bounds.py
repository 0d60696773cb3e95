"""The bounds of contacts and of lookups, whatever a CRM sends.

Reading and comparing a record takes about 0.1 ms of the event loop. A CRM that answers with 75,000 records would stop
all accounts for seconds.
"""

from collections.abc import Sequence
from dataclasses import replace

from leadline_server.domain.contact import Contact
from leadline_server.domain.crm_errors import CrmTooMuch
from leadline_server.domain.limits import (
    MOST_CONTACT_BYTES,
    MOST_CONTACT_PARTS,
    MOST_CONTACT_TEXT,
    MOST_LOOKUP_BYTES,
    MOST_RECORDS,
)
from leadline_server.domain.sizes import contact_bytes


def within_bounds(found: Sequence[Contact], numbers: int) -> Sequence[Contact]:
    """The contacts that a lookup of some numbers found, each within the bounds of a contact.

    Raises:
        CrmTooMuch: there are more than MOST_RECORDS a number, or they have more than MOST_LOOKUP_BYTES. The error has
            the first of them.
    """
    taken = first_ones(found, numbers)
    if len(taken) < len(found):
        raise CrmTooMuch("The CRM has more contacts for a number than leadline reads.", read=taken)
    return taken


def first_ones(found: Sequence[Contact], numbers: int) -> Sequence[Contact]:
    """The first contacts, as many as are within the bounds of a lookup of some numbers."""
    taken: list[Contact] = []
    left = MOST_LOOKUP_BYTES
    for contact in found[: MOST_RECORDS * numbers]:
        size = contact_bytes(contact)
        if size > MOST_CONTACT_BYTES:
            taken.append(_cut_down(contact))
            size = contact_bytes(taken[-1])
        else:
            taken.append(contact)
        left -= size
        if left < 0:
            taken.pop()
            break
    return taken


def bounded(contact: Contact) -> Contact:
    """The contact; one with more than MOST_CONTACT_BYTES has fewer and shorter texts. Its id and numbers stay.

    Raises:
        CrmTooMuch: its id or its numbers are too large to keep. A part of them may match another caller.
    """
    return contact if contact_bytes(contact) <= MOST_CONTACT_BYTES else _cut_down(contact)


def _cut_down(contact: Contact) -> Contact:
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
