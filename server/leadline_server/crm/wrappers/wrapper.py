"""The base of every wrapper of a CRM adapter: each method goes through `_do`."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from typing import ParamSpec, TypeVar

from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.crm_errors import CrmRejected
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.ports.crm import (
    ContactDeleter,
    ContactPage,
    ContactUse,
    CrmAdapter,
    CrmLog,
    CrmUserPage,
    ListsUsers,
    LogEntry,
)
from leadline_server.ports.crm_call_logs import CallLogReader, StoredCallLog
from leadline_server.ports.crm_guarantees import Capabilities, CrmMethod

P = ParamSpec("P")
T = TypeVar("T")


class CrmWrapper:
    """An adapter that passes each call to `inner` by `_do`. Wrappers override `_do` or single methods."""

    def __init__(self, inner: CrmAdapter) -> None:
        self._inner = inner
        is_plain = type(self)._do is CrmWrapper._do  # noqa: SLF001 - this class's
        for method in CrmMethod:
            if not hasattr(inner, method):
                continue
            # Without an override a call goes straight to `_do`, which takes 0.6 us a wrapper instead of 0.9 us; or to
            # `inner`, if the wrapper has no `_do` of its own.
            own = getattr(inner, method, None)  # delete_contact is optional
            if own is not None and getattr(type(self), method) is getattr(CrmWrapper, method):
                setattr(self, method, own if is_plain else partial(self._do, method, own))

    @property
    def inner(self) -> CrmAdapter:
        """The adapter inside."""
        return self._inner

    @property
    def capabilities(self) -> Capabilities:
        """Those of `inner`, read each time: an adapter in another process may still have to describe itself."""
        return self._inner.capabilities

    async def _do(self, method: CrmMethod, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call `work`, the method of `inner`, with its arguments."""
        del method
        return await work(*args, **kwargs)

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        """See ports.crm.CrmAdapter, also for the methods below."""
        return await self._do(CrmMethod.FIND_CONTACTS, self._inner.find_contacts, numbers)

    async def get_contact(self, contact_id: str) -> Contact | None:
        """The contact with this id."""
        return await self._do(CrmMethod.GET_CONTACT, self._inner.get_contact, contact_id)

    async def search_contacts(self, name: str, limit: int, cursor: str) -> ContactPage:
        """Contacts by name."""
        return await self._do(CrmMethod.SEARCH_CONTACTS, self._inner.search_contacts, name, limit, cursor)

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:
        """Create a contact."""
        return await self._do(CrmMethod.CREATE_CONTACT, self._inner.create_contact, draft, key)

    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        """Log a call."""
        return await self._do(CrmMethod.CREATE_CALL_LOG, self._inner.create_call_log, entry, key)

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        """Update an existing log."""
        return await self._do(CrmMethod.UPDATE_CALL_LOG, self._inner.update_call_log, log_id, entry)

    async def find_call_log(self, key: str) -> CrmLog | None:
        """The log that was written with `key`."""
        return await self._do(CrmMethod.FIND_CALL_LOG, self._inner.find_call_log, key)

    async def check(self) -> None:
        """Check that the CRM answers."""
        await self._do(CrmMethod.CHECK, self._inner.check)

    async def delete_contact(self, contact_id: str, log_ids: Collection[str], *, only_check: bool) -> ContactUse:
        """Delete a contact that no one has used. See ports.crm.ContactDeleter."""
        if not isinstance(self._inner, ContactDeleter):
            raise CrmRejected("leadline cannot delete contacts of this CRM.")
        work = self._inner.delete_contact
        return await self._do(CrmMethod.DELETE_CONTACT, work, contact_id, log_ids, only_check=only_check)

    async def get_call_log(self, log_id: str) -> StoredCallLog | None:
        """A call log as the CRM has it. Raises CrmRejected if `inner` cannot read it."""
        if not isinstance(self._inner, CallLogReader):
            raise CrmRejected("leadline cannot read call logs of this CRM.")
        return await self._do(CrmMethod.GET_CALL_LOG, self._inner.get_call_log, log_id)

    async def list_users(self, cursor: str) -> CrmUserPage:
        """The CRM's users. Raises CrmRejected if `inner` cannot list them."""
        if not isinstance(self._inner, ListsUsers):
            raise CrmRejected("leadline cannot list the users of this CRM.")
        return await self._do(CrmMethod.LIST_USERS, self._inner.list_users, cursor)
