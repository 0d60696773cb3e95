"""The ledger's transactions, for an account whose CRM lives in the ledger.

Such a call is accepted, decided, logged and recorded in one transaction, which is synced to disk before the answer. So
nothing of it has to be recovered after a crash: the call is there as a whole, or not at all.

SQLite has one writer at a time, so a transaction is alone from its first query. In a ledger with several writers
`hold_number` waits for the other transactions that hold the number.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from leadline_server.domain.audit import Actor
from leadline_server.domain.call_log import CallLog, CallLogChange
from leadline_server.domain.joining import CallJoining
from leadline_server.domain.placeholders import LimitReached, Reservation
from leadline_server.ports.ledger.accounts import PreferencesInForce
from leadline_server.ports.ledger.call_logs import CallKey
from leadline_server.ports.ledger.requests import Requests

T = TypeVar("T")


class CallLogsInTransaction(Protocol):
    """The call logs, as the transaction sees and leaves them."""

    async def get(self, key: CallKey) -> CallLog | None:
        """As `CallLogs.get`."""
        ...

    async def linked(self, account_id: str, link_key: str) -> Sequence[CallLog]:
        """As `CallLogs.linked`."""
        ...

    async def change(
        self, key: CallKey, change: Callable[[CallLog | None], CallLog], joining: CallJoining | None = None
    ) -> CallLogChange:
        """As `CallLogs.change`."""
        ...


class PlaceholderCounts(Protocol):
    """The limits of placeholders, and the record of those that were created."""

    async def take(self, account_id: str, reservation: Reservation, now: datetime) -> str | LimitReached:
        """Take one placeholder from all limits of `reservation`, or from none of them if one has no room.

        Returns what was taken, for `give_back` and `created`.
        """
        ...

    async def give_back(self, account_id: str, taken: str) -> None:
        """Undo `take`: nothing was created."""
        ...

    async def created(self, account_id: str, contact_id: str, now: datetime, *, taken: str, by: Actor | None) -> None:
        """Record a placeholder, also in the audit trail. Without `taken`, a request of `by` created it."""
        ...


class LedgerTransaction(Protocol):
    """The parts of the ledger in one transaction. It must wait for nothing else, since others wait for its end."""

    @property
    def call_logs(self) -> CallLogsInTransaction:
        """The call logs."""
        ...

    @property
    def placeholders(self) -> PlaceholderCounts:
        """The limits of placeholders."""
        ...

    @property
    def requests(self) -> Requests:
        """The answers by request id."""
        ...

    def once(self, owner: object, make: "Callable[[LedgerTransaction], T]") -> T:
        """The result of `make`, or the one that it had for `owner` in another transaction of the same commit.

        `make` must do no more than make an object which has the parts of any of these transactions.
        """
        ...

    async def preferences(self, account_id: str, user_id: str) -> PreferencesInForce:
        """As `PreferenceStore.get`."""
        ...

    async def settings_version(self, account_id: str) -> int:
        """As `SettingsVersions.current`."""
        ...

    async def hold_number(self, account_id: str, number_key: str) -> bool:
        """Keep other transactions from creating a contact for the number until this one ends.

        Returns whether nothing can have changed since the first query of this transaction, or whether it is undone and
        run again if something has. Otherwise look the number up again: another transaction may have created a contact.
        """
        ...


class Transactions(Protocol):
    """Runs functions in transactions."""

    async def prepare(self, account_id: str, user_id: str) -> None:
        """Called before `run` where `work` needs the preferences of this user. Raises AccountNotFound."""
        ...

    async def run(
        self, account_id: str, work: Callable[[LedgerTransaction], Awaitable[T]], *, settings_version: int = 0
    ) -> T:
        """The result of `work` on rows of one account, once its changes are committed and synced to disk.

        `work` may run again, so it must change nothing but the transaction. If it raises, its changes are undone, those
        of other transactions of the same commit are not, and the exception is raised here.

        `settings_version` is the one that the work depends on; 0: on none. It is given only if
        `SettingsVersions.are_confirmed`.

        Raises:
            SettingsChanged: the account has another version by now; nothing was changed.
            LedgerUnavailable: the storage failed, and nothing was changed.
        """
        ...

    async def read(self, account_id: str, work: Callable[[LedgerTransaction], Awaitable[T]]) -> T:
        """The result of `work`, all of whose queries see one snapshot. It must not change anything."""
        ...
