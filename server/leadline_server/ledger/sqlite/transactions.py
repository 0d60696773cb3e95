"""Transactions of the SQLite ledger for accounts whose CRM is in the same file (ports.ledger.transactions).

The function of a transaction is a coroutine, so that it can use the same code as deliveries to other CRMs. Here it
never waits for anything: all that it uses reads and writes on the one connection, at once. So it is run to its end
within the group commit of `SqliteDatabase`, without the event loop.

Transactions that share a commit also share some statements at its end. One that fails before it has changed a row
leaves nothing. If one fails later, all are undone, and each runs again alone.
"""

import sqlite3
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar, cast

from leadline_server.domain.audit import Actor
from leadline_server.domain.call_log import CallLog, CallLogChange
from leadline_server.domain.joining import CallJoining
from leadline_server.domain.placeholders import LimitReached, Reservation
from leadline_server.ledger.codec import to_microseconds
from leadline_server.ledger.sqlite.call_links import read_log
from leadline_server.ledger.sqlite.call_log_changes import (
    SharedChanges,
    TransactionChanges,
    linked_logs,
)
from leadline_server.ledger.sqlite.placeholder_counts import SharedCounts, TransactionCounts
from leadline_server.ledger.sqlite.placeholders import CreatedPlaceholder, record_created, record_new
from leadline_server.ledger.sqlite.preferences import SqlitePreferences
from leadline_server.ledger.sqlite.requests import read_answer, store_answer
from leadline_server.ports.ledger import CallKey, LedgerTransaction, PreferencesInForce, RecordedAnswer
from leadline_server.storage.connection import storage_error
from leadline_server.storage.sqlite import SqliteDatabase

T = TypeVar("T")
Item = TypeVar("Item")

LastWork = Callable[[sqlite3.Connection, Sequence[Item]], None]
"""Work at the end of a commit, for all items that transactions have left."""

_MOST_TURNS: Final = 100_000  # far more than a lookup of the most contacts has


class SharedCommit:
    """Keeps work that transactions leave for the end of their commit.

    Attributes:
        connection: the connection.
        call_logs: the changes of call logs.
        placeholders: the counts of placeholders; None until one is needed.
        books: the numbers of the books of contacts that they have read, by account. They are forgotten with a failure.
        made: what `SqliteTransaction.once` has made, by the id of its owner, and the owner.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.call_logs = SharedChanges(connection)
        self.placeholders: SharedCounts | None = None
        self.books: dict[str, int] = {}
        self.made: dict[int, tuple[object, Any]] = {}
        self.connection = connection
        self._last: dict[LastWork[Any], list[Any]] = {}

    def at_end(self, work: LastWork[Item], item: Item) -> None:
        """Call `work` at the end, once with all items that were left for it. Use it after a row was changed."""
        self._last.setdefault(work, []).append(item)

    def store(self) -> None:
        """Write it all."""
        self.call_logs.store()
        if self.placeholders is not None:
            self.placeholders.store()
        self.store_last()

    def store_last(self) -> None:
        """Do what was left by `at_end`."""
        last, self._last = self._last, {}
        for work, items in last.items():
            work(self.connection, items)


class SqliteTransaction:
    """Implements ports.ledger.LedgerTransaction on a connection.

    Attributes:
        connection: the connection, for the CRM in the same file.
        shared: what the transaction leaves for the end of the commit.
    """

    def __init__(self, connection: sqlite3.Connection, shared: SharedCommit, preferences: SqlitePreferences) -> None:
        self.connection = connection
        self.shared = shared
        self.call_logs = _CallLogs(connection, shared.call_logs)
        self._placeholders: _PlaceholderCounts | None = None
        self._preferences = preferences

    def keep(self) -> None:
        """Leave what has changed for the end of the commit."""
        self.call_logs.keep()
        if self._placeholders is not None:
            self._placeholders.keep()

    @property
    def placeholders(self) -> "_PlaceholderCounts":
        """The limits of placeholders. Few transactions need them."""
        if self._placeholders is None:
            self._placeholders = _PlaceholderCounts(self.shared)
        return self._placeholders

    @property
    def requests(self) -> "_Requests":
        """The answers by request id."""
        return _Requests(self.connection)

    def once(self, owner: object, make: "Callable[[LedgerTransaction], T]") -> T:
        """The result of `make`, or the one that it had for `owner` in another transaction of the same commit."""
        known = self.shared.made.get(id(owner))
        if known is None:
            known = self.shared.made[id(owner)] = owner, make(self)
        made: T = known[1]
        return made

    async def preferences(self, account_id: str, user_id: str) -> PreferencesInForce:
        """The preferences in force: no other process can change them before this transaction ends."""
        return self._preferences.within(self.connection, account_id, user_id)

    async def settings_version(self, account_id: str) -> int:
        """The settings version."""
        del account_id  # one version for all accounts
        return self._preferences.latest_version()

    async def hold_number(self, account_id: str, number_key: str) -> bool:
        """Nothing to do: this transaction has the file's write lock, so nothing else changes."""
        del account_id, number_key
        return True


class SqliteTransactions:
    """Implements ports.ledger.Transactions."""

    def __init__(self, database: SqliteDatabase, preferences: SqlitePreferences) -> None:
        self._database = database
        self._preferences = preferences

    async def prepare(self, account_id: str, user_id: str) -> None:
        """Read the preferences, so that the transaction finds them in the cache."""
        await self._preferences.get(account_id, user_id)

    async def run(
        self, account_id: str, work: Callable[[LedgerTransaction], Awaitable[T]], *, settings_version: int = 0
    ) -> T:
        """The result of `work`, committed with those of other transactions that were submitted meanwhile."""
        del account_id, settings_version  # transactions of all accounts follow one another, and confirm no version

        def whole(shared: SharedCommit, connection: sqlite3.Connection) -> T:
            transaction = SqliteTransaction(connection, shared, self._preferences)
            result = finished(work(transaction))
            transaction.keep()
            return result

        return await self._database.write_batched(_run_together, self._database.for_call(whole))

    async def read(self, account_id: str, work: Callable[[LedgerTransaction], Awaitable[T]]) -> T:
        """The result of `work` on a snapshot."""
        del account_id
        return await self._database.read(
            lambda connection: finished(
                work(SqliteTransaction(connection, SharedCommit(connection), self._preferences))
            )
        )


def _run_together(
    connection: sqlite3.Connection, works: Sequence[Callable[[SharedCommit, sqlite3.Connection], Any]]
) -> Sequence[Any]:
    """The results of transactions. Raises what must undo changes."""
    shared = SharedCommit(connection)
    results: list[Any] = []
    for work in works:
        before = connection.total_changes
        try:
            results.append(work(shared, connection))
        except Exception as error:
            if connection.total_changes != before or storage_error(error):
                raise
            results.append(error)
    shared.store()
    return results


def finished(work: Awaitable[T]) -> T:
    """The result of a coroutine that waits for nothing. Where it would give others a turn, it goes on at once.

    Raises:
        RuntimeError: it waits for something, which would never come while the transaction is open.
    """
    coroutine = cast("Coroutine[Any, Any, T]", work)
    try:
        for _ in range(_MOST_TURNS):
            if coroutine.send(None) is not None:  # `asyncio.sleep(0)` yields None
                break
    except StopIteration as end:
        return cast("T", end.value)
    coroutine.close()
    raise RuntimeError("a transaction of the ledger waited for something else")


class _CallLogs:
    """The call logs of a transaction. Changes are kept, and stored once at the end."""

    def __init__(self, connection: sqlite3.Connection, shared: SharedChanges) -> None:
        self._connection = connection
        self._changes = TransactionChanges(shared)

    async def get(self, key: CallKey) -> CallLog | None:
        self._changes.store()
        return read_log(self._connection, key)

    async def linked(self, account_id: str, link_key: str) -> Sequence[CallLog]:
        self._changes.store()
        return linked_logs(self._connection, account_id, link_key)

    async def change(
        self, key: CallKey, change: Callable[[CallLog | None], CallLog], joining: CallJoining | None = None
    ) -> CallLogChange:
        return self._changes.change(key, change, joining)

    def keep(self) -> None:
        """Leave what has changed for the end of the commit."""
        self._changes.keep()


class _PlaceholderCounts:
    """The placeholders of a transaction. Those of calls are counted and recorded at the end, with those of others."""

    def __init__(self, shared: SharedCommit) -> None:
        self._shared = shared
        if shared.placeholders is None:
            shared.placeholders = SharedCounts(shared.connection)
        self._counts = TransactionCounts(shared.placeholders)

    async def take(self, account_id: str, reservation: Reservation, now: datetime) -> str | LimitReached:
        return self._counts.take(account_id, reservation, to_microseconds(now))

    async def give_back(self, account_id: str, taken: str) -> None:
        self._counts.give_back(account_id, taken)

    async def created(self, account_id: str, contact_id: str, now: datetime, *, taken: str, by: Actor | None) -> None:
        at = to_microseconds(now)
        if taken:  # so the contact was made here
            self._shared.at_end(record_new, CreatedPlaceholder(account_id, contact_id, at, taken))
        else:
            record_created(self._shared.connection, account_id, contact_id, at, taken, by)

    def keep(self) -> None:
        """Leave what was counted for the end of the commit."""
        self._counts.keep()


class _Requests:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def get(self, account_id: str, request_id: str, now: datetime) -> RecordedAnswer | None:
        return read_answer(self._connection, account_id, request_id, now)

    async def remember(self, account_id: str, request_id: str, answer: RecordedAnswer, now: datetime) -> None:
        store_answer(self._connection, account_id, request_id, answer, now)
