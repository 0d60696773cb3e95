"""The call logs in PostgreSQL: reading them, and changing those of one account together."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from leadline_server.concurrency.batcher import Batcher
from leadline_server.domain.call_log import CallLog, CallLogChange
from leadline_server.domain.joining import CallJoining
from leadline_server.ledger.codec import CALL_LOG
from leadline_server.ledger.postgres import call_log_queries as queries
from leadline_server.ledger.postgres.call_log_changes import CallLogWriter, WantedLogChange
from leadline_server.ledger.postgres.queued_changes import RememberedLogs, linked_entries
from leadline_server.ports.ledger import CallKey, CallLogFilter, CallLogGroup, CallLogPage, Change
from leadline_server.storage.postgres.database import PostgresDatabase

_MAX_CHANGES: Final = 128
_MAX_BATCHERS: Final = 1_000  # then those of accounts without a change under way are dropped


class PostgresCallLogs:
    """Implements ports.ledger.CallLogs.

    Changes of one account that are submitted while others of it are written share the next transaction: they would
    wait for each other in the database, each with a connection. Accounts do not wait for each other.
    """

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        self._writer = CallLogWriter(database)
        self._batchers: dict[str, Batcher[WantedLogChange, CallLogChange]] = {}
        self._subscribers: dict[object, Callable[[], None]] = {}
        database.after_commit(self.notify)

    @property
    def remembered(self) -> RememberedLogs:
        """The logs that this process wrote last."""
        return self._writer.remembered

    async def get(self, key: CallKey) -> CallLog | None:
        """The call log; None if the call was never reported."""
        rows = await self._database.fetch(queries.GET, *key)
        return CALL_LOG.decode(rows[0][0]) if rows else None

    async def linked(self, account_id: str, link_key: str) -> Sequence[CallLog]:
        """The logs with this link key."""
        entries = await self._database.read(lambda connection: linked_entries(connection, account_id, link_key))
        return [entry.before for entry in entries if entry.before is not None]

    async def change(
        self,
        key: CallKey,
        change: Callable[[CallLog | None], CallLog],
        joining: CallJoining | None = None,
        *,
        settings_version: int = 0,
    ) -> CallLogChange:
        """Replace the call log by the result of `change`, join it with others, and return the log before and after."""
        batcher = self._batchers.get(key.account_id) or self._new_batcher(key.account_id)
        return await self._database.shared(batcher.submit(WantedLogChange(key, change, joining, settings_version)))

    async def list(self, selection: CallLogFilter, after: tuple[int, str] | None, limit: int) -> CallLogPage:
        """Up to `limit` call logs that follow position `after`, by start time, newest first, then by call id."""
        return await self._database.read(lambda connection: queries.page(connection, selection, after, limit))

    async def count(
        self, selection: CallLogFilter, *, by_reason: bool, by_user: bool, limit: int
    ) -> Sequence[CallLogGroup]:
        """How many call logs `selection` selects, split by state and reason, by user, or by both."""
        return await self._database.read(
            lambda connection: queries.count(connection, selection, by_reason=by_reason, by_user=by_user, limit=limit)
        )

    async def due(self, now: datetime, limit: int, without: Collection[str] = ()) -> Sequence[CallKey]:
        """Up to `limit` calls whose `next_attempt_time` is not after `now`, without those of the accounts `without`."""
        return await queries.due(self._database, now, limit, without)

    async def next_due_time(self) -> datetime | None:
        """When the next call falls due; None if no call waits."""
        return await queries.next_due_time(self._database)

    async def changes(self, account_id: str, after: int, limit: int) -> Sequence[Change]:
        """The calls of an account whose latest visible change has a sequence greater than `after`."""
        return await self._database.read(lambda connection: queries.changes(connection, account_id, after, limit))

    async def last_sequence(self, account_id: str) -> int:
        """The sequence of the account's latest visible change; 0 before the first."""
        return (await self.last_sequences([account_id]))[account_id]

    async def last_sequences(self, account_ids: Collection[str]) -> Mapping[str, int]:
        """The same for each of these accounts."""
        return await queries.last_sequences(self._database, account_ids)

    async def pruned_through(self, account_id: str) -> int:
        """The largest sequence of the account's calls that were ever pruned; 0 if none was."""
        return await queries.pruned_through(self._database, account_id)

    def subscribe(self, on_change: Callable[[], None]) -> Callable[[], None]:
        """Call `on_change` on the event loop after every commit of this ledger object, and when others wake it.

        Returns the unsubscriber.
        """
        subscription = object()
        self._subscribers[subscription] = on_change

        def unsubscribe() -> None:
            self._subscribers.pop(subscription, None)

        return unsubscribe

    def notify(self) -> None:
        """Call the subscribers: something may have changed."""
        for on_change in tuple(self._subscribers.values()):
            on_change()

    async def close(self) -> None:
        """Wait for the changes that were submitted."""
        for batcher in tuple(self._batchers.values()):
            await batcher.close()

    def _new_batcher(self, account_id: str) -> Batcher[WantedLogChange, CallLogChange]:
        if len(self._batchers) >= _MAX_BATCHERS:
            self._batchers = {name: batcher for name, batcher in self._batchers.items() if not batcher.is_idle}
        batcher = self._batchers[account_id] = Batcher(self._writer.apply, _MAX_CHANGES)
        return batcher
