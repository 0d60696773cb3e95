"""Serves any CrmAdapter as `leadline.adapter.v1.AdapterService`."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, TypeVar

from google.protobuf.message import Message
from leadline.adapter.v1 import adapter_service_pb2 as pb
from leadline.adapter.v1 import records_pb2

from leadline_server.crm.remote import messages
from leadline_server.crm.remote.description import capabilities_message
from leadline_server.crm.remote.names import METHODS
from leadline_server.crm.remote.refusals import BadRequest
from leadline_server.crm.toolkit import AccountView, Connect
from leadline_server.domain.crm_errors import CrmRejected
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.crm import ContactDeleter, CrmAdapter, ListsUsers
from leadline_server.ports.crm_call_logs import CallLogReader
from leadline_server.ports.crm_guarantees import MOST_NUMBERS, CrmMethod

P = TypeVar("P", bound=Message)
T = TypeVar("T")

MOST_ACCOUNTS: Final = 1_000
"""The most accounts whose adapters are kept. The least recently used one is dropped."""

_MOST_HITS: Final = 1_000
_MOST_LOG_IDS: Final = 100


class AdapterServicer:
    """Serves the accounts of one connection.

    Args:
        connect: makes the adapter of an account.
        title: the CRM's name for people.
        version: the adapter's version.
    """

    def __init__(self, connect: Connect, title: str, version: str = "") -> None:
        self._connect = connect
        self._title = title
        self._version = version
        self._adapters: OrderedDict[str, CrmAdapter] = OrderedDict()
        self._settings: dict[str, AccountSettings] = {}

    async def Describe(self, _: pb.DescribeRequest) -> pb.DescribeResponse:  # noqa: N802 - the contract's name
        """The capabilities and methods of every account's adapter."""
        adapter = self._connect(AccountView("", AccountSettings))
        can = adapter.capabilities
        methods = can.methods | ({CrmMethod.DELETE_CONTACT} if can.deletes_contacts else set())
        if not isinstance(adapter, CallLogReader):
            methods -= {CrmMethod.GET_CALL_LOG}
        return pb.DescribeResponse(
            title=self._title,
            version=self._version,
            capabilities=capabilities_message(can),
            methods=["Describe", *(name for name, method in METHODS.items() if method in methods)],
        )

    async def FindContacts(self, request: pb.FindContactsRequest) -> pb.FindContactsResponse:  # noqa: N802
        """All contacts, or an error."""
        adapter, settings = self._of(request.account)
        if not 1 <= len(request.numbers) <= MOST_NUMBERS:
            raise BadRequest(f"numbers must be 1 to {MOST_NUMBERS}")
        numbers = [_read(lambda m: messages.number_of(m, settings.default_region), one) for one in request.numbers]
        found = await adapter.find_contacts(numbers)
        return pb.FindContactsResponse(
            contacts=[messages.contact_message(contact) for contact in found], is_complete=True
        )

    async def GetContact(self, request: pb.GetContactRequest) -> pb.GetContactResponse:  # noqa: N802
        """The contact, or `not_found`."""
        adapter, _ = self._of(request.account)
        contact = await adapter.get_contact(_needed(request.contact_id, "contact_id"))
        if contact is None:
            return pb.GetContactResponse(not_found=True)
        return pb.GetContactResponse(contact=messages.contact_message(contact))

    async def SearchContacts(self, request: pb.SearchContactsRequest) -> pb.SearchContactsResponse:  # noqa: N802
        """One page."""
        adapter, _ = self._of(request.account)
        if not 1 <= request.limit <= _MOST_HITS:
            raise BadRequest(f"limit must be 1 to {_MOST_HITS}")
        page = await adapter.search_contacts(request.name, request.limit, request.cursor)
        return pb.SearchContactsResponse(
            contacts=[messages.contact_message(contact) for contact in page.contacts],
            next_cursor=page.next_cursor,
            is_complete=True,
        )

    async def CreateContact(self, request: pb.CreateContactRequest) -> pb.CreateContactResponse:  # noqa: N802
        """The new contact."""
        adapter, settings = self._of(request.account)
        draft = _read(lambda message: messages.draft_of(message, settings.default_region), request.draft)
        contact = await adapter.create_contact(draft, _needed(request.key, "key"))
        return pb.CreateContactResponse(contact=messages.contact_message(contact))

    async def DeleteContact(self, request: pb.DeleteContactRequest) -> pb.DeleteContactResponse:  # noqa: N802
        """What the contact was; it is deleted if no one used it."""
        adapter, _ = self._of(request.account)
        if len(request.log_ids) > _MOST_LOG_IDS:
            raise BadRequest(f"log_ids has more than {_MOST_LOG_IDS} ids")
        if not isinstance(adapter, ContactDeleter):
            raise CrmRejected(f"Contacts of {self._title} cannot be deleted.")
        contact_id = _needed(request.contact_id, "contact_id")
        use = await adapter.delete_contact(contact_id, request.log_ids, only_check=request.only_check)
        return pb.DeleteContactResponse(use=messages.USE_VALUES[use])

    async def CreateCallLog(self, request: pb.CreateCallLogRequest) -> pb.CreateCallLogResponse:  # noqa: N802
        """The new log."""
        adapter, _ = self._of(request.account)
        log = await adapter.create_call_log(_read(messages.entry_of, request.entry), _needed(request.key, "key"))
        return pb.CreateCallLogResponse(log=messages.log_message(log))

    async def UpdateCallLog(self, request: pb.UpdateCallLogRequest) -> pb.UpdateCallLogResponse:  # noqa: N802
        """The updated log."""
        adapter, _ = self._of(request.account)
        entry = _read(messages.entry_of, request.entry)
        log = await adapter.update_call_log(_needed(request.log_id, "log_id"), entry)
        return pb.UpdateCallLogResponse(log=messages.log_message(log))

    async def FindCallLog(self, request: pb.FindCallLogRequest) -> pb.FindCallLogResponse:  # noqa: N802
        """The log, or `not_found`."""
        adapter, _ = self._of(request.account)
        log = await adapter.find_call_log(_needed(request.key, "key"))
        if log is None:
            return pb.FindCallLogResponse(not_found=True)
        return pb.FindCallLogResponse(log=messages.log_message(log))

    async def GetCallLog(self, request: pb.GetCallLogRequest) -> pb.GetCallLogResponse:  # noqa: N802
        """The log as the CRM has it, or `not_found`."""
        adapter, _ = self._of(request.account)
        if not isinstance(adapter, CallLogReader):
            raise CrmRejected("This adapter cannot read call logs.")
        log = await adapter.get_call_log(_needed(request.log_id, "log_id"))
        if log is None:
            return pb.GetCallLogResponse(not_found=True)
        return pb.GetCallLogResponse(log=messages.stored_log_message(log))

    async def Check(self, request: pb.CheckRequest) -> pb.CheckResponse:  # noqa: N802
        """An empty answer if the CRM works."""
        adapter, _ = self._of(request.account)
        await adapter.check()
        return pb.CheckResponse()

    async def ListUsers(self, request: pb.ListUsersRequest) -> pb.ListUsersResponse:  # noqa: N802
        """One page."""
        adapter, _ = self._of(request.account)
        if not isinstance(adapter, ListsUsers):
            raise CrmRejected("This adapter cannot list users.")
        page = await adapter.list_users(request.cursor)
        return pb.ListUsersResponse(
            users=[messages.crm_user_message(user) for user in page.users],
            next_cursor=page.next_cursor,
            is_complete=True,
        )

    def _of(self, account: records_pb2.AccountContext) -> tuple[CrmAdapter, AccountSettings]:
        """The account's adapter. From now on it sees the settings of this request."""
        account_id = _needed(account.id, "account.id")
        if len(account_id) > messages.ID_LENGTH:
            raise BadRequest(f"account.id has more than {messages.ID_LENGTH} characters")
        settings = self._settings[account_id] = _read(messages.account_settings_of, account)
        adapter = self._adapters.get(account_id)
        if adapter is None:
            view = AccountView(account_id, lambda: self._settings.get(account_id, settings))
            adapter = self._adapters[account_id] = self._connect(view)
            if len(self._adapters) > MOST_ACCOUNTS:
                oldest, _ = self._adapters.popitem(last=False)
                self._settings.pop(oldest, None)
        self._adapters.move_to_end(account_id)
        return adapter, settings


def _read(read: Callable[[P], T], message: P) -> T:
    try:
        return read(message)
    except ValueError as error:
        raise BadRequest(str(error)) from error


def _needed(value: str, name: str) -> str:
    if not value:
        raise BadRequest(f"{name} is needed")
    return value
