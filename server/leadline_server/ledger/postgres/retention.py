"""Retention in PostgreSQL: old records are selected first, and deleted in short transactions, account by account."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple, TypeAlias

from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.domain.limits import MOST_PAGE_BYTES
from leadline_server.domain.retention import last_change, may_be_deleted
from leadline_server.ledger.account_rows import blocks_of
from leadline_server.ledger.codec import CALL_LOG, to_microseconds
from leadline_server.ledger.postgres.account_lock import lock_account
from leadline_server.ledger.postgres.audit import count_of, prune_audit
from leadline_server.ledger.postgres.call_log_queries import changes
from leadline_server.ledger.postgres.requests import delete_answers
from leadline_server.ports.ledger import Pruned
from leadline_server.storage.postgres.database import Connection, PostgresDatabase
from leadline_server.storage.postgres.deferred import arrays_of

_ACQUIRE: Final = """
    UPDATE ledger SET pruning_lease_owner = $1, pruning_lease_until = $3
    WHERE pruning_lease_owner IS NULL OR pruning_lease_owner = $1 OR pruning_lease_until <= $2
"""
_RELEASE: Final = """
    UPDATE ledger SET pruning_lease_owner = NULL, pruning_lease_until = NULL WHERE pruning_lease_owner = $1
"""
_NEXT_ACCOUNT: Final = """
    SELECT account_id FROM account_counters WHERE account_id > $1 AND sequence > pruned_through
    ORDER BY account_id LIMIT 1
"""
# Everything in one statement, so that the account is locked only while PostgreSQL works on it. A call that was changed
# since it was selected has another body, so it is not deleted. Calls are found by the index that selected them: its
# pages are in memory, while the index of call ids may have each of them in another page of the disk.
_DELETE_CALLS: Final = """
    WITH locked AS MATERIALIZED (
        SELECT account_id FROM account_counters WHERE account_id = $1 FOR UPDATE
    ), given AS (
        SELECT * FROM unnest($2::bigint[], $3::bytea[], $4::bigint[]) AS given (sequence, body, blocks)
    ), gone AS (
        DELETE FROM call_logs AS c USING locked, given
        WHERE c.account_id = $1 AND c.sequence = given.sequence AND c.body = given.body
        RETURNING c.call_id, c.sequence, given.blocks
    ), unlinked AS (
        DELETE FROM call_links WHERE account_id = $1 AND call_id IN (SELECT call_id FROM gone)
    ), counted AS (
        UPDATE account_counters AS c SET pruned_through = greatest(pruned_through, total.sequence),
            blocks = c.blocks - total.blocks
        FROM (SELECT max(sequence) AS sequence, sum(blocks) AS blocks, count(*) AS calls FROM gone) AS total
        WHERE c.account_id = $1 AND total.calls > 0
    )
    SELECT count(*) FROM gone
"""
_CLAIMS: Final = """
    SELECT account_id, number_key FROM claims WHERE (account_id, number_key) > ($1, $2)
    ORDER BY account_id, number_key LIMIT $3
"""
_DELETE_CLAIMS: Final = """
    DELETE FROM claims WHERE (account_id, number_key) > ($1, $2) AND (account_id, number_key) <= ($3, $4)
    AND lease_owner IS NULL AND creation_key IS NULL AND recorded_at < $5
"""
# Undoing needs the calls of a placeholder, so the record of one is kept no longer than calls are.
_DELETE_PLACEHOLDERS: Final = """
    DELETE FROM placeholders WHERE (account_id, contact_id) IN (
        SELECT account_id, contact_id FROM placeholders WHERE created_at < $1 LIMIT $2
    )
"""
_OLD_ANSWERS: Final = """
    SELECT DISTINCT account_id FROM (SELECT account_id FROM requests WHERE answered_at < $1 LIMIT $2) AS old
    ORDER BY account_id
"""
_DELETE_QUARANTINE: Final = """
    DELETE FROM quarantine WHERE (account_id, key) IN (
        SELECT account_id, key FROM quarantine WHERE received_at < $1 LIMIT $2
    )
"""


_Deletable: TypeAlias = tuple[int, bytes]


class _OldCalls(NamedTuple):
    """The calls of one step: those to delete (sequence and body), the last sequence, and whether all are too recent."""

    deletable: Sequence[_Deletable]
    last_sequence: int
    are_recent: bool


class PostgresRetention:
    """Implements ports.ledger.Retention."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def acquire(self, lease_owner: str, now: datetime, lease_until: datetime) -> bool:
        """Acquire or renew the lease on pruning; False if another process holds it."""
        values = (lease_owner, to_microseconds(now), to_microseconds(lease_until))
        return count_of(await self._database.write(lambda connection: connection.execute(_ACQUIRE, *values))) == 1

    async def release(self, lease_owner: str) -> None:
        """Release the lease."""
        await self._database.write(lambda connection: connection.execute(_RELEASE, lease_owner))

    async def prune_calls(self, unchanged_since: datetime, position: str, limit: int) -> Pruned:
        """Look at the next `limit` calls of one account, the longest unchanged first, and delete those that may be.

        The position has the account, and the sequence after which the next step looks: `["acme", 48210]`.
        """
        account_id, after = json.loads(position) if position else ("", None)
        if after is None:
            account_id, after = await self._next_account(account_id), 0
        if account_id is None:
            return Pruned(0, None)
        old = await self._database.read(
            lambda connection: _select(connection, unchanged_since, account_id, after, limit)
        )
        deleted = await self._delete_calls(account_id, old.deletable) if old.deletable else 0
        if old.are_recent:
            is_last = await self._next_account(account_id) is None
            return Pruned(deleted, None if is_last else json.dumps((account_id, None)))
        return Pruned(deleted, json.dumps((account_id, old.last_sequence)))

    async def prune_claims(self, recorded_before: datetime, position: str, limit: int) -> Pruned:
        """Look at the next `limit` claims; delete those whose contact was recorded before `recorded_before`."""
        after, before = json.loads(position) if position else ["", ""], to_microseconds(recorded_before)
        if not position:
            await self._database.write(lambda connection: connection.execute(_DELETE_PLACEHOLDERS, before, limit))
        rows = await self._database.fetch(_CLAIMS, *after, limit)
        if not rows:
            return Pruned(0, None)
        last = tuple(rows[-1])
        values = (*after, *last, before)
        tag = await self._database.write(lambda connection: connection.execute(_DELETE_CLAIMS, *values))
        return Pruned(count_of(tag), json.dumps(last))

    async def prune_requests(self, answered_before: datetime, limit: int) -> Pruned:
        """Delete up to `limit` answers that were given before `answered_before`."""
        before, deleted = to_microseconds(answered_before), 0
        for (account_id,) in await self._database.fetch(_OLD_ANSWERS, before, limit):
            deleted += await self._delete_answers(account_id, before, limit - deleted)
        return Pruned(deleted, "more" if deleted >= limit else None)

    async def prune_quarantine(self, received_before: datetime, limit: int) -> Pruned:
        """Delete up to `limit` events of the quarantine that came before `received_before`."""
        values = (to_microseconds(received_before), limit)
        deleted = count_of(
            await self._database.write(lambda connection: connection.execute(_DELETE_QUARANTINE, *values))
        )
        return Pruned(deleted, "more" if deleted == limit else None)

    async def prune_audit(self, before: datetime, limit: int) -> Pruned:
        """Delete chained audit entries from before `before`, about `limit`."""
        deleted = await prune_audit(self._database, to_microseconds(before), limit)
        return Pruned(deleted, "more" if deleted >= limit else None)

    async def _next_account(self, after: str) -> str | None:
        rows = await self._database.fetch(_NEXT_ACCOUNT, after)
        return rows[0][0] if rows else None

    async def _delete_calls(self, account_id: str, deletable: Sequence[_Deletable]) -> int:
        values = (account_id, *arrays_of(deletable), [blocks_of(body) for _, body in deletable])
        return int(await self._database.write(lambda connection: connection.fetchval(_DELETE_CALLS, *values)))

    async def _delete_answers(self, account_id: str, before: int, limit: int) -> int:
        async def delete(connection: Connection) -> int:
            await lock_account(connection, account_id)
            return await delete_answers(connection, account_id, before, limit)

        return await self._database.write(delete) if limit > 0 else 0


async def _select(
    connection: Connection, unchanged_since: datetime, account_id: str, after: int, limit: int
) -> _OldCalls:
    """The next calls of an account, at most MOST_PAGE_BYTES of them."""
    deletable, are_recent, last, left = [], True, after, MOST_PAGE_BYTES
    for change in await changes(connection, account_id, after, limit):
        left -= change.size
        last = change.sequence
        try:
            log = CALL_LOG.decode(change.body)
        except LedgerUnavailable:
            are_recent = False  # keep a damaged document: a person decides
            continue
        are_recent = are_recent and last_change(log) >= unchanged_since
        if may_be_deleted(log, unchanged_since):
            deletable.append((change.sequence, change.body))
    return _OldCalls(deletable, last, are_recent)
