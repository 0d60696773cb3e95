"""Calls of a group on their way to the database: their logs as they are there, and after the changes so far."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from leadline_server.domain.call_log import CallLog, CallLogChange
from leadline_server.domain.unshown import unshown
from leadline_server.ledger.account_rows import blocks_of
from leadline_server.ledger.codec import CALL_LOG
from leadline_server.ledger.postgres import call_links
from leadline_server.ledger.postgres.call_log_statements import Written
from leadline_server.ports.ledger import CallKey
from leadline_server.storage.postgres.database import Connection

_REMEMBERED: Final = 8_192
_REMEMBERED_BYTES: Final = 16 * 1024 * 1024
"""How many logs a process remembers after it wrote them, and how many bytes of documents.

The next write of a call, its result, comes soon, and mostly from the same process.
"""

_KNOWN: Final = "SELECT call_id, version, body FROM call_logs WHERE account_id = $1 AND call_id = ANY($2)"


@unshown
@dataclass(slots=True)
class QueuedChange:
    """One call of a group: its log in the database, and its log after the changes so far."""

    key: CallKey
    before: CallLog | None = None
    version: int = 0
    document: bytes = b""
    after: CallLog | None = None
    is_visible: bool = False

    @property
    def is_changed(self) -> bool:
        """Whether there is something to write."""
        return self.after is not None and self.after is not self.before

    def change(self, change: Callable[[CallLog | None], CallLog]) -> CallLogChange:
        """Apply one change. Raises what it raises."""
        before, after = self.after, change(self.after)
        self.is_visible |= before is None or after.revision != before.revision
        self.after = after
        return CallLogChange(before, after)


def written_rows(entries: Iterable[QueuedChange]) -> Sequence[Written]:
    """The rows to write."""
    return [Written.of(entry.key.call_id, entry.version, entry.after, entry.is_visible) for entry in entries]


def more_blocks(before: Iterable[QueuedChange], after: Iterable[Written]) -> int:
    """How many more blocks the documents take."""
    return sum(blocks_of(one.document) for one in after) - sum(blocks_of(entry.document) for entry in before)


class RememberedLogs:
    """The logs that this process wrote last, as the database has them unless another process has changed them."""

    def __init__(self) -> None:
        self._entries: OrderedDict[CallKey, tuple[CallLog, int, bytes]] = OrderedDict()
        self._bytes = 0

    def get(self, key: CallKey) -> QueuedChange | None:
        """The log of a call, to be changed; None if it is not remembered."""
        known = self._entries.get(key)
        if known is None:
            return None
        log, version, document = known
        return QueuedChange(key, log, version, document, log)

    def keep(self, entries: Iterable[QueuedChange], written: Iterable[Written]) -> None:
        """Remember what was written."""
        for entry, one in zip(entries, written, strict=True):
            self._keep(entry.key, entry.after, one.next_version, one.document)
        self._bound()

    def learn(self, entries: Iterable[QueuedChange]) -> None:
        """Remember what was read."""
        for entry in entries:
            self._keep(entry.key, entry.before, entry.version, entry.document)
        self._bound()

    def _keep(self, key: CallKey, log: CallLog | None, version: int, document: bytes) -> None:
        self._drop(key)
        if log is not None:
            self._entries[key] = log, version, document
            self._bytes += len(document)

    def _bound(self) -> None:
        while len(self._entries) > _REMEMBERED or self._bytes > _REMEMBERED_BYTES:
            self._drop(next(iter(self._entries)))

    def forget(self, keys: Iterable[CallKey]) -> None:
        """Forget the logs of calls."""
        for key in keys:
            self._drop(key)

    def _drop(self, key: CallKey) -> None:
        known = self._entries.pop(key, None)
        if known is not None:
            self._bytes -= len(known[2])


async def linked_entries(connection: Connection, account_id: str, link_key: str) -> Sequence[QueuedChange]:
    """The calls with this link key, as the database has them."""
    keys = {CallKey(account_id, call_id) for call_id in await call_links.with_key(connection, account_id, link_key)}
    return list((await load(connection, account_id, keys)).values()) if keys else []


async def load(connection: Connection, account_id: str, keys: Iterable[CallKey]) -> dict[CallKey, QueuedChange]:
    """Read calls. Keys of calls that share a log share an entry."""
    wanted = {key.call_id for key in keys}
    found = await _stored(connection, account_id, wanted)
    missing = sorted(wanted - found.keys())
    links = dict(await connection.fetch(call_links.LINKED_TO, account_id, missing)) if missing else {}
    if links:
        found |= await _stored(connection, account_id, set(links.values()) - found.keys())
    entries: dict[CallKey, QueuedChange] = {}
    for call_id in wanted:
        main = links.get(call_id, call_id)
        entry = found.setdefault(main, QueuedChange(CallKey(account_id, main)))
        entries[CallKey(account_id, call_id)] = entry
    return entries


async def _stored(connection: Connection, account_id: str, call_ids: set[str]) -> dict[str, QueuedChange]:
    entries = {}
    for call_id, version, document in await connection.fetch(_KNOWN, account_id, sorted(call_ids)):
        log = CALL_LOG.decode(document)
        entries[call_id] = QueuedChange(CallKey(account_id, call_id), log, version, document, log)
    return entries
