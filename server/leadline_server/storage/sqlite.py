"""A SQLite database for many concurrent users in one process, with group commits and grouped reads."""

import asyncio
import errno
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar, cast

from leadline_server.concurrency.batcher import Batcher
from leadline_server.domain.ledger_errors import LedgerFull, LedgerUnavailable
from leadline_server.storage.checkpoints import MAX_LOG_BYTES, Checkpointer
from leadline_server.storage.connection import (
    BUSY_PATIENCE,
    ThreadedConnection,
    new_connection,
    retry_busy,
    storage_error,
)
from leadline_server.storage.integrity import DAMAGED, check_pages, refuse_orphaned_log
from leadline_server.storage.migrations import VERSIONS, Migration, load_migrations, migrate
from leadline_server.storage.read_inline import InlineReader, SlowDiskGuard, prepare_reader
from leadline_server.storage.transactions import (
    BatchWork,
    MergedWork,
    Submitted,
    Work,
    begin_group,
    commit_group,
    end_group,
    merged,
    new_submitted,
    read_group,
    results_by_item,
)

T = TypeVar("T")
Item = TypeVar("Item")
P = ParamSpec("P")

CHECKPOINT_AFTER: Final = 1_000
"""Changed rows after which a writer checkpoints the write-ahead log."""

CACHE: Final = 32_768
"""The page cache of a connection, in KiB. Without it a lookup among a million rows would read each page again."""

_READER_CACHE: Final = 4_096  # KiB; long reads hardly ever find their pages in a cache

_MAX_WRITES: Final = 512
_MAX_READS: Final = 256
_MAX_INLINE_WRITES: Final = 40  # of a group; they take two or three milliseconds of the event loop's thread


async def open_database(
    path: Path,
    *,
    migrations: str,
    versions: str = VERSIONS,
    checkpoint_after: int = CHECKPOINT_AFTER,
    cache: int = CACHE,
    make: "Callable[..., SqliteDatabase] | None" = None,
) -> "SqliteDatabase":
    """Open and migrate the database file `path`. A missing file is created with mode 0600, a missing folder with 0700.

    The caller must `close` the database; a connection that is left open keeps the process from exiting.

    Args:
        path: the file.
        migrations: the name of the package of its migrations.
        versions: the table that records which of them were applied.
        checkpoint_after: changed rows after which the writer checkpoints.
        cache: the page cache of the writer and of the inline reader, each, in KiB.
        make: makes the database of its parts; by default SqliteDatabase.

    Raises:
        LedgerUnavailable: the file cannot be used, is not a database, or is newer than this leadline. The message says
            what to do.
    """
    steps = load_migrations(migrations)
    async with AsyncExitStack() as opened:
        try:
            # The writer waits for locks in `retry_busy`. A reader waits only while the log of a crash is recovered.
            writer = new_connection(path, timeout=0, before=partial(_create_file, path))
            reader = new_connection(path, timeout=BUSY_PATIENCE)
            await opened.enter_async_context(writer)
            await writer.run(lambda connection: _prepare_writer(connection, cache, steps, versions))
            await opened.enter_async_context(reader)
            await reader.run(lambda connection: prepare_reader(connection, _READER_CACHE))
            inline_reader = InlineReader(path, cache)
        except LedgerUnavailable as error:
            raise type(error)(f"{path}: {error.message}", retry_after=error.retry_after) from error
        except (sqlite3.Error, OSError) as error:
            raise _open_error(path, error) from error
        opened.pop_all()
        return (make or SqliteDatabase)(path, writer, reader, inline_reader, Checkpointer(path, checkpoint_after))


class SqliteDatabase:
    """One database file, opened by `open_database`.

    It has a writer and a reader connection, each with a thread, and an inline reader on the event loop's thread.

    Attributes:
        path: the file.
    """

    def __init__(
        self,
        path: Path,
        writer: ThreadedConnection,
        reader: ThreadedConnection,
        inline_reader: InlineReader,
        checkpointer: Checkpointer,
    ) -> None:
        self.path = path
        self._writer = writer
        self._reader = reader
        self._inline_reader = inline_reader
        inline_reader.on_thread = self.read
        self.read_inline: Final = inline_reader.read
        """As `read`, on the event loop's thread, for a few index lookups. It falls back to `read`.

        Every query of its work sees its own snapshot, so the work should be one query. It may be called twice.
        """
        self._checkpointer = checkpointer
        self._slow_disk_guard = SlowDiskGuard()
        self._hooks: dict[object, Callable[[], object]] = {}
        self._writes: Batcher[Submitted, Any] = Batcher(self._commit, _MAX_WRITES, keeps_size=True)
        self._reads: Batcher[Work[Any], Any] = Batcher(self._query, _MAX_READS)
        self._is_closed = False

    @property
    def changes(self) -> int:
        """How many rows this process has changed since it opened the database. It asks nothing."""
        return self._writer.connection.total_changes

    def after_commit(self, hook: Callable[[], object]) -> Callable[[], None]:
        """Call `hook` on the event loop after every group of writes that changed a row. Returns what ends that."""
        key = object()
        self._hooks[key] = hook

        def end() -> None:
            self._hooks.pop(key, None)

        return end

    async def write(self, work: Work[T]) -> T:
        """The result of `work`, once its changes are committed and synced to disk.

        Writes that are submitted while one commit runs share the next one. If `work` raises, its changes are undone,
        and the other writes of the group are repeated. So `work` may run twice: it must use nothing but the connection,
        must not begin or end transactions, and must not return an exception. Cancelling this does not undo the write.

        Raises:
            LedgerUnavailable: the storage failed (LedgerFull: no space is left), and nothing was written.
            Exception: any error of `work`.
        """
        self._ensure_open()
        return cast("T", await self._writes.submit(Submitted(None, work, is_short=False)))

    async def checkpoint(self) -> bool:
        """Checkpoint if one is due; returns whether it was.

        Without it the next write would checkpoint first, and others would wait for both.
        """
        if not self._checkpointer.is_due(self._writer.connection):
            return False
        await self.write(lambda _: None)
        return True

    async def write_batched(self, batch_work: BatchWork[Item, T], item: Item, *, within: float = 0.0) -> T:
        """As `write`, but `batch_work` gets all items that were submitted for it meanwhile.

        `batch_work` may be called again with the same items, so it must use nothing but the connection. It must be
        short: it usually runs on the event loop's thread, and only the commit runs on the writer's thread. With
        `within` the write may wait so many seconds for another one, to share its commit.
        """
        self._ensure_open()
        return cast("T", await self._writes.submit(new_submitted(batch_work, item), within=within))

    def for_call(self, work: Callable[P, T]) -> Callable[P, T]:
        """A function as an item of a batch, so that its spans belong to the call that submits it."""
        return work

    async def read(self, work: Work[T]) -> T:
        """The result of `work`. All its queries see one snapshot, which includes every write that has returned.

        Reads that are submitted while others run share one thread hop, so `work` must be short. It cannot write.

        Raises:
            LedgerUnavailable: the storage failed.
            Exception: any error of `work`.
        """
        self._ensure_open()
        return cast("T", await self._reads.submit(work))

    async def close(self) -> None:
        """Finish what was submitted, then close all connections. Closing twice is allowed."""
        if self._is_closed:
            return
        self._is_closed = True
        async with AsyncExitStack() as closing:
            closing.push_async_callback(self._writer.close)
            closing.push_async_callback(self._reader.close)
            closing.callback(self._inline_reader.close)
            closing.callback(self._checkpointer.close)
            await self._reads.close()
            await self._writes.close()

    def _ensure_open(self) -> None:
        if self._is_closed:
            raise LedgerUnavailable("leadline's storage is closed.")

    async def _commit(self, submitted: list[Submitted]) -> Sequence[Any]:
        works = merged(submitted)
        before = self._writer.connection.total_changes
        results = self._begin_inline(works, len(submitted))
        if results is None:
            results = await self._writer.run(lambda connection: self._commit_on_thread(connection, works))
        elif self._writer.connection.total_changes == before:
            results = end_group(self._writer.connection, results)  # no row was changed, so there is nothing to sync
        else:
            begun = results
            results = await self._writer.run(lambda connection: end_group(connection, begun))
        if self._writer.connection.total_changes != before:
            loop = asyncio.get_running_loop()
            for hook in self._hooks.values():
                loop.call_soon(hook)  # so that an error of the hook is logged, and does not fail a committed write
        return results_by_item(works, results, len(submitted))

    def _begin_inline(self, works: Sequence[MergedWork], count: int) -> Sequence[Any] | None:
        """The results of the works, run on the event loop's thread, not committed yet; None: run them on a thread."""
        connection = self._writer.connection
        is_short = count <= _MAX_INLINE_WRITES and all(work.is_short for work in works)
        may_checkpoint = connection.total_changes >= self._checkpointer.next_look
        if not is_short or (may_checkpoint and self._checkpointer.is_due(connection)):
            return None
        began = self._slow_disk_guard.begin()
        if began is None:
            return None
        try:
            return begin_group(connection, works)
        finally:
            self._slow_disk_guard.end(began)

    def _commit_on_thread(self, connection: sqlite3.Connection, works: Sequence[MergedWork]) -> Sequence[Any]:
        self._checkpointer.run_if_due(connection)
        return commit_group(connection, works)

    async def _query(self, works: list[Work[Any]]) -> Sequence[Any]:
        return await self._reader.run(lambda connection: read_group(connection, works))


def wal_warning(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> str | None:
    """A warning to log at start if this SQLite has the race that `Checkpointer` works around; otherwise None."""
    if version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45):
        return None
    written = ".".join(map(str, version))
    return (
        f"SQLite {written} has a rare race between processes that share a database. leadline avoids it."
        " SQLite 3.51.3 and newer do not have it."
    )


def _create_file(path: Path) -> None:
    refuse_orphaned_log(path)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=True)  # SQLite gives the -wal and -shm files the same mode


def _prepare_writer(connection: sqlite3.Connection, cache: int, steps: Sequence[Migration], versions: str) -> None:
    retry_busy(lambda: connection.execute("PRAGMA journal_mode = WAL").fetchall())
    connection.execute("PRAGMA synchronous = FULL")  # a commit returns when it is synced to disk
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA cache_size = {-cache}")
    connection.execute("PRAGMA wal_autocheckpoint = 0")  # see Checkpointer
    connection.execute(f"PRAGMA journal_size_limit = {MAX_LOG_BYTES}")
    retry_busy(lambda: check_pages(connection))
    migrate(connection, steps, versions)
    # How to undo a statement is kept in memory, 11% of a logged call's CPU less. Migrations sort on disk.
    connection.execute("PRAGMA temp_store = MEMORY").close()


def _open_error(path: Path, error: Exception) -> LedgerUnavailable:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return LedgerUnavailable(f"{path} {DAMAGED}")
    if isinstance(storage_error(error), LedgerFull) or getattr(error, "errno", 0) == errno.ENOSPC:
        return LedgerFull(f"{path} cannot be opened: no space is left on its disk. Make room, and start again.")
    return LedgerUnavailable(f"{path} cannot be opened for writing ({error}). Check the path and its permissions.")
