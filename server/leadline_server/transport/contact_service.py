"""ContactService over gRPC: reads the requests, runs the commands, writes the responses."""
# ruff: noqa: ARG002, N802 - RPCs have the names and arguments of the generated servicers

import re
from typing import Any, Final

from leadline.v1 import contact_service_pb2 as pb
from leadline.v1.contact_service_pb2_grpc import ContactServiceServicer

from leadline_server.commands import Commands
from leadline_server.commands.create_contact import ContactCreation
from leadline_server.commands.search_contacts import ContactList, ContactSearch
from leadline_server.domain.contact import Contact
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.domain.numbers.phone_number import NO_NUMBER
from leadline_server.transport.endpoint import Context, read_by_rules
from leadline_server.wire.contact import contact_fields, contact_message, find_contact_response, numbers_to_find
from leadline_server.wire.numbers import dialable_number
from leadline_server.wire.violations import TOKEN_LENGTH, Violations

NAME_LENGTH: Final = 256
EMAIL_LENGTH: Final = 254

# RFC 9562, section 4: a UUID as text.
_is_uuid = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE).fullmatch
_is_email = re.compile(r"[^@\s]+@[^@\s]+").fullmatch


def contact_search(request: pb.SearchContactsRequest) -> ContactSearch:
    """Read SearchContactsRequest."""
    check = Violations()
    check.identifier("account_id", request.account_id)
    check.text("user_id", request.user_id)
    search = ContactSearch(
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


def contact_creation(request: pb.CreateContactRequest, rules: NumberingRules | None) -> ContactCreation:
    """Read CreateContactRequest. The request id is read in lower case, so that equal requests make equal creations."""
    check = Violations()
    if request.request_id and not _is_uuid(request.request_id):
        check.add("request_id", "Must be a UUID, such as 123e4567-e89b-42d3-a456-426614174000.")
    if check.text("email", request.email, EMAIL_LENGTH) and not _is_email(request.email):
        check.add("email", "Must be an e-mail address.")
    if not request.phone_number:
        check.add("phone_number", "Required.")
    check.identifier("account_id", request.account_id)
    user_id = check.text("user_id", request.user_id)
    name = check.text("name", request.name.strip(), NAME_LENGTH)
    contact_type = check.text("contact_type", request.contact_type, NAME_LENGTH)
    company = check.text("company", request.company, NAME_LENGTH)
    number = dialable_number(check, "phone_number", request.phone_number, rules) if request.phone_number else None
    check.raise_any()
    return ContactCreation(
        user_id=user_id,
        request_id=request.request_id.lower(),
        name=name,
        number=number or NO_NUMBER,
        contact_type=contact_type,
        email=request.email,
        company=company,
        allow_duplicate=request.allow_duplicate,
    )


def create_contact_response(contact: Contact) -> pb.CreateContactResponse:
    """Write CreateContactResponse."""
    return pb.CreateContactResponse(contact=contact_message(contact))


class ContactServicer(ContactServiceServicer):
    """ContactService."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    async def FindContact(self, request: pb.FindContactRequest, context: Context) -> pb.FindContactResponse:
        """Look up the contacts that have some numbers."""
        account, numbers = await read_by_rules(self._commands.accounts, request, numbers_to_find)
        found = await self._commands.find_contact.execute(account, numbers, skip_cache=request.skip_cache)
        return find_contact_response(found.matches, found.as_of)

    async def SearchContacts(self, request: pb.SearchContactsRequest, context: Context) -> pb.SearchContactsResponse:
        """Look up contacts by name."""
        search = contact_search(request)
        account = await self._commands.accounts.get(request.account_id)
        return search_contacts_response(await self._commands.search_contacts.execute(account, search))

    async def CreateContact(self, request: pb.CreateContactRequest, context: Context) -> pb.CreateContactResponse:
        """Create a contact for a person who asks for it."""
        account, creation = await read_by_rules(self._commands.accounts, request, contact_creation)
        return create_contact_response(await self._commands.create_contact.execute(account, creation))
