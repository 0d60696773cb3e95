"""The lock of an account: the row of its counters, which each transaction on its calls and settings takes first.

So transactions of one account follow one another, and sequences are given out in the order of their commits: the next
one is given out only after the transaction with the last one has ended. Accounts do not wait for each other.
"""

from typing import Final, NamedTuple

from leadline_server.storage.postgres.database import Connection

_LOCK: Final = "SELECT sequence, pruned_through, blocks FROM account_counters WHERE account_id = $1 FOR UPDATE"
_CREATE: Final = """
    INSERT INTO account_counters (account_id, sequence, pruned_through, blocks)
    SELECT $1, sequence_base, sequence_base, 0 FROM ledger ON CONFLICT DO NOTHING
"""
_COUNT: Final = "UPDATE account_counters SET sequence = sequence + $2, blocks = blocks + $3 WHERE account_id = $1"


class Counters(NamedTuple):
    """An account's counters; see the table account_counters."""

    sequence: int
    pruned_through: int
    blocks: int


async def lock_account(connection: Connection, account_id: str) -> Counters:
    """Take the account's lock until the end of the transaction; the row is created for a new account."""
    row = await connection.fetchrow(_LOCK, account_id)
    if row is None:
        await connection.execute(_CREATE, account_id)
        row = await connection.fetchrow(_LOCK, account_id)
    return Counters(*row)


async def count_stored(connection: Connection, account_id: str, *, changes: int = 0, blocks: int = 0) -> None:
    """Count visible changes and stored blocks, under the account's lock."""
    if changes or blocks:
        await connection.execute(_COUNT, account_id, changes, blocks)
