"""Adapters that break their obligations when they write or read back call logs."""

from collections.abc import Sequence
from dataclasses import replace

from conformance.passing_adapter import Passing
from leadline_server.domain.contact import Contact
from leadline_server.domain.crm_errors import CrmRejected, CrmUnavailable
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.ports.crm import CrmLog, LogEntry
from leadline_server.ports.crm_call_logs import CallLogReader, StoredCallLog
from leadline_server.ports.crm_guarantees import Capabilities


class Reading(Passing):
    """Reads logs back, as the good adapter does."""

    @property
    def capabilities(self) -> Capabilities:
        return self.inner.capabilities

    async def get_call_log(self, log_id: str) -> StoredCallLog | None:
        assert isinstance(self.inner, CallLogReader)
        return await self.inner.get_call_log(log_id)


class UpdatesNothing(Reading):
    """Answers an update as if it had done it."""

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        return CrmLog(log_id)


class LogsASecondTime(Reading):
    """Writes another log for an update."""

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        return await self.inner.create_call_log(entry, f"{log_id}-{entry.call.note}")


class HasNoUpdate(Reading):
    """Declares updates, and has none."""

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        raise CrmRejected("This adapter cannot update logs.")


class MovesNothing(Reading):
    """Declares that it moves logs, and leaves them where they are."""

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        return await self.inner.update_call_log(log_id, replace(entry, moves=False))


class LogsNothing(Reading):
    """Answers with the id of a log that it did not write."""

    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        return CrmLog(f"log-{key}")


class DropsTheNote(Reading):
    """Writes logs without their note."""

    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        return await self.inner.create_call_log(replace(entry, call=replace(entry.call, note="")), key)

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        return await self.inner.update_call_log(log_id, replace(entry, call=replace(entry.call, note="")))


class IsDownForNobody(Reading):
    """Answers for a CRM that is down that it has nobody."""

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        try:
            return await self.inner.find_contacts(numbers)
        except CrmUnavailable:
            return []
