"""Wrappers of a CRM adapter that go wrong, or count, as a test needs it."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import TypeVar

from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.crm_errors import CrmUnavailable
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.ports.crm import ContactDeleter, ContactPage, ContactUse, CrmAdapter, CrmLog, LogEntry
from leadline_server.ports.crm_guarantees import Capabilities

T = TypeVar("T")


class Switch:
    """Hooks of every operation of a CRM: `before` and `after` run with its name, and may raise.

    `calls` counts what reached the CRM, by operation.
    """

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.before: Callable[[str], Awaitable[None]] = _nothing
        self.after: Callable[[str], Awaitable[None]] = _nothing

    def go_down(self) -> None:
        """From now on nothing reaches the CRM."""
        self.before = _unavailable

    def hang(self) -> None:
        """From now on the CRM never answers."""
        self.before = _never

    def come_back(self) -> None:
        """From now on all is well."""
        self.before = self.after = _nothing

    def wrap(self, adapter: CrmAdapter) -> CrmAdapter:
        """`adapter`, behind this switch."""
        return _SwitchedCrm(adapter, self)


class _SwitchedCrm:
    def __init__(self, inner: CrmAdapter, switch: Switch) -> None:
        self._inner = inner
        self._switch = switch
        self.capabilities: Capabilities = inner.capabilities

    async def _around(self, operation: str, work: Callable[[], Awaitable[T]]) -> T:
        await self._switch.before(operation)
        self._switch.calls[operation] += 1
        result = await work()
        await self._switch.after(operation)
        return result

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        return await self._around("find_contacts", lambda: self._inner.find_contacts(numbers))

    async def get_contact(self, contact_id: str) -> Contact | None:
        return await self._around("get_contact", lambda: self._inner.get_contact(contact_id))

    async def search_contacts(self, name: str, limit: int, cursor: str) -> ContactPage:
        return await self._around("search_contacts", lambda: self._inner.search_contacts(name, limit, cursor))

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:
        return await self._around("create_contact", lambda: self._inner.create_contact(draft, key))

    async def delete_contact(self, contact_id: str, log_ids: Collection[str], *, only_check: bool) -> ContactUse:
        inner = self._inner
        assert isinstance(inner, ContactDeleter)
        return await self._around(
            "delete_contact", lambda: inner.delete_contact(contact_id, log_ids, only_check=only_check)
        )

    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        return await self._around("create_call_log", lambda: self._inner.create_call_log(entry, key))

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        return await self._around("update_call_log", lambda: self._inner.update_call_log(log_id, entry))

    async def find_call_log(self, key: str) -> CrmLog | None:
        return await self._around("find_call_log", lambda: self._inner.find_call_log(key))

    async def check(self) -> None:
        await self._around("check", self._inner.check)


async def _nothing(_: str) -> None:
    return


async def _unavailable(_: str) -> None:
    raise CrmUnavailable("The CRM is down.")


async def _never(_: str) -> None:
    await asyncio.Event().wait()
