"""About how many bytes contacts and calls take, where a bound counts bytes.

Characters are counted for bytes: counting exactly would encode every text once more. A text of a CRM or a caller has
at most four bytes a character.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from leadline_server.domain.contact import Contact

_EACH: Final = 200  # the names of a contact's fields, its times, and Python's own share


def contact_bytes(contact: Contact) -> int:
    """About how many bytes a contact takes in a message, in the ledger, and in memory."""
    size = (
        _EACH
        + len(contact.id)
        + len(contact.name)
        + len(contact.type)
        + len(contact.email)
        + len(contact.company)
        + len(contact.title)
        + len(contact.url)
    )
    for number in contact.phone_numbers:
        size += len(number)
    return size + mapping_bytes(contact.attributes) if contact.attributes else size


def contacts_bytes(contacts: Sequence[Contact]) -> int:
    """About how many bytes some contacts take."""
    return sum(map(contact_bytes, contacts))


def mapping_bytes(texts: Mapping[str, str]) -> int:
    """About how many bytes a mapping of texts takes."""
    return sum(len(key) + len(text) for key, text in texts.items())
