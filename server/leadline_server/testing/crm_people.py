"""What people do in a CRM without leadline, and what they see there: an adapter's author says how."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SeenLog:
    """A call log as people see it in the CRM.

    Attributes:
        contact_id: whose it is.
        subject: its subject, as it reads on the screen.
        note: the note of the call, as it reads on the screen; where it is a part of a longer text, that part alone.
        peoples_field: what people wrote beside it, in a field that leadline does not own.
        fields: all that the CRM shows of it, field by field. Leave out what changes by itself, such as the time of the
            last change. Empty where it is too much to ask.
        text: the whole text that the note is a part of, as it reads on the screen; empty where the note stands alone.
    """

    contact_id: str
    subject: str
    note: str
    peoples_field: str
    fields: Mapping[str, str] = field(default_factory=dict)
    text: str = ""


class People(Protocol):
    """Hands in the CRM: an adapter's author writes it with the CRM's own API.

    What cannot be done there raises NotImplementedError with the reason, and the tests that need it are skipped.
    """

    async def add_contact(self, name: str, numbers: Sequence[str]) -> str:
        """Add a contact with `numbers`, written just so, the main one first; its id."""
        ...

    async def delete_contact(self, contact_id: str) -> None:
        """Delete a contact."""
        ...

    async def count_contacts(self) -> int:
        """How many contacts there are, of every kind that the adapter looks at."""
        ...

    async def see_log(self, log_id: str) -> SeenLog:
        """A call log as it is now."""
        ...

    async def edit_log(self, log_id: str, text: str) -> None:
        """Write `text` into a field of the log that leadline does not own."""
        ...

    async def delete_log(self, log_id: str) -> None:
        """Delete a call log."""
        ...

    async def rename_contact(self, contact_id: str, name: str) -> None:
        """Give a contact another name."""
        ...

    async def merge_contacts(self, kept_id: str, gone_id: str) -> None:
        """Merge the second contact into the first."""
        ...

    async def count_logs(self) -> int:
        """How many call logs there are."""
        ...

    async def add_to_note(self, log_id: str, text: str) -> None:
        """Write `text` below what leadline wrote, into the same field: below all of `SeenLog.text`."""
        ...
