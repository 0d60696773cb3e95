"""contact.proto: contacts and matches, as answers."""

from operator import attrgetter
from typing import Any, Final

from leadline.v1 import contact_pb2

from leadline_server.domain.contact import Contact, ContactMatch
from leadline_server.wire.violations import time_fields

_PLAIN: Final = (
    "id",
    "name",
    "phone_numbers",
    "type",
    "email",
    "company",
    "title",
    "url",
    "is_placeholder",
    "attributes",
)
_plain: Final = attrgetter(*_PLAIN)


def contact_message(contact: Contact) -> contact_pb2.Contact:
    """The contract's form of a contact."""
    return contact_pb2.Contact(**contact_fields(contact))


def contact_fields(contact: Contact) -> dict[str, Any]:
    """The fields of a contact that are not empty."""
    fields = {name: value for name, value in zip(_PLAIN, _plain(contact), strict=True) if value}
    if contact.create_time is not None:
        fields["create_time"] = time_fields(contact.create_time)
    if contact.last_activity_time is not None:
        fields["last_activity_time"] = time_fields(contact.last_activity_time)
    return fields


def match_fields(match: ContactMatch) -> dict[str, Any]:
    """The fields of a match."""
    return {"contact": contact_fields(match.contact), "phone_number": match.phone_number, "kind": match.kind}
