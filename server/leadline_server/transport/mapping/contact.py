"""contact.proto: contacts and matches, as answers."""

from leadline.v1 import contact_pb2

from leadline_server.domain.contact import Contact, ContactMatch
from leadline_server.transport.mapping.violations import timestamp


def contact_message(contact: Contact) -> contact_pb2.Contact:
    """The contract's form of a contact."""
    return contact_pb2.Contact(
        id=contact.id,
        name=contact.name,
        phone_numbers=contact.phone_numbers,
        type=contact.type,
        email=contact.email,
        company=contact.company,
        title=contact.title,
        url=contact.url,
        create_time=timestamp(contact.create_time),
        last_activity_time=timestamp(contact.last_activity_time),
        is_placeholder=contact.is_placeholder,
        attributes=contact.attributes,
    )


def match_message(match: ContactMatch) -> contact_pb2.ContactMatch:
    """The contract's form of a match."""
    return contact_pb2.ContactMatch(
        contact=contact_message(match.contact),
        phone_number=match.phone_number,
        kind=contact_pb2.MatchKind.ValueType(match.kind),
    )
