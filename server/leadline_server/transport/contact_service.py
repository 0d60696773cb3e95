"""ContactService over gRPC: reads the requests, runs the commands, writes the responses."""
# ruff: noqa: ARG002, N802 - RPCs have the names and arguments of the generated servicers

import re
from contextlib import suppress
from typing import Final

from leadline.v1 import contact_service_pb2 as pb
from leadline.v1.contact_service_pb2_grpc import ContactServiceServicer

from leadline_server.accounts.registry import Account
from leadline_server.commands import Commands
from leadline_server.commands.create_contact import ContactCreation
from leadline_server.commands.search_contacts import ContactList, ContactSearch
from leadline_server.contacts.lookup import FoundContacts
from leadline_server.domain.crm_errors import CrmTooMuch
from leadline_server.domain.errors import InvalidRequest
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.domain.numbers.phone_number import NO_NUMBER, NumberKind, PhoneNumber
from leadline_server.transport.context import Context
from leadline_server.transport.endpoint import read_by_rules
from leadline_server.wire.contact import CONTACT
from leadline_server.wire.mapping import MessageMapping
from leadline_server.wire.violations import TOKEN_LENGTH, Violations

MAX_NUMBERS: Final = 16
"""The most numbers of one FindContact."""

NAME_LENGTH: Final = 256
EMAIL_LENGTH: Final = 254

# RFC 9562, section 4: a UUID as text.
_is_uuid = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE).fullmatch
_is_email = re.compile(r"[^@\s]+@[^@\s]+").fullmatch

_LOOKED_UP: Final = (NumberKind.DIALABLE, NumberKind.EXTENSION)
FOUND_CONTACTS: Final = MessageMapping(FoundContacts, pb.FindContactResponse)
CONTACT_LIST: Final = MessageMapping(ContactList, pb.SearchContactsResponse)


def numbers_to_find(request: pb.FindContactRequest, rules: NumberingRules | None) -> tuple[PhoneNumber, ...]:
    """Read FindContactRequest. Numbers that are never looked up are left out, so there may be none."""
    check = Violations()
    check.account_and_user(request.account_id, request.user_id)
    texts = request.phone_numbers
    if not 1 <= len(texts) <= MAX_NUMBERS:
        check.add("phone_numbers", f"1 to {MAX_NUMBERS} numbers; there are {len(texts)}.")
    numbers = [
        number
        for index, text in enumerate(texts[:MAX_NUMBERS])
        if (number := check.readable_number(f"phone_numbers[{index}]", text, rules)) is not None
    ]
    check.raise_any()
    return tuple(number for number in numbers if number.kind in _LOOKED_UP)


def contact_search(request: pb.SearchContactsRequest) -> ContactSearch:
    """Read SearchContactsRequest."""
    check = Violations()
    check.account_and_user(request.account_id, request.user_id)
    search = ContactSearch(
        name=check.text("query", request.query.strip(), NAME_LENGTH),
        page_size=check.page_size(request.page_size),
        page_token=check.text("page_token", request.page_token, TOKEN_LENGTH),
    )
    if not search.name:
        check.add("query", "Required.")
    check.raise_any()
    return search


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
    user_id = check.optional_id("user_id", request.user_id)
    name = check.text("name", request.name.strip(), NAME_LENGTH)
    contact_type = check.text("contact_type", request.contact_type, NAME_LENGTH)
    company = check.text("company", request.company, NAME_LENGTH)
    number = check.dialable_number("phone_number", request.phone_number, rules) if request.phone_number else None
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


class ContactServicer(ContactServiceServicer):
    """ContactService."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    async def FindContact(self, request: pb.FindContactRequest, context: Context) -> pb.FindContactResponse:
        """Look up the contacts that have some numbers."""
        seen_in_ledger = self._commands.accounts.seen_in_ledger
        if seen_in_ledger is not None and (seen := seen_in_ledger(request.account_id)) is not None:
            at_once = await self._found_now(seen, request)
            if at_once is not None:
                return FOUND_CONTACTS.message(at_once)
        account, numbers = await read_by_rules(self._commands.accounts, request, numbers_to_find)
        found = await self._commands.lookup.answer(account, numbers, may_be_remembered=not request.skip_cache)
        return FOUND_CONTACTS.message(found)

    async def _found_now(self, account: Account, request: pb.FindContactRequest) -> FoundContacts | None:
        """The answer by an account that may be outdated; None: it is, or the answer does not tell."""
        with suppress(InvalidRequest, CrmTooMuch):
            found = await self._commands.lookup.answer_now(account, numbers_to_find(request, account.rules))
            if found.settings_version == account.record.settings_version:
                return found
        return None

    async def SearchContacts(self, request: pb.SearchContactsRequest, context: Context) -> pb.SearchContactsResponse:
        """Look up contacts by name."""
        search = contact_search(request)
        account = await self._commands.accounts.get(request.account_id)
        return CONTACT_LIST.message(await self._commands.search_contacts.execute(account, search))

    async def CreateContact(self, request: pb.CreateContactRequest, context: Context) -> pb.CreateContactResponse:
        """Create a contact for a person who asks for it."""
        account, creation = await read_by_rules(self._commands.accounts, request, contact_creation)
        contact = await self._commands.create_contact.execute(account, creation)
        return pb.CreateContactResponse(contact=CONTACT.message(contact))
