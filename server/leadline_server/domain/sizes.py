"""About how many bytes contacts and calls take, where a bound counts bytes."""

from collections.abc import Sequence
from typing import Final

from leadline_server.domain.call import Call, Party
from leadline_server.domain.contact import Contact
from leadline_server.domain.merge import FieldStamps, Stamps

_EACH: Final = 200  # bytes of a contact's, a leg's or a call's other fields, and of their names
_STAMP: Final = 50  # bytes of a stamp in the ledger, besides its field's name


def contact_bytes(contact: Contact) -> int:
    """About how many bytes a contact takes in a message, in the ledger, and in memory.

    A character counts as a byte: contacts come with every lookup, and counting exactly takes longer.
    """
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
    for key, text in contact.attributes.items():
        size += len(key) + len(text)
    return size


def contacts_bytes(contacts: Sequence[Contact]) -> int:
    """About how many bytes some contacts take."""
    return sum(map(contact_bytes, contacts))


def call_bytes(call: Call, stamps: Stamps) -> int:
    """About how many bytes a call takes in the ledger, with the stamps that no client sees."""
    texts = (
        call.id,
        call.linked_id,
        call.disposition,
        call.subject,
        call.note,
        call.recording_url,
        call.voicemail_url,
        call.summary,
        call.transcript,
    )
    size = _EACH + sum(text_bytes(text) for text in texts if text) + _party_bytes(call.caller)
    size += _party_bytes(call.callee) + _stamp_bytes(stamps.fields) + _stamp_bytes(stamps.attributes)
    for key, text in call.attributes.items():
        size += text_bytes(key) + text_bytes(text)
    for leg in call.legs:
        size += _EACH + text_bytes(leg.id) + text_bytes(leg.user_id or "") + _party_bytes(leg.party)
    return size + sum(map(_stamp_bytes, stamps.legs.values()))


def text_bytes(text: str) -> int:
    """How many bytes a text has in UTF-8."""
    return len(text) if text.isascii() else len(text.encode(errors="replace"))


def _party_bytes(party: Party) -> int:
    texts = (party.phone_number, party.name, party.extension, party.user_id)
    return sum(text_bytes(text) for text in texts if text)


def _stamp_bytes(stamps: FieldStamps) -> int:
    return sum(_STAMP + text_bytes(key) for key in stamps) if stamps else 0
