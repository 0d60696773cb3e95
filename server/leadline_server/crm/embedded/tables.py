"""The embedded CRM's tables as the adapter uses them, in every database."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from leadline_server.crm.embedded.rows import NewContact
from leadline_server.domain.contact import Contact
from leadline_server.domain.fast_init import maker
from leadline_server.domain.unshown import unshown
from leadline_server.ports.crm import ContactPage, ContactUse, CrmLog, LogEntry
from leadline_server.ports.crm_call_logs import StoredCallLog
from leadline_server.ports.embedded_contents import EmbeddedCallLogPage
from leadline_server.ports.ledger import LedgerTransaction


@unshown
class WantedContact(NamedTuple):
    """A contact to be added to an account's book, and its row, which has the key."""

    account_id: str
    contact: Contact
    row: NewContact


@unshown
class NewLog(NamedTuple):
    """A call to be logged in an account's journal, with its key and the time."""

    account_id: str
    entry: LogEntry
    key: str
    now: datetime


new_wanted_contact: Final = maker(WantedContact)
new_log: Final = maker(NewLog)


class CrmTables(Protocol):
    """The tables, at any time or in one transaction. At any time they raise CrmUnavailable if the storage fails.

    Example: `await tables.find("demo", ("2025550147",))` returns Ada, one of whose numbers has that key.
    """

    @property
    def is_in_ledger(self) -> bool:
        """Whether they are in the ledger's database."""
        ...

    def within(self, transaction: LedgerTransaction) -> "CrmTables":
        """The tables in a transaction of the ledger. Raises TypeError if they are in another database."""
        ...

    async def find(self, account_id: str, keys: tuple[str, ...]) -> Sequence[Contact]:
        """The contacts of an account with one of `keys`, each once. Raises CrmTooMuch with those that were read."""
        ...

    async def find_now(self, account_id: str, keys: tuple[str, ...]) -> tuple[Sequence[Contact], int]:
        """As `find`, with the account's settings version at that moment, 0 if it is not known.

        Raises:
            LedgerUnavailable: the storage failed; it is not translated.
        """
        ...

    async def get_contact(self, account_id: str, contact_id: str) -> Contact | None:
        """The contact with this id, or None."""
        ...

    async def search(self, account_id: str, name: str, limit: int, cursor: str) -> ContactPage:
        """A page of the contacts whose name contains `name`, by name, then id. Raises CrmInvalidCursor."""
        ...

    async def create_contact(self, wanted: WantedContact) -> Contact:
        """Add a contact, unless one was added with the same key."""
        ...

    async def remove_unused(
        self, account_id: str, contact_id: str, log_ids: Collection[str], *, only_check: bool
    ) -> ContactUse:
        """Delete a contact unless an import filled it or it has calls beside `log_ids`. Those keep no contact."""
        ...

    async def forget(self, account_id: str, limit: int) -> bool:
        """Delete at most `limit` contacts and as many logs of an account; false if there were none."""
        ...

    async def log(self, new: NewLog) -> CrmLog:
        """Log a call, unless one was logged with the same key. Raises CrmRejected if there is no such contact."""
        ...

    async def update_log(self, account_id: str, log_id: str, entry: LogEntry, now: datetime) -> CrmLog:
        """Change a log to what `entry` says, and its contact if the log moves. The columns of people stay.

        Raises:
            CrmRejected: the account has no such log; or it moves, and there is no such contact.
        """
        ...

    async def find_log(self, account_id: str, key: str) -> CrmLog | None:
        """The log that was written with `key`."""
        ...

    async def read_log(self, account_id: str, log_id: str) -> StoredCallLog | None:
        """The log with this id."""
        ...

    async def list_logs(self, account_id: str, limit: int, cursor: str) -> EmbeddedCallLogPage:
        """A page of an account's logs, in the order of their keys."""
        ...

    async def check(self) -> None:
        """Return if the contacts can be read."""
        ...
