"""A transaction of the PostgreSQL ledger that is one statement: all is read before, and written by it at the end.

The statement checks what the work relied on: the rows of the calls, the settings, the contacts. So it writes what a
transaction with locks would have written, or nothing. It serves calls of known callers, and those of unknown ones that
become placeholders.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeVar

from leadline_server.domain.call_log import CallLog, CallLogChange
from leadline_server.domain.joining import CallJoining
from leadline_server.domain.unshown import unshown
from leadline_server.ledger.postgres.call_log_changes import UnknownAttempt
from leadline_server.ledger.postgres.call_log_statements import Written, write_values, write_with
from leadline_server.ledger.postgres.deferred_placeholders import DeferredPlaceholders, ReachedLimits
from leadline_server.ledger.postgres.preferences import PostgresPreferences
from leadline_server.ledger.postgres.queued_changes import QueuedChange, RememberedLogs, more_blocks, written_rows
from leadline_server.ports.ledger import CallKey, LedgerTransaction, PreferencesInForce, Requests
from leadline_server.storage.postgres.database import Connection, PostgresDatabase
from leadline_server.storage.postgres.deferred import DeferredRow, arrays_of
from leadline_server.storage.postgres.sql_transaction import NotDeferrable

T = TypeVar("T")


@unshown
class DeferredWork(NamedTuple):
    """What some work has to write.

    Attributes:
        entries: its calls, by their ids.
        written: their rows.
        rows: further rows.
        numbers: the keys of numbers for which it creates contacts.
        version: the settings version that it relied on; None: on none.
    """

    entries: tuple[QueuedChange, ...]
    written: tuple[Written, ...]
    rows: tuple[DeferredRow, ...]
    numbers: frozenset[str]
    version: int | None

    @property
    def attempt(self) -> UnknownAttempt:
        """The versions of its rows, by which it is known again in the database."""
        keys = (entry.key for entry in self.entries)
        return UnknownAttempt({key: one.next_version for key, one in zip(keys, self.written, strict=True)}, ())


class DeferringTransaction:
    """Implements ports.ledger.LedgerTransaction, and SqlTransaction as `sql`. Other methods raise NotDeferrable.

    Args:
        database: the database.
        preferences: the preferences of all accounts.
        remembered: the logs that this process wrote last.
        reached: the limits of placeholders that have no room.
        settings_version: the one that the work depends on; 0: on none before it reads preferences.
    """

    reads_committed: Final = True

    def __init__(
        self,
        database: PostgresDatabase,
        preferences: PostgresPreferences,
        remembered: RememberedLogs,
        reached: ReachedLimits,
        settings_version: int,
    ) -> None:
        self.fetch = database.fetch
        self._preferences = preferences
        self._remembered = remembered
        self._entries: dict[CallKey, QueuedChange] = {}
        self._rows: list[DeferredRow] = []
        self._numbers: set[str] = set()
        self._reached = reached
        self._version: int | None = settings_version or None

    @property
    def sql(self) -> "DeferringTransaction":
        """For a CRM in the same database."""
        return self

    @property
    def call_logs(self) -> "DeferringTransaction":
        """The call logs."""
        return self

    @property
    def placeholders(self) -> DeferredPlaceholders:
        """The limits of placeholders."""
        return DeferredPlaceholders(self.defer, self._reached)

    @property
    def requests(self) -> Requests:
        """The answers by request id cannot be deferred."""
        raise NotDeferrable

    async def get(self, key: CallKey) -> CallLog | None:
        """It only changes call logs."""
        raise NotDeferrable(key)

    async def linked(self, account_id: str, link_key: str) -> Sequence[CallLog]:
        """It only changes call logs."""
        raise NotDeferrable(account_id, link_key)

    async def change(
        self, key: CallKey, change: Callable[[CallLog | None], CallLog], joining: CallJoining | None = None
    ) -> CallLogChange:
        """Change a log: as this process wrote it last, or as a new one. The end checks that it is that."""
        if joining is not None:
            raise NotDeferrable(key)
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = self._remembered.get(key) or QueuedChange(key)
        return entry.change(change)

    def once(self, owner: object, make: Callable[[LedgerTransaction], T]) -> T:
        """The result of `make`: transactions share nothing."""
        del owner
        return make(self)

    async def preferences(self, account_id: str, user_id: str) -> PreferencesInForce:
        """The preferences that were read last. The end checks their version."""
        found = self._preferences.last_read(account_id, user_id)
        if found is None or self._version not in (None, found.version):
            found = await self._preferences.within(self.fetch, account_id, user_id)
        if self._version not in (None, found.version):
            raise NotDeferrable(user_id)
        self._version = found.version
        return found

    async def settings_version(self, account_id: str) -> int:
        """The version that the work depends on."""
        if self._version is None:
            raise NotDeferrable(account_id)
        return self._version

    async def hold_number(self, account_id: str, number_key: str) -> bool:
        """Hold the number at the end, which checks that no contact has it by then. A call is to be logged for it."""
        if not self._entries:
            raise NotDeferrable(account_id, number_key)
        self._numbers.add(number_key)
        return True

    async def writing(self, account_id: str) -> Connection:
        """Nothing is written at once."""
        raise NotDeferrable(account_id)

    def defer(self, account_id: str, row: DeferredRow, *, instead_of: DeferredRow | None = None) -> bool:
        """Write a row at the end."""
        del account_id
        if instead_of is not None:
            self._rows.remove(instead_of)
        self._rows.append(row)
        return True

    def work(self) -> DeferredWork:
        """What is to be written. Raises NotDeferrable if nothing would check what was read."""
        entries = tuple(sorted(self._entries.values(), key=lambda entry: entry.key.call_id))
        if not entries or not all(entry.is_changed for entry in entries):
            raise NotDeferrable
        rows, numbers = tuple(self._rows), frozenset(self._numbers)
        return DeferredWork(entries, tuple(written_rows(entries)), rows, numbers, self._version)


def statement_of(account_id: str, works: Sequence[DeferredWork]) -> tuple[str, tuple[object, ...]]:
    """The statement that writes works of different calls of an account, and its values."""
    pairs = sorted(
        ((entry, one) for work in works for entry, one in zip(work.entries, work.written, strict=True)),
        key=lambda pair: pair[1].call_id,
    )
    entries, written = [entry for entry, _ in pairs], [one for _, one in pairs]
    rows = [row for work in works for row in work.rows]
    expressions = tuple(sorted({row.expression for row in rows}))  # so that there are few statements
    numbers = sorted({number for work in works for number in work.numbers})
    versions = sorted({work.version for work in works if work.version is not None})
    arrays = [
        array
        for expression in expressions
        for array in arrays_of([row.values for row in rows if row.expression is expression])
    ]
    values = write_values(account_id, written, more_blocks(entries, written))
    held = [numbers] if numbers else []
    return write_with(expressions, holds_numbers=bool(numbers)), (*values, versions, *held, *arrays)
