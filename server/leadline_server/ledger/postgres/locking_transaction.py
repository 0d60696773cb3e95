"""A transaction of the PostgreSQL ledger with locks, for an account whose CRM is in the same database.

Locks are taken in this order: a request's id, a call, a number, the account. The first three are advisory locks, since
what they protect may not be there yet. The account's lock comes before the first write, and is the same that all other
writers of the account take. So transactions do not wait for each other in a circle, but for one case: if calls join,
their account is locked first. Then PostgreSQL ends one of the two, and it is run again.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, TypeVar

from leadline_server.domain.audit import Actor
from leadline_server.domain.call_log import CallLog, CallLogChange
from leadline_server.domain.joining import CallJoining
from leadline_server.domain.ledger_errors import SettingsChanged
from leadline_server.domain.placeholders import LimitReached, Reservation
from leadline_server.ledger.codec import CALL_LOG, to_microseconds
from leadline_server.ledger.postgres.account_lock import lock_account
from leadline_server.ledger.postgres.call_log_changes import LockedChanges, WantedLogChange
from leadline_server.ledger.postgres.call_log_queries import GET
from leadline_server.ledger.postgres.call_log_statements import write_values, write_with
from leadline_server.ledger.postgres.deferred_placeholders import ReachedLimits
from leadline_server.ledger.postgres.placeholder_counts import give_back, take
from leadline_server.ledger.postgres.placeholders import record_created
from leadline_server.ledger.postgres.preferences import PostgresPreferences
from leadline_server.ledger.postgres.queued_changes import QueuedChange, linked_entries, load, more_blocks, written_rows
from leadline_server.ledger.postgres.requests import read_answer, store_answer
from leadline_server.ports.ledger import CallKey, LedgerTransaction, PreferencesInForce, RecordedAnswer
from leadline_server.storage.postgres.database import Connection, Row
from leadline_server.storage.postgres.deferred import DeferredRow

T = TypeVar("T")

_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended($1 || ' ' || $2 || '/' || $3, 0))"


class LockingTransaction:
    """Implements ports.ledger.LedgerTransaction, and SqlTransaction as `sql`.

    Args:
        connection: in a transaction of READ COMMITTED, or in a snapshot that is only read.
        preferences: the preferences of all accounts.
        account_id: the account that the transaction is about.
        settings_version: the one that the work depends on; 0: on none before it reads some.
        reached: notes the limits of placeholders that have no room.
    """

    reads_committed: Final = False

    def __init__(
        self,
        connection: Connection,
        preferences: PostgresPreferences,
        account_id: str,
        settings_version: int = 0,
        *,
        reached: ReachedLimits | None = None,
    ) -> None:
        self.reached = reached
        self.connection = connection
        self.account_id = account_id
        self._preferences = preferences
        self._is_locked = False
        self.wanted_version = settings_version
        self._version: int | None = settings_version or None
        self._logs = _CallLogs(self)

    @property
    def sql(self) -> "LockingTransaction":
        """For a CRM in the same database."""
        return self

    @property
    def call_logs(self) -> "_CallLogs":
        """The call logs."""
        return self._logs

    @property
    def placeholders(self) -> "_PlaceholderCounts":
        """The limits of placeholders."""
        return _PlaceholderCounts(self)

    @property
    def requests(self) -> "_Requests":
        """The answers by request id."""
        return _Requests(self)

    async def check_settings(self) -> None:
        """Raise SettingsChanged if the account has another version than the wanted one. The end checks it again."""
        wanted = self.wanted_version
        if wanted and wanted != await self._preferences.version_within(self.fetch, self.account_id):
            raise SettingsChanged

    def once(self, owner: object, make: Callable[[LedgerTransaction], T]) -> T:
        """The result of `make`: transactions share nothing."""
        del owner
        return make(self)

    async def preferences(self, account_id: str, user_id: str) -> PreferencesInForce:
        """The preferences in force. All that a transaction reads are of one version, or it is run again at the end."""
        found = await self._preferences.within(self.fetch, account_id, user_id)
        self._version = self._version or found.version
        return found

    async def settings_version(self, account_id: str) -> int:
        """The version that the transaction has read first; the end checks that it is still that."""
        if self._version is None:
            self._version = await self._preferences.version_within(self.fetch, account_id)
        return self._version

    async def hold_number(self, account_id: str, number_key: str) -> bool:
        """Wait for the other transactions that may create a contact for the number."""
        await self.hold("number", account_id, number_key)
        return False

    async def fetch(self, query: str, *values: object) -> Sequence[Row]:
        """The rows of a statement that reads."""
        rows: Sequence[Row] = await self.connection.fetch(query, *values)
        return rows

    async def writing(self, account_id: str) -> Connection:
        """The connection, once the account is locked."""
        if not self._is_locked:
            await lock_account(self.connection, account_id)
            self._is_locked = True
        return self.connection

    def defer(self, account_id: str, row: DeferredRow, *, instead_of: DeferredRow | None = None) -> bool:
        """This transaction writes at once."""
        del account_id, row, instead_of
        return False

    async def hold(self, kind: str, account_id: str, name: str) -> None:
        """Hold an advisory lock until the end of the transaction."""
        await self.connection.fetchval(_LOCK, kind, account_id, name)

    async def store(self) -> None:
        """Write the call logs that have changed."""
        await self._logs.store([] if self._version is None else [self._version])


class _CallLogs:
    """The call logs of a transaction. Changes are kept, and stored once at the end."""

    def __init__(self, transaction: LockingTransaction) -> None:
        self._transaction = transaction
        self._entries: dict[CallKey, QueuedChange] = {}

    async def get(self, key: CallKey) -> CallLog | None:
        rows = await self._transaction.fetch(GET, *key)
        return CALL_LOG.decode(rows[0][0]) if rows else None

    async def linked(self, account_id: str, link_key: str) -> Sequence[CallLog]:
        entries = await linked_entries(self._transaction.connection, account_id, link_key)
        return [entry.before for entry in entries if entry.before is not None]

    async def change(
        self, key: CallKey, change: Callable[[CallLog | None], CallLog], joining: CallJoining | None = None
    ) -> CallLogChange:
        if joining is None:
            entry = self._entries.get(key) or await self._load(key)
            return entry.change(change)
        connection = await self._transaction.writing(key.account_id)
        await self.store([])
        locked = LockedChanges(connection, key.account_id)
        version = self._transaction.wanted_version
        [result] = await locked.apply([WantedLogChange(key, change, joining, version)], None)
        if isinstance(result, Exception):
            raise result
        return result

    async def store(self, versions: Sequence[int]) -> None:
        """Write what has changed, if the settings still have these versions."""
        distinct = {id(entry): entry for entry in self._entries.values() if entry.is_changed}
        ordered = sorted(distinct.values(), key=lambda entry: entry.key.call_id)
        if ordered:
            rows, account_id = written_rows(ordered), self._transaction.account_id
            values = write_values(account_id, rows, more_blocks(ordered, rows))
            await self._transaction.fetch(write_with(()), *values, list(versions))
        self._entries = {}

    async def _load(self, key: CallKey) -> QueuedChange:
        await self._transaction.hold("call", *key)
        entry = (await load(self._transaction.connection, key.account_id, {key}))[key]
        self._entries[key] = self._entries[entry.key] = entry
        return entry


class _PlaceholderCounts:
    def __init__(self, transaction: LockingTransaction) -> None:
        self._transaction = transaction

    async def take(self, account_id: str, reservation: Reservation, now: datetime) -> str | LimitReached:
        connection, reached = await self._transaction.writing(account_id), self._transaction.reached
        taken = await take(connection, account_id, reservation, to_microseconds(now))
        if isinstance(taken, LimitReached) and reached is not None:
            reached.note(account_id, taken.scope, now)
        return taken

    async def give_back(self, account_id: str, taken: str) -> None:
        await give_back(await self._transaction.writing(account_id), account_id, taken)

    async def created(self, account_id: str, contact_id: str, now: datetime, *, taken: str, by: Actor | None) -> None:
        connection = await self._transaction.writing(account_id)
        await record_created(connection, account_id, contact_id, to_microseconds(now), taken, by)


class _Requests:
    def __init__(self, transaction: LockingTransaction) -> None:
        self._transaction = transaction

    async def get(self, account_id: str, request_id: str, now: datetime) -> RecordedAnswer | None:
        """The answer; others with the same id wait until this transaction has ended."""
        await self._transaction.hold("request", account_id, request_id)
        return await read_answer(self._transaction.fetch, account_id, request_id, now)

    async def remember(self, account_id: str, request_id: str, answer: RecordedAnswer, now: datetime) -> None:
        await store_answer(await self._transaction.writing(account_id), account_id, request_id, answer, now)
