"""contact_service.proto: requests of ContactService read, its answers written."""

import re
from typing import Any, Final

from leadline.v1 import contact_service_pb2 as pb

from leadline_server.commands.create_contact import ContactCreation
from leadline_server.commands.find_contact import ContactQuery
from leadline_server.commands.search_contacts import ContactList, ContactSearch
from leadline_server.contacts.lookup import FoundContacts
from leadline_server.domain.contact import Contact
from leadline_server.domain.numbers.phone_number import NumberKind, PhoneNumber
from leadline_server.transport.mapping.contact import contact_fields, contact_message, match_fields
from leadline_server.transport.mapping.numbers import Regions, dialable_number, readable_number, region_of
from leadline_server.transport.mapping.violations import TOKEN_LENGTH, Violations, time_fields

MAX_NUMBERS: Final = 16
NAME_LENGTH: Final = 256
EMAIL_LENGTH: Final = 254

_LOOKED_UP: Final = (NumberKind.DIALABLE, NumberKind.EXTENSION)
_NO_NUMBER: Final = PhoneNumber("", NumberKind.WITHHELD)

# RFC 9562, section 4: a UUID as text.
_is_uuid = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE).fullmatch
_is_email = re.compile(r"[^@\s]+@[^@\s]+").fullmatch


async def contact_query(request: pb.FindContactRequest, regions: Regions) -> ContactQuery:
    """Read FindContactRequest; numbers that are never looked up are left out, and then there may be none."""
    check = Violations()
    account_id = check.identifier("account_id", request.account_id)
    user_id = check.text("user_id", request.user_id)
    texts = request.phone_numbers
    if not 1 <= len(texts) <= MAX_NUMBERS:
        check.add("phone_numbers", f"1 to {MAX_NUMBERS} numbers; there are {len(texts)}.")
    region = await region_of(account_id, regions, check)
    numbers = [
        number
        for index, text in enumerate(texts[:MAX_NUMBERS])
        if (number := readable_number(check, f"phone_numbers[{index}]", text, region)) and number.kind in _LOOKED_UP
    ]
    check.raise_any()
    return ContactQuery(account_id=account_id, user_id=user_id, numbers=tuple(numbers), skip_cache=request.skip_cache)


def find_contact_response(found: FoundContacts) -> pb.FindContactResponse:
    """Write FindContactResponse."""
    fields: dict[str, Any] = {"as_of": time_fields(found.as_of)}
    if found.matches:
        fields["matches"] = [match_fields(match) for match in found.matches]
    return pb.FindContactResponse(**fields)


def contact_search(request: pb.SearchContactsRequest) -> ContactSearch:
    """Read SearchContactsRequest."""
    check = Violations()
    search = ContactSearch(
        account_id=check.identifier("account_id", request.account_id),
        user_id=check.text("user_id", request.user_id),
        name=check.text("query", request.query.strip(), NAME_LENGTH),
        page_size=check.page_size(request.page_size),
        page_token=check.text("page_token", request.page_token, TOKEN_LENGTH),
    )
    if not search.name:
        check.add("query", "Required.")
    check.raise_any()
    return search


def search_contacts_response(found: ContactList) -> pb.SearchContactsResponse:
    """Write SearchContactsResponse."""
    fields: dict[str, Any] = {"contacts": [contact_fields(contact) for contact in found.contacts]}
    return pb.SearchContactsResponse(next_page_token=found.next_page_token, **fields)


async def contact_creation(request: pb.CreateContactRequest, regions: Regions) -> ContactCreation:
    """Read CreateContactRequest. Equal requests make equal creations, however their request id is written."""
    check = Violations()
    if request.request_id and not _is_uuid(request.request_id):
        check.add("request_id", "Must be a UUID, such as 123e4567-e89b-42d3-a456-426614174000.")
    if check.text("email", request.email, EMAIL_LENGTH) and not _is_email(request.email):
        check.add("email", "Must be an e-mail address.")
    if not request.phone_number:
        check.add("phone_number", "Required.")
    account_id = check.identifier("account_id", request.account_id)
    user_id = check.text("user_id", request.user_id)
    name = check.text("name", request.name.strip(), NAME_LENGTH)
    contact_type = check.text("contact_type", request.contact_type, NAME_LENGTH)
    company = check.text("company", request.company, NAME_LENGTH)
    region = await region_of(account_id, regions, check)
    number = dialable_number(check, "phone_number", request.phone_number, region) if request.phone_number else None
    check.raise_any()
    return ContactCreation(
        account_id=account_id,
        user_id=user_id,
        request_id=request.request_id.lower(),
        name=name,
        number=number or _NO_NUMBER,
        contact_type=contact_type,
        email=request.email,
        company=company,
        allow_duplicate=request.allow_duplicate,
    )


def create_contact_response(contact: Contact) -> pb.CreateContactResponse:
    """Write CreateContactResponse."""
    return pb.CreateContactResponse(contact=contact_message(contact))
