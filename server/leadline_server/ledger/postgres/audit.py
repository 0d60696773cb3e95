"""The audit trail in PostgreSQL. `record` belongs to the transaction of the change that it is about."""

import time
from collections.abc import Sequence
from typing import Final

from leadline_server.domain.audit import Actor, AuditAction, AuditEvent, AuditFilter
from leadline_server.domain.audit_chain import BEGINNING, Anchor, ChainedEntry, following
from leadline_server.ledger.audit_rows import LOOKED_AT, fits
from leadline_server.ports.ledger.audit import AuditPage
from leadline_server.storage.postgres.database import Connection, PostgresDatabase

_APPEND: Final = """
    INSERT INTO audit (account_id, time, document) SELECT account, $1, document
    FROM unnest($2::text[], $3::bytea[]) WITH ORDINALITY AS given (account, document, place) ORDER BY place
"""
_HAS_NEW: Final = "SELECT 1 FROM audit WHERE hash IS NULL LIMIT 1"
_WAITING: Final = "SELECT DISTINCT account_id FROM audit WHERE hash IS NULL ORDER BY account_id"
_NEW: Final = "SELECT id, time, document FROM audit WHERE account_id = $1 AND hash IS NULL ORDER BY id LIMIT $2"
_CHAIN: Final = """
    UPDATE audit SET sequence = given.sequence, hash = given.hash
    FROM unnest($2::bigint[], $3::bigint[], $4::bytea[]) AS given (id, sequence, hash)
    WHERE audit.account_id = $1 AND audit.id = given.id
"""
_LOCK: Final = "INSERT INTO audit_chains (account_id, sequence, hash) VALUES ($1, 0, $2) ON CONFLICT DO NOTHING"
_ANCHOR: Final = "SELECT account_id, sequence, hash FROM audit_chains WHERE account_id = $1 FOR UPDATE"
ANCHORS: Final = "SELECT account_id, sequence, hash FROM audit_chains ORDER BY account_id"
_ENDS: Final = "SELECT pruned_sequence, pruned_hash, sequence, hash FROM audit_chains WHERE account_id = $1"
_MOVE_ANCHOR: Final = "UPDATE audit_chains SET sequence = $2, hash = $3 WHERE account_id = $1"
LIST: Final = """
    SELECT account_id, sequence, time, document, hash FROM audit
    WHERE account_id = $1 AND sequence > $2 AND hash IS NOT NULL ORDER BY sequence LIMIT $3
"""
_CHAINS: Final = "SELECT account_id, pruned_sequence FROM audit_chains ORDER BY account_id"
# Old entries at the start of the chain. A later one whose clock was wrong stays until those before it are old too.
_OLD: Final = """
    SELECT sequence, hash, time FROM audit
    WHERE account_id = $1 AND hash IS NOT NULL AND sequence > $2 ORDER BY sequence LIMIT $3
"""
_PRUNED: Final = """
    UPDATE audit_chains SET pruned_sequence = $2, pruned_hash = $3 WHERE account_id = $1 AND pruned_sequence < $2
"""
_DELETE: Final = "DELETE FROM audit WHERE account_id = $1 AND hash IS NOT NULL AND sequence <= $2"


class PostgresAudit:
    """Implements ports.ledger.AuditTrail."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        self._changes = -1

    async def append(self, events: Sequence[AuditEvent]) -> None:
        """Store entries of what changed nothing."""
        await self._database.write(lambda connection: record(connection, *events))

    async def has_new(self, *, of_any_process: bool = True) -> bool:
        """Whether entries wait to be chained."""
        if self._database.changes == self._changes and not of_any_process:
            return False
        self._changes = self._database.changes
        return bool(await self._database.fetch(_HAS_NEW))

    async def chain(self, limit: int) -> Sequence[ChainedEntry]:
        """Chain up to `limit` entries, account by account: each account's in a transaction of its own."""
        chained: list[ChainedEntry] = []
        for (account_id,) in await self._database.fetch(_WAITING):
            if len(chained) < limit:
                chained += await self._chain(account_id, limit - len(chained))
        return chained

    async def list(self, account_id: str, after: int, limit: int) -> Sequence[ChainedEntry]:
        """Chained entries of an account."""
        return [ChainedEntry(*row) for row in await self._database.fetch(LIST, account_id, after, limit)]

    async def find(self, account_id: str, after: int, limit: int, among: AuditFilter) -> AuditPage:
        """Chained entries of an account that fit a filter."""
        found: list[ChainedEntry] = []
        rows = await self._database.fetch(LIST, account_id, after, LOOKED_AT)
        for row in rows:
            if len(found) == limit:
                return AuditPage(found, after)
            entry = ChainedEntry(*row)
            after = entry.sequence
            if fits(entry, among):
                found.append(entry)
        return AuditPage(found, after if len(rows) == LOOKED_AT else None)

    async def ends(self, account_id: str) -> tuple[Anchor, Anchor]:
        """The start and the end of an account's chain."""
        rows = await self._database.fetch(_ENDS, account_id)
        if not rows:
            return Anchor(account_id, 0, BEGINNING), Anchor(account_id, 0, BEGINNING)
        pruned, pruned_hash, last, last_hash = rows[0]
        return Anchor(account_id, pruned, pruned_hash), Anchor(account_id, last, last_hash)

    async def anchors(self) -> Sequence[Anchor]:
        """The state of every chain."""
        return [Anchor(*row) for row in await self._database.fetch(ANCHORS)]

    async def _chain(self, account_id: str, limit: int) -> Sequence[ChainedEntry]:
        async def chain(connection: Connection) -> Sequence[ChainedEntry]:
            await connection.execute(_LOCK, account_id, BEGINNING)
            last = Anchor(*await connection.fetchrow(_ANCHOR, account_id))
            ids, entries = [], list[ChainedEntry]()
            for row_id, at, document in await connection.fetch(_NEW, account_id, limit):
                entry = following(last, at, document)
                last = entry.anchor
                ids.append(row_id)
                entries.append(entry)
            if entries:
                sequences, hashes = [entry.sequence for entry in entries], [entry.hash for entry in entries]
                await connection.execute(_CHAIN, account_id, ids, sequences, hashes)
                await connection.execute(_MOVE_ANCHOR, *last)
            return entries

        return await self._database.write(chain)


async def record(connection: Connection, *events: AuditEvent) -> None:
    """Store entries in the present transaction."""
    now = time.time_ns() // 1000
    if events:
        accounts, documents = [event.account_id for event in events], [event.document for event in events]
        await connection.execute(_APPEND, now, accounts, documents)


async def note(
    connection: Connection, by: Actor, account_id: str, action: AuditAction, subject: str = "", **others: object
) -> None:
    """Store one entry in the present transaction; arguments as for `AuditEvent.of`."""
    await record(connection, AuditEvent.of(by, account_id, action, subject, **others))


async def prune_audit(database: PostgresDatabase, before: int, limit: int) -> int:
    """Delete old entries from the start of their chains, and keep the hash of the last one. Returns how many."""
    deleted = 0
    for account_id, pruned in await database.fetch(_CHAINS):
        last: tuple[int, bytes] | None = None
        for sequence, digest, at in await database.fetch(_OLD, account_id, pruned, limit - deleted):
            if at >= before:
                break
            last = sequence, digest
        if last is not None:
            deleted += await _prune_chain(database, account_id, *last)
        if deleted >= limit:
            break
    return deleted


async def _prune_chain(database: PostgresDatabase, account_id: str, sequence: int, digest: bytes) -> int:
    async def prune(connection: Connection) -> int:
        await connection.execute(_PRUNED, account_id, sequence, digest)
        return count_of(await connection.execute(_DELETE, account_id, sequence))

    return await database.write(prune)


def count_of(tag: str) -> int:
    """How many rows a statement changed, by its command tag. Example: 3 for "DELETE 3"."""
    return int(tag.rpartition(" ")[2])
