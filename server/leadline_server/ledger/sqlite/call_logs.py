"""The call logs in SQLite."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from leadline_server.domain.call_log import CallLog, CallLogChange
from leadline_server.domain.joining import CallJoining
from leadline_server.ledger.sqlite import call_log_queries as queries
from leadline_server.ledger.sqlite.call_links import read_log
from leadline_server.ledger.sqlite.call_log_changes import SubmittedChange, apply_changes, linked_logs
from leadline_server.ports.ledger import CallKey, CallLogFilter, CallLogGroup, CallLogPage, Change
from leadline_server.storage.sqlite import SqliteDatabase


class SqliteCallLogs:
    """Implements ports.ledger.CallLogs.

    A change reads and writes in one transaction, under the file's write lock. So changes of one call are serialised
    over all processes, and sequences follow the order of commits. Documents are decoded on each read: that takes 5 to
    10 us, too little to be worth a cache.
    """

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def get(self, key: CallKey) -> CallLog | None:
        """The call log; None if the call was never reported."""
        return await self._database.read_inline(lambda connection: read_log(connection, key))

    async def linked(self, account_id: str, link_key: str) -> Sequence[CallLog]:
        """The logs with this link key."""
        return await self._database.read(lambda connection: linked_logs(connection, account_id, link_key))

    async def change(
        self,
        key: CallKey,
        change: Callable[[CallLog | None], CallLog],
        joining: CallJoining | None = None,
        *,
        settings_version: int = 0,  # noqa: ARG002 - this ledger confirms none
    ) -> CallLogChange:
        """Replace the call log by the result of `change`, join it with others, and return the log before and after."""
        return await self._database.write_batched(apply_changes, SubmittedChange(key, change, joining))

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
        return await self._database.read(lambda connection: queries.due(connection, now, limit, without))

    async def next_due_time(self) -> datetime | None:
        """When the next call falls due; None if no call waits."""
        return await self._database.read_inline(queries.next_due_time)

    async def changes(self, account_id: str, after: int, limit: int) -> Sequence[Change]:
        """The calls of an account whose latest visible change has a sequence greater than `after`."""
        return await self._database.read(lambda connection: queries.changes(connection, account_id, after, limit))

    async def last_sequence(self, account_id: str) -> int:
        """The sequence of the latest visible change of any account: the file has one order for all of them."""
        return (await self.last_sequences([account_id]))[account_id]

    async def last_sequences(self, account_ids: Collection[str]) -> Mapping[str, int]:
        """The same for each of these accounts."""
        return dict.fromkeys(account_ids, await self._database.read_inline(queries.last_sequence))

    async def pruned_through(self, account_id: str) -> int:
        """The largest sequence of the account's calls that were ever pruned; 0 if none was."""
        return await self._database.read_inline(lambda connection: queries.pruned_through(connection, account_id))

    def subscribe(self, on_change: Callable[[], None]) -> Callable[[], None]:
        """Call `on_change` on the event loop after every commit of this ledger object that changed a row of any table.

        Returns the unsubscriber.
        """
        return self._database.after_commit(on_change)
