"""Actions of people in the CRM itself, without leadline, and what they see. An adapter's author implements them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from leadline_server.ports.crm_call_logs import CallLogReader


@dataclass(frozen=True, slots=True)
class SeenLog:
    """A call log as people see it in the CRM.

    Attributes:
        contact_id: the contact that it belongs to.
        subject: its subject, as the screen shows it.
        note: the note of the call, as the screen shows it. If it is a part of a longer text, only that part.
        peoples_field: the text that people wrote into a field that leadline does not own.
        fields: every field that the CRM shows. Leave out fields that change by themselves, such as the time of the last
            change. Empty if this is too much work.
        text: the whole text that the note is a part of, as the screen shows it; empty if the note has its own field.
    """

    contact_id: str
    subject: str
    note: str
    peoples_field: str
    fields: Mapping[str, str] = field(default_factory=dict)
    text: str = ""


class LogReader(Protocol):
    """Reads what arrived in the CRM."""

    async def see_log(self, log_id: str) -> SeenLog:
        """The current call log."""
        ...


class ReadBack:
    """Reads logs by the adapter's own `get_call_log`, for authors without `People`."""

    def __init__(self, reader: CallLogReader) -> None:
        self._reader = reader

    async def see_log(self, log_id: str) -> SeenLog:
        """The current call log."""
        log = await self._reader.get_call_log(log_id)
        assert log is not None, "The adapter answered with a log, and get_call_log says that there is none with its id."
        assert log.id == log_id, "get_call_log returns the log that it was asked for."
        return SeenLog(log.contact_id, log.subject, log.note, "", text=log.text)


class People(Protocol):
    """Acts in the CRM as people do. An adapter's author implements it with the CRM's own API.

    A method that the CRM does not allow raises NotImplementedError with the reason. Tests that need it are skipped.
    """

    async def add_contact(self, name: str, numbers: Sequence[str]) -> str:
        """Add a contact with `numbers`, exactly as written, the main one first. Returns its id."""
        ...

    async def delete_contact(self, contact_id: str) -> None:
        """Delete a contact."""
        ...

    async def count_contacts(self) -> int:
        """The number of contacts, of every kind that the adapter reads."""
        ...

    async def see_log(self, log_id: str) -> SeenLog:
        """The current call log."""
        ...

    async def edit_log(self, log_id: str, text: str) -> None:
        """Write `text` into a field of the log that leadline does not own."""
        ...

    async def delete_log(self, log_id: str) -> None:
        """Delete a call log."""
        ...

    async def rename_contact(self, contact_id: str, name: str) -> None:
        """Rename a contact."""
        ...

    async def merge_contacts(self, kept_id: str, gone_id: str) -> None:
        """Merge the second contact into the first, with its call logs."""
        ...

    async def convert_contact(self, contact_id: str) -> str:
        """Convert a lead to a contact, with its call logs. Returns the contact's id."""
        del contact_id
        raise NotImplementedError("This CRM converts no leads.")

    async def count_logs(self) -> int:
        """The number of call logs."""
        ...

    async def add_user(self, name: str, email: str, *, is_active: bool) -> str:
        """Add a user of the CRM, who can own records while active. Returns the user's id."""
        del name, email, is_active
        raise NotImplementedError("The author of the adapter cannot add users to this CRM.")

    async def add_to_note(self, log_id: str, text: str) -> None:
        """Write `text` below leadline's text into the same field: below all of `SeenLog.text`."""
        ...
