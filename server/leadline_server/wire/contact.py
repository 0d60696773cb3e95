"""contact.proto: contacts and matches; and FindContact, request and response."""

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

from leadline.v1 import contact_pb2
from leadline.v1 import contact_service_pb2 as pb

from leadline_server.domain.contact import Contact, ContactMatch
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.domain.numbers.phone_number import NumberKind, PhoneNumber
from leadline_server.wire.numbers import readable_numbers
from leadline_server.wire.violations import Violations, time_fields

MAX_NUMBERS: Final = 16
"""How many numbers one FindContact looks up at most."""

_LOOKED_UP: Final = (NumberKind.DIALABLE, NumberKind.EXTENSION)

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


def numbers_to_find(request: pb.FindContactRequest, rules: NumberingRules | None) -> tuple[PhoneNumber, ...]:
    """Read FindContactRequest. Numbers that are never looked up are left out, so there may be none."""
    check = Violations()
    check.identifier("account_id", request.account_id)
    check.text("user_id", request.user_id)
    texts = request.phone_numbers
    if not 1 <= len(texts) <= MAX_NUMBERS:
        check.add("phone_numbers", f"1 to {MAX_NUMBERS} numbers; there are {len(texts)}.")
    numbers = readable_numbers(check, "phone_numbers", texts[:MAX_NUMBERS], rules, _LOOKED_UP)
    check.raise_any()
    return tuple(numbers)


def find_contact_response(matches: Sequence[ContactMatch], as_of: datetime) -> pb.FindContactResponse:
    """Write FindContactResponse."""
    fields: dict[str, Any] = {"as_of": time_fields(as_of)}
    if matches:
        fields["matches"] = [*map(match_fields, matches)]
    return pb.FindContactResponse(**fields)
