"""A good adapter, to be broken in one way."""

from collections.abc import Sequence
from dataclasses import replace

from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.ports.crm import ContactPage, CrmAdapter, CrmLog, LogEntry
from leadline_server.ports.crm_guarantees import Capabilities, CrmMethod
from leadline_server.testing.crm_conformance import CrmUnderTest


class Passing:
    """The good adapter, as it is, but that it does not read logs back."""

    def __init__(self, inner: CrmAdapter, crm: CrmUnderTest) -> None:
        self.inner = inner
        self.crm = crm

    @property
    def capabilities(self) -> Capabilities:
        declared = self.inner.capabilities
        return replace(declared, methods=declared.methods - {CrmMethod.GET_CALL_LOG})

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        return await self.inner.find_contacts(numbers)

    async def get_contact(self, contact_id: str) -> Contact | None:
        return await self.inner.get_contact(contact_id)

    async def search_contacts(self, name: str, limit: int, cursor: str) -> ContactPage:
        return await self.inner.search_contacts(name, limit, cursor)

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:
        return await self.inner.create_contact(draft, key)

    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        return await self.inner.create_call_log(entry, key)

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        return await self.inner.update_call_log(log_id, entry)

    async def find_call_log(self, key: str) -> CrmLog | None:
        return await self.inner.find_call_log(key)

    async def check(self) -> None:
        await self.inner.check()
