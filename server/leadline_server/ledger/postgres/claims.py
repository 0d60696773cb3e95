"""The claims on numbers in PostgreSQL: one row for each number, with its lease, its creation and its contact."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from leadline_server.domain.audit import Actor
from leadline_server.domain.placeholders import LimitReached, Reservation
from leadline_server.ledger.codec import from_microseconds, to_microseconds
from leadline_server.ledger.postgres import claim_statements as sql
from leadline_server.ledger.postgres.account_lock import lock_account
from leadline_server.ledger.postgres.audit import count_of
from leadline_server.ledger.postgres.placeholder_counts import give_back, take
from leadline_server.ledger.postgres.placeholders import note_created
from leadline_server.ports.ledger import Claimed, HeldByAnother, Remembered
from leadline_server.storage.postgres.database import Connection, PostgresDatabase


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finish:
    """The values of `PostgresClaims.finish`; the time in microseconds."""

    account_id: str
    number_key: str
    contact_id: str
    now: int
    lease_owner: str
    creation_key: str
    by: Actor | None


class PostgresClaims:
    """Implements ports.ledger.Claims; the contract of each method is there."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def acquire(
        self,
        account_id: str,
        number_key: str,
        lease_owner: str,
        creation_key: str,
        now: datetime,
        lease_until: datetime,
        reservation: Reservation | None = None,
    ) -> Claimed | HeldByAnother:
        """Acquire the claim of a number if it is free."""
        at = to_microseconds(now)
        values = (account_id, number_key, lease_owner, creation_key, at, to_microseconds(lease_until))

        async def acquire(connection: Connection) -> Claimed | HeldByAnother:
            if reservation is not None:
                await lock_account(connection, account_id)
            row = await connection.fetchrow(sql.ACQUIRE, *values)
            if row is None:
                held_until = await connection.fetchval(sql.LEASE_UNTIL, account_id, number_key)
                return HeldByAnother(from_microseconds(held_until) if held_until is not None else now)
            key, given_up_at, contact_id, contact_key, taken = row
            reached = None
            if reservation is not None and taken is None:
                reached = await _reserve(connection, account_id, number_key, reservation, at)
            given_up = None if given_up_at is None else from_microseconds(given_up_at)
            return Claimed(key, given_up, contact_id or "", contact_key or "", reached)

        return await self._database.write(acquire)

    async def renew(self, account_id: str, number_key: str, lease_owner: str, lease_until: datetime) -> bool:
        """Hold the claim until `lease_until`; False if `lease_owner` has lost it."""
        values = (account_id, number_key, lease_owner, to_microseconds(lease_until))
        return count_of(await self._database.write(lambda connection: connection.execute(sql.RENEW, *values))) == 1

    async def begin(
        self, account_id: str, number_key: str, lease_owner: str, creation_key: str, *, keeps_reservation: bool = False
    ) -> bool:
        """Record the holder's own creation instead of an earlier one; False if `lease_owner` has lost the claim."""
        held = (account_id, number_key, lease_owner)

        async def begin(connection: Connection) -> bool:
            if not keeps_reservation:
                await _give_back(connection, *held)
            return count_of(await connection.execute(sql.BEGIN, *held, creation_key, keeps_reservation)) == 1

        return await self._database.write(begin)

    async def release(
        self, account_id: str, number_key: str, lease_owner: str, given_up: datetime | None, *, may_wait: bool = False
    ) -> None:
        """Release the claim without a contact. It never waits: commits are not shared here."""
        del may_wait
        held = (account_id, number_key, lease_owner)
        stopped = None if given_up is None else to_microseconds(given_up)

        async def release(connection: Connection) -> None:
            if given_up is None:
                await _give_back(connection, *held, unless_given_up=True)
            await connection.execute(sql.RELEASE, *held, stopped)
            await connection.execute(sql.DELETE_EMPTY, account_id, number_key)

        await self._database.write(release)

    async def finish(
        self,
        account_id: str,
        number_key: str,
        contact_id: str,
        now: datetime,
        *,
        lease_owner: str = "",
        creation_key: str = "",
        placeholder_by: Actor | None = None,
        may_wait: bool = False,
    ) -> None:
        """Record the number's contact; the holder's claim and creation are over. It never waits, as `release`."""
        del may_wait
        finish = _Finish(
            account_id=account_id,
            number_key=number_key,
            contact_id=contact_id,
            now=to_microseconds(now),
            lease_owner=lease_owner,
            creation_key=creation_key,
            by=placeholder_by,
        )
        await self._database.write(lambda connection: _finish(connection, finish))

    async def remembered(self, account_id: str, number_keys: Sequence[str]) -> dict[str, Remembered]:
        """The contacts recorded for these numbers, by number key."""
        return (await self.remembered_now(account_id, number_keys))[0] if number_keys else {}

    async def remembered_now(self, account_id: str, number_keys: Sequence[str]) -> tuple[dict[str, Remembered], int]:
        """As `remembered`, with the account's settings version of that moment."""
        rows = await self._database.fetch(sql.REMEMBERED, account_id, list(number_keys))
        found = {key: Remembered(contact_id, from_microseconds(time)) for _, key, contact_id, time in rows if key}
        return found, rows[0][0]

    async def forget(self, account_id: str, number_key: str, contact_id: str) -> None:
        """Forget that `contact_id` is the number's contact, because the CRM no longer has it."""

        async def forget(connection: Connection) -> None:
            await connection.execute(sql.FORGET, account_id, number_key, contact_id)
            await connection.execute(sql.DELETE_EMPTY, account_id, number_key)

        await self._database.write(forget)


async def _reserve(
    connection: Connection, account_id: str, number_key: str, wish: Reservation, now: int
) -> LimitReached | None:
    """Take a placeholder from the limits for the creation of a claim."""
    taken = await take(connection, account_id, wish, now)
    if isinstance(taken, LimitReached):
        return taken
    await connection.execute(sql.RESERVE, account_id, number_key, taken)
    return None


async def _finish(connection: Connection, finish: _Finish) -> None:
    key = (finish.account_id, finish.number_key)
    await _record_placeholder(connection, finish)
    made = (finish.contact_id, finish.creation_key, finish.now)
    own = finish.lease_owner and count_of(await connection.execute(sql.FINISH_OWN, *key, finish.lease_owner, *made))
    if not own:
        await connection.execute(sql.FINISH, *key, *made)
        await connection.execute(sql.END, *key, finish.creation_key)


async def _record_placeholder(connection: Connection, finish: _Finish) -> None:
    """Record that the contact is a placeholder, if it is one."""
    account_id, contact_id = finish.account_id, finish.contact_id
    values = (account_id, finish.number_key, contact_id, finish.now, finish.lease_owner, finish.creation_key)
    document = await connection.fetchval(sql.RECORD, *values)
    await note_created(connection, account_id, contact_id, document or "", finish.by)


async def _give_back(
    connection: Connection, account_id: str, number_key: str, lease_owner: str, *, unless_given_up: bool = False
) -> None:
    """Give back what the creation of this claim took. With `unless_given_up`, an earlier creation keeps it."""
    await lock_account(connection, account_id)
    row = await connection.fetchrow(sql.HELD, account_id, number_key, lease_owner)
    if row is not None and row[0] is not None and not (unless_given_up and row[1] is not None):
        await give_back(connection, account_id, row[0])
