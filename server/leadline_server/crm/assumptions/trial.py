"""The records that a trial makes in a CRM, and how it removes them."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from leadline_server.crm.assumptions.test_numbers import a_test_number
from leadline_server.crm.toolkit.assumptions import DeletesCallLogs
from leadline_server.domain.call import Call, CallDirection, CallResult, Party
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.crm_errors import CrmError
from leadline_server.domain.numbers.matching import match_kind
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.crm import ContactDeleter, ContactUse, CrmAdapter, CrmLog, LogEntry

MARK: Final = "leadline test"
"""The beginning of the name of every contact that a trial makes."""

_MOST_NUMBERS_TRIED: Final = 20
_POLL_SECONDS: Final = 0.5
_GRACE: Final = timedelta(seconds=2)


class NoFreeNumber(Exception):
    """Every test number that was tried has a contact already."""


@dataclass(slots=True)
class Trial:
    """One trial.

    Attributes:
        adapter: the adapter, with the times of the settings.
        inner: the adapter itself, which may delete records.
        settings: the account's.
    """

    adapter: CrmAdapter
    inner: object
    settings: AccountSettings
    key: str = field(default_factory=lambda: f"leadline-test/{secrets.token_hex(8)}")
    name: str = field(default_factory=lambda: f"{MARK} {secrets.token_hex(3)}")
    numbers: list[PhoneNumber] = field(default_factory=list)
    contacts: dict[str, Contact] = field(default_factory=dict)
    logs: dict[str, CrmLog] = field(default_factory=dict)

    @property
    def can_delete(self) -> bool:
        """Whether the contacts of the trial can be removed."""
        return self.adapter.capabilities.deletes_contacts and isinstance(self.inner, ContactDeleter)

    async def free_number(self) -> PhoneNumber:
        """A test number that no contact of the CRM has. Raises NoFreeNumber."""
        for _ in range(_MOST_NUMBERS_TRIED):
            number = a_test_number(self.settings.default_region)
            if number in self.numbers or await self.found(number):
                continue
            self.numbers.append(number)
            return number
        raise NoFreeNumber("Every test number that was tried has a contact already. Remove those of earlier tests.")

    async def found(self, number: PhoneNumber) -> set[str]:
        """The ids of the contacts with this number, as leadline matches them."""
        rules = self.settings.numbering
        return {
            contact.id
            for contact in await self.adapter.find_contacts([number])
            if any(match_kind(number, stored, rules) for stored in contact.phone_numbers)
        }

    async def contact(self, name: str, number: PhoneNumber) -> Contact:
        """Create a contact."""
        contact = await self.adapter.create_contact(ContactDraft(name=name, phone_number=number), _a_key())
        self.contacts[contact.id] = contact
        return contact

    async def log(self, entry: LogEntry, key: str) -> CrmLog:
        """Log a call."""
        log = await self.adapter.create_call_log(entry, key)
        self.logs[log.id] = log
        return log

    def entry(self, contact: Contact, *, note: str = "", is_over: bool = True, moves: bool = False) -> LogEntry:
        """A call that no one answered: while it rings, or when it is over."""
        now, number = datetime.now(UTC).replace(microsecond=0), self.numbers[0].e164
        call = Call(
            id=self.key,
            direction=CallDirection.INBOUND,
            caller=Party(phone_number=number),
            start_time=now - timedelta(minutes=1),
            end_time=now if is_over else None,
            result=CallResult.NO_ANSWER if is_over else None,
            subject=f"{MARK}: this call may be deleted",
            note=note or None,
            is_final=is_over or None,
        )
        return LogEntry(
            call=call, contact_id=contact.id, user_id="", crm_user_id="", number=number, fallback_time=now, moves=moves
        )

    async def until(self, look: Callable[[], Awaitable[bool]]) -> float | None:
        """The seconds until `look` is true, within what the adapter says that its search lags; None: it never was."""
        loop, lag = asyncio.get_running_loop(), self.adapter.capabilities.search_lag
        start = loop.time()
        end = start + (lag + _GRACE).total_seconds() if lag else start
        while not await look():
            if loop.time() >= end:
                return None
            await asyncio.sleep(_POLL_SECONDS)
        return loop.time() - start

    async def remove(self, contact_id: str) -> bool:
        """Remove a contact that the trial made. Whether it is gone."""
        if not self.can_delete or not isinstance(self.adapter, ContactDeleter):
            return False
        use = await self.adapter.delete_contact(contact_id, list(self.logs), only_check=False)
        if use is ContactUse.UNUSED:
            self.contacts.pop(contact_id, None)
        return use is ContactUse.UNUSED

    async def remove_all(self) -> tuple[int, tuple[str, ...]]:
        """Remove every record of the trial. How many are gone, and what is left."""
        removed = 0
        for contact_id in list(self.contacts):
            removed += await _is_done(self.remove(contact_id))
        for log_id in list(self.logs):
            if isinstance(self.inner, DeletesCallLogs) and await _is_done(_done(self.inner.delete_call_log(log_id))):
                del self.logs[log_id]
                removed += 1
        left = [*(_place("contact", each.id, each.url) for each in self.contacts.values())]
        left += [_place("call", each.id, each.url) for each in self.logs.values()]
        return removed, tuple(left)


def _a_key() -> str:
    """A key that no other contact has: an adapter may answer with the contact that has it."""
    return f"leadline-test/{secrets.token_hex(8)}"


async def _done(work: Awaitable[None]) -> bool:
    await work
    return True


async def _is_done(work: Awaitable[bool]) -> bool:
    """Whether the work was done; a CRM that refuses it, or is down, leaves it undone."""
    try:
        return await work
    except CrmError:
        return False


def _place(kind: str, record_id: str, url: str) -> str:
    return f"{kind} {record_id}" + (f" {url}" if url else "")


def answered(entry: LogEntry) -> LogEntry:
    """The same call, answered for half a minute."""
    start = entry.call.start_time or entry.fallback_time
    call = replace(
        entry.call,
        result=CallResult.ANSWERED,
        answer_time=start + timedelta(seconds=5),
        end_time=start + timedelta(seconds=35),
        is_final=True,
    )
    return replace(entry, call=call)
