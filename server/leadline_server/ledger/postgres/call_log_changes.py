"""Changes of the call logs of one account.

There are two ways. At first the logs are those that this process remembers, or none for a new call, and one statement
writes all results, on the condition that the rows are still what was remembered, and that the settings version is the
one that the changes depend on. That is one round trip, and its commit is the statement's. If the condition fails, or if
a result writes nothing (which the condition would not check), the changes are made again in a transaction that locks
the account and reads the rows.

Such a statement whose answer is lost may have happened, or may still happen. The transaction tells: it waits for it,
or makes it fail by its condition. If it happened, the rows have the versions that it was to write.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import groupby
from typing import Final, NamedTuple, TypeAlias, cast

from leadline_server.domain.call_log import CallLog, CallLogChange
from leadline_server.domain.joining import CallJoining, joined_with
from leadline_server.domain.ledger_errors import SettingsChanged
from leadline_server.ledger.account_rows import blocks_of
from leadline_server.ledger.postgres import call_links
from leadline_server.ledger.postgres.account_lock import count_stored, lock_account
from leadline_server.ledger.postgres.call_log_statements import (
    WRITE,
    WRITE_CONFIRMED,
    WRITE_LOCKED,
    write_values,
)
from leadline_server.ledger.postgres.queued_changes import (
    QueuedChange,
    RememberedLogs,
    linked_entries,
    load,
    more_blocks,
    written_rows,
)
from leadline_server.ports.ledger import CallKey
from leadline_server.storage.postgres.database import Connection, PostgresDatabase
from leadline_server.storage.postgres.errors import Conflict, OutcomeUnknown

_SETTINGS_VERSION: Final = "SELECT version FROM accounts WHERE account_id = $1 AND state <> 'deleting'"


class WantedLogChange(NamedTuple):
    """A call, and the function that changes its log."""

    key: CallKey
    change: Callable[[CallLog | None], CallLog]
    joining: CallJoining | None = None
    settings_version: int = 0


class UnknownAttempt(NamedTuple):
    """A statement whose outcome is unknown: the versions that it was to write, and the results if it has."""

    versions: dict[CallKey, int]
    results: Sequence[CallLogChange | Exception]

    def has_happened(self, entries: dict[CallKey, QueuedChange]) -> bool:
        """Whether it has written the calls, as they are in the database now. All of its rows are written, or none."""
        return any(entries[key].version == version for key, version in self.versions.items())


class CallLogWriter:
    """Writes the changes of one account at a time.

    Attributes:
        remembered: the logs that this process wrote last.
    """

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        self.remembered = RememberedLogs()

    async def apply(self, batch: list[WantedLogChange]) -> Sequence[CallLogChange | Exception]:
        """Apply changes in order. The result of a change that raises is its exception."""
        attempt: UnknownAttempt | None = None
        if all(submitted.joining is None for submitted in batch):
            results, attempt = await self._at_once(batch)
            if results is not None:
                return results
        account_id = batch[0].key.account_id
        self.remembered.forget(submitted.key for submitted in batch)

        async def apply(connection: Connection) -> Sequence[CallLogChange | Exception]:
            await lock_account(connection, account_id)
            return await LockedChanges(connection, account_id).apply(batch, attempt)

        return await self._database.write(apply)

    async def _at_once(
        self, batch: list[WantedLogChange]
    ) -> tuple[Sequence[CallLogChange | Exception] | None, UnknownAttempt | None]:
        """The results of one statement; without results the changes are to be made again, and what was attempted."""
        account_id = batch[0].key.account_id
        entries = {key: self.remembered.get(key) or QueuedChange(key) for key in sorted({one.key for one in batch})}
        try:
            results = [entries[one.key].change(one.change) for one in batch]
        except Exception:  # noqa: BLE001 - the log may be outdated; the run with the lock raises it
            return None, None
        confirmed = {one.settings_version for one in batch if one.settings_version}
        if len(confirmed) > 1 or not all(entry.is_changed for entry in entries.values()):
            return None, None
        written = written_rows(entries.values())
        values = write_values(account_id, written, more_blocks(entries.values(), written))
        try:
            await self._database.write_once(WRITE_CONFIRMED if confirmed else WRITE, *values, *confirmed)
        except Conflict:
            return None, None
        except OutcomeUnknown:
            return None, UnknownAttempt(
                {CallKey(account_id, one.call_id): one.next_version for one in written}, results
            )
        self.remembered.keep(entries.values(), written)
        return results, None


_Way: TypeAlias = Callable[[Sequence[WantedLogChange]], Awaitable[Sequence[CallLogChange | Exception]]]


class LockedChanges:
    """Changes under the account's lock."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        self._connection = connection
        self._account_id = account_id

    async def apply(
        self, batch: Sequence[WantedLogChange], attempt: UnknownAttempt | None
    ) -> Sequence[CallLogChange | Exception]:
        """The results of the changes, or those of the attempt if it has happened."""
        if attempt is not None:
            entries = await load(self._connection, self._account_id, attempt.versions)
            if attempt.has_happened(entries):
                return attempt.results
        version = await self._settings_version(batch)
        results: list[CallLogChange | Exception] = []
        for way, group in groupby(batch, key=lambda submitted: self._way(submitted, version)):
            results += await way(list(group))
        return results

    def _way(self, submitted: WantedLogChange, version: int) -> _Way:
        if submitted.settings_version not in (0, version):
            return _refused
        return self._together if submitted.joining is None else self._each

    async def _settings_version(self, batch: Sequence[WantedLogChange]) -> int:
        """The account's settings version if a change is to confirm it. It stays until the lock is released."""
        if not any(submitted.settings_version for submitted in batch):
            return 0
        return int(await self._connection.fetchval(_SETTINGS_VERSION, self._account_id) or 0)

    async def _together(self, batch: Sequence[WantedLogChange]) -> Sequence[CallLogChange | Exception]:
        entries = await load(self._connection, self._account_id, {submitted.key for submitted in batch})
        results = [_result(entries[submitted.key], submitted.change) for submitted in batch]
        distinct = {id(entry): entry for entry in entries.values()}
        await self._store([entry for entry in distinct.values() if entry.is_changed])
        return results

    async def _each(self, batch: Sequence[WantedLogChange]) -> Sequence[CallLogChange | Exception]:
        results: list[CallLogChange | Exception] = []
        for key, change, joining, _ in batch:
            entry = (await load(self._connection, self._account_id, {key}))[key]
            changed = _result(entry, change)
            if isinstance(changed, CallLogChange):
                changed = await self._join(entry, key, changed.after, cast("CallJoining", joining))
            results.append(changed)
        return results

    async def _join(self, entry: QueuedChange, key: CallKey, after: CallLog, joining: CallJoining) -> CallLogChange:
        """Join a changed call with those of its conversation, and store it."""
        link_key = joining.link_key(after)
        others = await linked_entries(self._connection, self._account_id, link_key) if link_key else []
        entries = {one.key: one for one in (*others, entry)}
        logs = [one.before for one in others if one.before is not None and one.key != entry.key]
        before, after, gone = joined_with(joining, entry.before, after, logs)
        survivor = entry if before is None else entries[CallKey(self._account_id, before.call_id)]
        survivor.after, survivor.is_visible = survivor.before, False
        survivor.change(lambda _: after)
        for log in gone:
            await call_links.move(self._connection, log, after.call_id)
            freed = blocks_of(entries[CallKey(self._account_id, log.call_id)].document)
            await count_stored(self._connection, self._account_id, blocks=-freed)
        if survivor.is_changed:
            await self._store([survivor])
        if link_key or key.call_id != after.call_id:
            await call_links.put(self._connection, key, after.call_id, link_key)
        return CallLogChange(before, after)

    async def _store(self, entries: Iterable[QueuedChange]) -> None:
        ordered = sorted(entries, key=lambda entry: entry.key.call_id)
        written = written_rows(ordered)
        if written:
            values = write_values(self._account_id, written, more_blocks(ordered, written))
            await self._connection.fetch(WRITE_LOCKED, *values)


async def _refused(batch: Sequence[WantedLogChange]) -> Sequence[CallLogChange | Exception]:
    return [SettingsChanged() for _ in batch]


def _result(entry: QueuedChange, change: Callable[[CallLog | None], CallLog]) -> CallLogChange | Exception:
    try:
        return entry.change(change)
    except Exception as error:  # noqa: BLE001 - it becomes the result of this change
        return error
