"""An optional part of the port to a CRM: reading a call log back."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from leadline_server.domain.unshown import unshown


@unshown
@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCallLog:
    """A call log as the CRM has it now, also where people changed it.

    Attributes:
        id: its id.
        contact_id: the contact that it is at; empty: none.
        subject: its subject; empty if the CRM has no such field.
        note: the note of the call: its field, or that part of `text`.
        text: the whole text that the note is a part of, with what people wrote; empty if the note has its own field.
    """

    id: str
    contact_id: str
    subject: str = ""
    note: str = ""
    text: str = ""


@runtime_checkable
class CallLogReader(Protocol):
    """An adapter whose CRM shows its call logs. It declares `CrmMethod.GET_CALL_LOG`."""

    async def get_call_log(self, log_id: str) -> StoredCallLog | None:
        """The log with this id, None if the CRM has none. It writes nothing. Raises as `CrmAdapter`."""
        ...
