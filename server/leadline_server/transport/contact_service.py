"""ContactService over gRPC: read the request, run the command, write the answer."""
# ruff: noqa: ARG002, N802 - RPCs have the names and arguments of the generated servicers

from leadline.v1 import contact_service_pb2 as pb
from leadline.v1.contact_service_pb2_grpc import ContactServiceServicer

from leadline_server.commands import Commands
from leadline_server.transport import contact_requests as mapping
from leadline_server.transport.endpoint import Context, read_in_region


class ContactServicer(ContactServiceServicer):
    """ContactService."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    async def FindContact(self, request: pb.FindContactRequest, context: Context) -> pb.FindContactResponse:
        """Look up the contacts that have some numbers."""
        account, query = await read_in_region(self._commands.accounts, request, mapping.contact_query)
        return mapping.find_contact_response(await self._commands.find_contact.execute(account, query))

    async def SearchContacts(self, request: pb.SearchContactsRequest, context: Context) -> pb.SearchContactsResponse:
        """Look up contacts by name."""
        search = mapping.contact_search(request)
        account = await self._commands.accounts.get(request.account_id)
        return mapping.search_contacts_response(await self._commands.search_contacts.execute(account, search))

    async def CreateContact(self, request: pb.CreateContactRequest, context: Context) -> pb.CreateContactResponse:
        """Create a contact for a person who asks for it."""
        account, creation = await read_in_region(self._commands.accounts, request, mapping.contact_creation)
        return mapping.create_contact_response(await self._commands.create_contact.execute(account, creation))
