"""An adapter in another process, as a CrmAdapter.

A missing field of an answer is never interpreted: an incomplete answer is an error. Example: a `FindContactsResponse`
without contacts and without `is_complete` is not "no contact", but CrmUnavailable.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Final, TypeVar

from google.protobuf.message import Message
from leadline.adapter.v1 import adapter_service_pb2 as pb
from leadline.adapter.v1 import records_pb2

from leadline_server.concurrency.turns import in_turns
from leadline_server.crm.remote import messages
from leadline_server.crm.remote.channel import MAX_ANSWER_BYTES
from leadline_server.crm.remote.description import Description
from leadline_server.crm.remote.failures import is_never_done, unusable
from leadline_server.crm.remote.own_fields import RemoteFields
from leadline_server.crm.remote.wire import Wire
from leadline_server.crm.toolkit import AccountView, FieldReport, OwnFields
from leadline_server.crm.toolkit.call_text import updated_body
from leadline_server.crm.toolkit.field_values import Values
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.crm_errors import CrmError, CrmRejected
from leadline_server.domain.limits import MOST_LOOKUP_BYTES
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.ports.crm import ContactPage, ContactUse, CrmLog, CrmUserPage, LogEntry
from leadline_server.ports.crm_call_logs import StoredCallLog
from leadline_server.ports.crm_guarantees import Capabilities, CrmMethod, most_read

M = TypeVar("M", bound=Message)
P = TypeVar("P")
T = TypeVar("T")

CURSOR_BYTES: Final = 512
"""The most bytes of a cursor, which is part of a page token."""


MOST_USERS: Final = 1_000
"""The most users on a page."""


class RemoteCrm:
    """See `ports.crm.CrmAdapter` for what each method guarantees.

    Args:
        wire: sends calls to the adapter; shared by all accounts of the connection.
        description: the adapter's description, shared likewise.
        account: leadline's account.
        own: fields of the administrator's own.
    """

    def __init__(self, wire: Wire, description: Description, account: AccountView, own: OwnFields) -> None:
        self._wire = wire
        self._description = description
        self._account = account
        self._fields = RemoteFields(own, description, wire.title)

    @property
    def capabilities(self) -> Capabilities:
        """The adapter's capabilities; the safest ones until it has described itself."""
        return self._description.capabilities

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        """Ask for all numbers at once."""
        formats = self._account.settings().number_formats
        asked = [messages.number_message(number, formats) for number in numbers]
        request = pb.FindContactsRequest(account=self._context(), numbers=asked)
        answer = await self._ask("FindContacts", request, pb.FindContactsResponse, MOST_LOOKUP_BYTES)
        if not answer.is_complete:
            raise self._unusable("does not say that it is complete")
        most = most_read(numbers)
        found = [
            self._read(messages.contact_of, contact)
            async for some in in_turns(answer.contacts[:most])
            for contact in some
        ]
        if len(answer.contacts) > most:
            return found  # more than leadline takes, so it does not matter which of them match
        return self._read(lambda matches: messages.with_matches(found, matches, numbers), answer.matches)

    async def get_contact(self, contact_id: str) -> Contact | None:
        """None only if the answer says `not_found`. Another contact is an answer only if the adapter follows them."""
        request = pb.GetContactRequest(account=self._context(), contact_id=contact_id)
        answer = await self._ask("GetContact", request, pb.GetContactResponse)
        if answer.not_found:
            return None
        if not answer.HasField("contact"):
            raise self._unusable("has neither a contact nor not_found")
        contact = self._read(messages.contact_of, answer.contact)
        if contact.id != contact_id and not self.capabilities.follows_moved_contacts:
            raise self._unusable("has another contact than the requested one")
        return contact

    async def search_contacts(self, name: str, limit: int, cursor: str) -> ContactPage:
        """One page, no larger than requested."""
        request = pb.SearchContactsRequest(account=self._context(), name=name, limit=limit, cursor=cursor)
        try:
            answer = await self._ask("SearchContacts", request, pb.SearchContactsResponse)
        except CrmError as error:
            if is_never_done(error):
                raise CrmRejected(f"{self._wire.title} cannot search by name.") from error
            raise
        if not answer.is_complete or len(answer.contacts) > limit:
            raise self._unusable("is not the requested page")
        following = self._following(answer.next_cursor, cursor)
        return ContactPage(tuple(self._read(messages.contact_of, contact) for contact in answer.contacts), following)

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:
        """Call the adapter once."""
        await self._description.ready()  # which says whether it writes fields of the settings
        formats = self._account.settings().number_formats
        message = messages.draft_message(draft, formats, self._fields.of_contact(draft))
        request = pb.CreateContactRequest(account=self._context(), draft=message, key=key)
        answer = await self._tell("CreateContact", request, pb.CreateContactResponse)
        return self._read(messages.contact_of, answer.contact, is_write=True)

    async def delete_contact(self, contact_id: str, log_ids: Collection[str], *, only_check: bool) -> ContactUse:
        """Call the adapter once."""
        request = pb.DeleteContactRequest(
            account=self._context(), contact_id=contact_id, log_ids=log_ids, only_check=only_check
        )
        answer = await self._tell("DeleteContact", request, pb.DeleteContactResponse)
        use = messages.USES.get(answer.use)
        if use is None:
            raise self._unusable("does not say whether the contact is used", is_write=True)
        return use

    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        """Call the adapter once."""
        await self._description.ready()
        message = self._entry(entry, self._fields.of_new_call(entry))
        request = pb.CreateCallLogRequest(account=self._context(), entry=message, key=key)
        answer = await self._tell("CreateCallLog", request, pb.CreateCallLogResponse)
        return self._read(messages.log_of, answer.log, is_write=True)

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        """Call the adapter once, after it has read the log if it can: the new text keeps what people wrote."""
        await self._description.ready()
        message = self._entry(entry, self._fields.of_changed_call(entry))
        if (
            CrmMethod.GET_CALL_LOG in self.capabilities.methods
            and (now := await self.get_call_log(log_id))
            and now.text
        ):
            message.body = updated_body(now.text, message.body)
        request = pb.UpdateCallLogRequest(account=self._context(), log_id=log_id, entry=message)
        answer = await self._tell("UpdateCallLog", request, pb.UpdateCallLogResponse)
        return self._read(messages.log_of, answer.log, is_write=True)

    async def find_call_log(self, key: str) -> CrmLog | None:
        """None only if the answer says `not_found`."""
        answer = await self._ask(
            "FindCallLog", pb.FindCallLogRequest(account=self._context(), key=key), pb.FindCallLogResponse
        )
        if answer.not_found:
            return None
        if not answer.HasField("log"):
            raise self._unusable("has neither a log nor not_found")
        return self._read(messages.log_of, answer.log)

    async def get_call_log(self, log_id: str) -> StoredCallLog | None:
        """None only if the answer says `not_found`."""
        request = pb.GetCallLogRequest(account=self._context(), log_id=log_id)
        answer = await self._ask("GetCallLog", request, pb.GetCallLogResponse)
        if answer.not_found:
            return None
        if not answer.HasField("log") or answer.log.id != log_id:
            raise self._unusable("has neither the log nor not_found")
        return self._read(messages.stored_log_of, answer.log)

    async def check(self) -> None:
        """Ask the adapter whether its CRM answers."""
        try:
            await self._ask("Check", pb.CheckRequest(account=self._context()), pb.CheckResponse)
        except CrmError as error:
            if not is_never_done(error):
                raise

    async def required_fields(self) -> FieldReport:
        """What the adapter's description says."""
        await self._description.ask()
        return self._fields.report()

    async def list_users(self, cursor: str) -> CrmUserPage:
        """One page."""
        request = pb.ListUsersRequest(account=self._context(), cursor=cursor)
        try:
            answer = await self._ask("ListUsers", request, pb.ListUsersResponse)
        except CrmError as error:
            if is_never_done(error):
                raise CrmRejected(f"{self._wire.title} cannot list its users.") from error
            raise
        if not answer.is_complete or len(answer.users) > MOST_USERS:
            raise self._unusable("is not a page of users")
        following = self._following(answer.next_cursor, cursor)
        return CrmUserPage(tuple(self._read(messages.crm_user_of, user) for user in answer.users), following)

    async def _ask(self, method: str, request: Message, answer: type[M], most_bytes: int = MAX_ANSWER_BYTES) -> M:
        await self._description.ready()
        return await self._wire.call(method, request, answer, most_bytes=most_bytes)

    async def _tell(self, method: str, request: Message, answer: type[M]) -> M:
        await self._description.ready()
        try:
            return await self._wire.call(method, request, answer, is_write=True)
        except CrmRejected as error:
            if is_never_done(error):
                # A misconfigured proxy answers the same. Then Describe fails too.
                await self._description.ask()
            raise

    def _following(self, following: str, cursor: str) -> str:
        """The cursor of the page after the one at `cursor`."""
        if len(following.encode()) > CURSOR_BYTES or following == cursor != "":
            raise self._unusable("has no usable cursor")
        return following

    def _context(self) -> records_pb2.AccountContext:
        return messages.account_message(self._account)

    def _entry(self, entry: LogEntry, own: Values) -> records_pb2.LogEntry:
        return messages.entry_message(entry, self._account.settings().zone, own)

    def _read(self, read: Callable[[P], T], message: P, *, is_write: bool = False) -> T:
        try:
            return read(message)
        except ValueError as error:
            raise self._unusable(str(error), is_write=is_write) from error

    def _unusable(self, what: str, *, is_write: bool = False) -> CrmError:
        return unusable(self._wire.title, what, is_write=is_write)
