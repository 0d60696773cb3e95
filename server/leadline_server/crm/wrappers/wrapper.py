"""What every wrapper of a CRM adapter begins with: all operations go through one place."""

from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Final, ParamSpec, TypeVar

from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.ports.crm import Capabilities, ContactPage, CrmAdapter, CrmLog, LogEntry

P = ParamSpec("P")
T = TypeVar("T")


class Operation(StrEnum):
    """What a CRM is asked to do: the methods of `ports.crm.CrmAdapter`."""

    FIND_CONTACTS = "find_contacts"
    GET_CONTACT = "get_contact"
    SEARCH_CONTACTS = "search_contacts"
    CREATE_CONTACT = "create_contact"
    CREATE_CALL_LOG = "create_call_log"
    UPDATE_CALL_LOG = "update_call_log"
    FIND_CALL_LOG = "find_call_log"
    CHECK = "check"


WRITES: Final = frozenset({Operation.CREATE_CONTACT, Operation.CREATE_CALL_LOG, Operation.UPDATE_CALL_LOG})
"""Operations that may have happened although they failed. All others change nothing."""


class CrmWrapper:
    """`inner`, each of whose operations goes through `_do`, which wrappers replace."""

    def __init__(self, inner: CrmAdapter) -> None:
        self._inner = inner

    @property
    def capabilities(self) -> Capabilities:
        """The inner one's, as they are now: an adapter in another process may not have said them yet."""
        return self._inner.capabilities

    async def _do(self, operation: Operation, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do what was asked: `operation` is `work`, called with the rest."""
        del operation
        return await work(*args, **kwargs)

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        """See ports.crm.CrmAdapter; so for all that follows."""
        return await self._do(Operation.FIND_CONTACTS, self._inner.find_contacts, numbers)

    async def get_contact(self, contact_id: str) -> Contact | None:
        """The contact with this id."""
        return await self._do(Operation.GET_CONTACT, self._inner.get_contact, contact_id)

    async def search_contacts(self, name: str, limit: int, cursor: str) -> ContactPage:
        """Contacts by name."""
        return await self._do(Operation.SEARCH_CONTACTS, self._inner.search_contacts, name, limit, cursor)

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:
        """Create a contact."""
        return await self._do(Operation.CREATE_CONTACT, self._inner.create_contact, draft, key)

    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        """Log a call."""
        return await self._do(Operation.CREATE_CALL_LOG, self._inner.create_call_log, entry, key)

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        """Bring an existing log up to date."""
        return await self._do(Operation.UPDATE_CALL_LOG, self._inner.update_call_log, log_id, entry)

    async def find_call_log(self, key: str) -> CrmLog | None:
        """The log that was written with `key`."""
        return await self._do(Operation.FIND_CALL_LOG, self._inner.find_call_log, key)

    async def check(self) -> None:
        """Whether the CRM answers."""
        await self._do(Operation.CHECK, self._inner.check)
