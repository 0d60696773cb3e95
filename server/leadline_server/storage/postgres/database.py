"""A PostgreSQL database: a bounded pool of connections, reads, and transactions whose outcome is always settled."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeAlias, TypeVar

import asyncpg

from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.storage.postgres.address import PostgresAddress
from leadline_server.storage.postgres.connecting import CONNECT_SECONDS, Connector
from leadline_server.storage.postgres.errors import (
    Conflict,
    OutcomeUnknown,
    is_lost,
    is_read_only,
    may_repeat,
    storage_error,
)
from leadline_server.storage.postgres.outcomes import Sent, sent_transaction, settled

T = TypeVar("T")

Connection: TypeAlias = Any
Row: TypeAlias = Any
"""asyncpg's, which ships no types."""

Work = Callable[[Connection], Awaitable[T]]
"""A function that uses the connection in a transaction and returns a result."""

_ACQUIRE_SECONDS: Final = CONNECT_SECONDS + 1
"""How long a read or write waits for a connection, in seconds."""

_ANSWER_SECONDS: Final = 5.0
"""How much longer than a statement may take its answer may take. Then the connection is given up."""

_MOST_TRIES: Final = 8
_PAUSE_SECONDS: Final = 0.02
_LOST_TRIES: Final = 2
_WARNING: Final = "01000"
"""The code of the warning that a commit did not wait for its standbys. No statement of leadline's has another one."""


@asynccontextmanager
async def open_pool(
    address: PostgresAddress, make: "Callable[..., PostgresDatabase] | None" = None
) -> "AsyncIterator[PostgresDatabase]":
    """The database at an address; its connections are closed at the end. `make` makes it of its parts.

    Raises:
        LedgerUnavailable: the server cannot be reached, refuses the connection, or would lose what it confirms.
    """
    pool = asyncpg.create_pool(
        min_size=0,
        max_size=address.connections,
        connect=Connector(address, address.url).connect,
        reset=_nothing,
    )
    try:
        async with pool:
            database = (make or PostgresDatabase)(pool, address)
            try:
                await database.fetch("SELECT 1")
                yield database
            finally:
                await database.finish()
                pool.terminate()  # all work is done; a server that is gone must not hold up the end
    except asyncpg.InterfaceError as error:
        raise storage_error(error) or error from error


async def _nothing(_: Connection) -> None:
    """Prepare a connection for another task: leadline keeps nothing in sessions."""


class PostgresDatabase:
    """One database, opened by `open_pool`.

    All methods raise LedgerUnavailable if the server fails (LedgerFull: no space is left); then nothing was changed.
    """

    def __init__(self, pool: Any, address: PostgresAddress) -> None:
        self._pool = pool
        self._answer_seconds = address.statement_seconds + _ANSWER_SECONDS
        self._hooks: list[Callable[[], object]] = []
        self._running: set[asyncio.Task[Any]] = set()
        self._unsure: set[int] = set()
        self._writes = 0

    @property
    def changes(self) -> int:
        """How many writes this process has committed since it opened the database. It asks nothing."""
        return self._writes

    def after_commit(self, hook: Callable[[], object]) -> None:
        """Call `hook` on the event loop after every write."""
        self._hooks.append(hook)

    async def fetch(self, query: str, *values: object) -> Sequence[Row]:
        """The rows of one statement that reads. A connection that turns out to be lost is replaced once."""
        return await self.read(lambda connection: connection.fetch(query, *values))

    async def read(self, work: Work[T]) -> T:
        """The result of `work`, which only reads. Each of its statements sees what is committed when it begins."""
        for tries in range(_LOST_TRIES):
            try:
                async with self._connection() as connection:
                    return await self._answered(connection, work(connection))
            except Exception as error:
                if not is_lost(error) or tries == _LOST_TRIES - 1:
                    raise storage_error(error) or error from error
        raise AssertionError

    async def write(self, work: Work[T], *, is_news: bool = True) -> T:
        """The result of `work`, once its changes are committed and durable. No hook is called unless it `is_news`.

        `work` runs in a transaction of READ COMMITTED, and may run again: it must use nothing but the connection, and
        run again after a commit, as after a failover, it must do no harm. Cancelling this does not undo the write.
        """
        task = asyncio.create_task(self._write(work, is_news=is_news))
        self._running.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # else asyncio logs it with its traceback, if the caller has been cancelled

    async def shared(self, write: Awaitable[T]) -> T:
        """The result of a write that others share, such as a change that waits for its turn in a group."""
        return await write

    async def write_once(self, query: str, *values: object) -> Sequence[Row]:
        """The rows of one statement that writes, once it is durable. It must not be cancelled.

        Raises:
            OutcomeUnknown: the connection was lost: whether it happened is to be found out.
            Conflict: it did not happen, since another transaction has changed what it depends on.
        """
        sent = False
        try:
            async with self._connection() as connection:
                sent = True
                rows: Sequence[Row] = await self._answered(connection, connection.fetch(query, *values))
                is_unsure = self._is_unsure(connection)
        except Exception as error:
            self._look_for_another_server(error)
            if may_repeat(error):
                raise Conflict from error
            if sent and is_lost(error):
                raise OutcomeUnknown from error
            raise storage_error(error) or error from error
        if is_unsure:
            await self._replicate()
        self._has_written()
        return rows

    async def finish(self) -> None:
        """Wait for the writes that run."""
        while self._running:
            await asyncio.wait(self._running)

    async def _write(self, work: Work[T], *, is_news: bool) -> T:
        lost = 0
        for tries in range(_MOST_TRIES):
            if tries:
                await asyncio.sleep(random.uniform(0, _PAUSE_SECONDS * 2**tries))  # noqa: S311 - jitter, no secret
            sent: list[Sent] = []
            try:
                result = await self._transaction(work, sent)
            except Exception as error:
                self._look_for_another_server(error)
                if not (may_repeat(error) or is_lost(error)):
                    raise storage_error(error) or error from error
                lost += is_lost(error)
                if lost > _LOST_TRIES and not sent:
                    raise storage_error(error) or error from error
                if not sent or not await settled(self.fetch, sent[0]):
                    continue
                result = sent[0].result
                await self._replicate()  # its end is known by this server, which may have stopped waiting for another
            if is_news:
                self._has_written()
            return result
        raise LedgerUnavailable("leadline's PostgreSQL database is busy.", retry_after=1)

    async def _transaction(self, work: Work[T], sent: list[Sent]) -> T:
        """The result of `work`, committed. `sent` gets the transaction when its COMMIT is about to be sent."""
        async with self._connection() as connection:
            await self._answered(connection, connection.execute("BEGIN"))
            try:
                result = await self._answered(connection, work(connection))
                transaction = await self._answered(connection, sent_transaction(connection, result))
            except BaseException:
                with suppress(Exception):
                    await connection.execute("ROLLBACK", timeout=_ANSWER_SECONDS)
                raise
            if transaction is not None:
                sent.append(transaction)
            await self._answered(connection, connection.execute("COMMIT"))
            is_unsure = self._is_unsure(connection)
        if is_unsure:
            await self._replicate()
        return result

    async def _answered(self, connection: Connection, answer: Awaitable[T]) -> T:
        """The answer of the server. If it takes too long, the connection is cut, not the statement cancelled."""
        give_up = asyncio.get_running_loop().call_later(self._answer_seconds, connection.terminate)
        try:
            return await answer
        finally:
            give_up.cancel()

    async def _replicate(self) -> None:
        """Return once a commit is on the synchronous standbys whose wait for them was cancelled.

        They get commits in order, so a later one that was waited for brings it there.
        """
        statement = "UPDATE ledger SET checks = checks + 1"
        await self._write(lambda connection: connection.execute(statement), is_news=False)

    def _is_unsure(self, connection: Connection) -> bool:
        pid = connection.get_server_pid()
        is_unsure = pid in self._unsure
        self._unsure.discard(pid)
        return is_unsure

    def _look_for_another_server(self, error: Exception) -> None:
        if is_read_only(error):
            task = asyncio.ensure_future(self._pool.expire_connections())
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    def _has_written(self) -> None:
        self._writes += 1
        loop = asyncio.get_running_loop()
        for hook in self._hooks:
            loop.call_soon(hook)  # so that an error of the hook is logged, and does not fail a committed write

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        try:
            acquired = await self._pool.acquire(timeout=_ACQUIRE_SECONDS)
        except TimeoutError as error:
            raise LedgerUnavailable("leadline's PostgreSQL database is busy.", retry_after=1) from error
        try:
            acquired.add_log_listener(self._note_warning)
            yield acquired
        finally:
            # A connection that was cut is dropped. A release that fails must not hide what happened before.
            with suppress(Exception):
                acquired.remove_log_listener(self._note_warning)
                await self._pool.release(acquired, timeout=_ANSWER_SECONDS)  # it goes on if this is cancelled

    def _note_warning(self, connection: Connection, message: Any) -> None:
        if message.sqlstate == _WARNING:
            self._unsure.add(connection.get_server_pid())
