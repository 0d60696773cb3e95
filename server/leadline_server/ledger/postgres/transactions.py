"""Transactions of the PostgreSQL ledger for accounts whose CRM is in the same database (ports.ledger.transactions).

The work first runs without a transaction, and defers its writes to one statement at the end (`DeferringTransaction`).
That is one round trip, and its commit is the statement's. If the work needs more, or if the statement finds that
something has changed, the work runs again in a transaction with locks (`LockingTransaction`).
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple, TypeVar, cast

from leadline_server.concurrency.batcher import Batcher
from leadline_server.concurrency.keyed_locks import KeyedLocks
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.ledger.postgres.account_lock import lock_account
from leadline_server.ledger.postgres.deferred_placeholders import ReachedLimits
from leadline_server.ledger.postgres.deferring_transaction import DeferredWork, DeferringTransaction, statement_of
from leadline_server.ledger.postgres.locking_transaction import LockingTransaction
from leadline_server.ledger.postgres.preferences import PostgresPreferences
from leadline_server.ledger.postgres.queued_changes import RememberedLogs, load
from leadline_server.ports.ledger import CallKey, LedgerTransaction
from leadline_server.storage.postgres.database import Connection, PostgresDatabase
from leadline_server.storage.postgres.errors import Conflict, OutcomeUnknown

T = TypeVar("T")

_MAX_WORKS: Final = 128
_MAX_BATCHERS: Final = 1_000  # then those of accounts without work under way are dropped


class _Deferred(NamedTuple):
    """Work whose writes were deferred, and its result."""

    writes: DeferredWork
    result: object


class PostgresTransactions:
    """Implements ports.ledger.Transactions.

    Work of one account in this process shares statements, and follows one another in transactions: otherwise it would
    wait in the database, each with a connection.
    """

    def __init__(
        self, database: PostgresDatabase, preferences: PostgresPreferences, remembered: RememberedLogs
    ) -> None:
        self._database = database
        self._preferences = preferences
        self._remembered = remembered
        self._reached = ReachedLimits()
        self._accounts = KeyedLocks()
        self._batchers: dict[str, Batcher[DeferredWork, None]] = {}

    async def prepare(self, account_id: str, user_id: str) -> None:
        """Nothing to do: the work reads the preferences itself, and its end checks their version."""

    async def run(
        self, account_id: str, work: Callable[[LedgerTransaction], Awaitable[T]], *, settings_version: int = 0
    ) -> T:
        """The result of `work`, once its changes are committed and durable."""
        error: Conflict | OutcomeUnknown | None = None
        while (deferred := await self._deferred(work, settings_version)) is not None:
            was_refused = isinstance(error, Conflict)
            error = await self._outcome(account_id, deferred)
            if error is None:
                return cast("T", deferred.result)
            if was_refused or isinstance(error, OutcomeUnknown) or not await self._differs(account_id, deferred.writes):
                break
        unknown = deferred if isinstance(error, OutcomeUnknown) else None

        async def whole(connection: Connection) -> T:
            if unknown is not None and await _has_happened(connection, account_id, unknown.writes):
                return cast("T", unknown.result)
            transaction = LockingTransaction(
                connection, self._preferences, account_id, settings_version, reached=self._reached
            )
            await transaction.check_settings()
            result = await work(transaction)
            await transaction.store()
            return result

        async with self._accounts.hold(account_id):
            return await self._database.write(whole)

    async def read(self, account_id: str, work: Callable[[LedgerTransaction], Awaitable[T]]) -> T:
        """The result of `work` on a snapshot."""

        async def in_snapshot(connection: Connection) -> T:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                return await work(LockingTransaction(connection, self._preferences, account_id))

        return await self._database.read(in_snapshot)

    async def close(self) -> None:
        """Wait for the work that was submitted."""
        for batcher in tuple(self._batchers.values()):
            await batcher.close()

    async def _deferred(
        self, work: Callable[[LedgerTransaction], Awaitable[T]], settings_version: int
    ) -> _Deferred | None:
        """Run the work with all writes deferred. None: it has to run in a transaction."""
        transaction = DeferringTransaction(
            self._database, self._preferences, self._remembered, self._reached, settings_version
        )
        try:
            result = await work(transaction)
            return _Deferred(transaction.work(), result)
        except LedgerUnavailable:
            raise
        except Exception:  # noqa: BLE001 - the log may be outdated; the run with locks raises it
            return None

    async def _outcome(self, account_id: str, deferred: _Deferred) -> Conflict | OutcomeUnknown | None:
        """Write what was deferred. Returns why it may not have been written."""
        try:
            await self._batcher(account_id).submit(deferred.writes)
        except (Conflict, OutcomeUnknown) as error:
            return error
        return None

    async def _differs(self, account_id: str, writes: DeferredWork) -> bool:
        """Whether refused work may do without locks if it runs again, since it then finds what others have written.

        That is a contact of its number, or its calls: this process then remembers them as they are now.
        """
        if writes.numbers:
            return True
        known = {entry.key: entry.version for entry in writes.entries}
        found = await load(self._database, account_id, known)
        if any(entry.key != key for key, entry in found.items()):
            return False  # the call has joined another
        if all(found[key].version == version for key, version in known.items()):
            return False  # the statement was refused for something else
        self._remembered.learn(entry for entry in found.values() if entry.version)
        return True

    def _batcher(self, account_id: str) -> Batcher[DeferredWork, None]:
        known = self._batchers.get(account_id)
        if known is not None:
            return known
        if len(self._batchers) >= _MAX_BATCHERS:
            self._batchers = {name: batcher for name, batcher in self._batchers.items() if not batcher.is_idle}

        async def write(works: list[DeferredWork]) -> Sequence[Exception | None]:
            return await self._write(account_id, works)

        batcher = self._batchers[account_id] = Batcher(write, _MAX_WORKS)
        return batcher

    async def _write(self, account_id: str, works: list[DeferredWork]) -> Sequence[Exception | None]:
        """Write works together, but for those of a call or number that another one has. Returns the error of each."""
        together, seen = list[DeferredWork](), set[CallKey | str]()
        results: dict[int, Exception | None] = {}
        for work in works:
            keys: set[CallKey | str] = {*work.numbers, *(entry.key for entry in work.entries)}
            if keys.isdisjoint(seen):
                together.append(work)
                seen |= keys
            else:
                results[id(work)] = Conflict()
        error = await self._written(account_id, together)
        for work in together:
            is_alone = not isinstance(error, Conflict) or len(together) == 1
            results[id(work)] = error if is_alone else await self._written(account_id, [work])
        return [results[id(work)] for work in works]

    async def _written(self, account_id: str, works: Sequence[DeferredWork]) -> Exception | None:
        statement, values = statement_of(account_id, works)
        try:
            await self._database.write_once(statement, *values)
        except Exception as error:  # noqa: BLE001 - it is the result of each work, and raised there
            self._remembered.forget(entry.key for work in works for entry in work.entries)
            return error
        for work in works:
            self._remembered.keep(work.entries, work.written)
        return None


async def _has_happened(connection: Connection, account_id: str, writes: DeferredWork) -> bool:
    """Whether a statement whose answer was lost has written these calls. It waits for it, or makes it fail."""
    await lock_account(connection, account_id)
    attempt = writes.attempt
    return attempt.has_happened(await load(connection, account_id, attempt.versions))
