"""contact.proto: contacts."""

from typing import Final

from leadline.v1 import contact_pb2

from leadline_server.domain.contact import Contact
from leadline_server.wire.mapping import MessageMapping

CONTACT: Final = MessageMapping(Contact, contact_pb2.Contact)
