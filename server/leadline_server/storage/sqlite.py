"""A SQLite database for many concurrent users within one process: group commits, grouped reads, exact closing."""

import asyncio
import errno
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from leadline_server.concurrency.batcher import Batcher
from leadline_server.domain.errors import LedgerFull, LedgerUnavailable
from leadline_server.storage.checkpoints import MAX_LOG_BYTES, Checkpointer
from leadline_server.storage.connection import (
    BUSY_PATIENCE,
    Connection,
    new_connection,
    retry_busy,
    storage_error,
)
from leadline_server.storage.groups import begin_group, commit_group, end_group, read_group
from leadline_server.storage.integrity import DAMAGED, check_pages, refuse_orphaned_log
from leadline_server.storage.migrations import load_migrations, migrate
from leadline_server.storage.read_inline import Pace, Probe, RunOnThread, prepare_reader
from leadline_server.storage.submitted import Asked, Job, Many, Work, jobs_of, results_of

T = TypeVar("T")
Item = TypeVar("Item")

CHECKPOINT_AFTER: Final = 1_000
"""Changed rows after which a writer moves the write-ahead log into the database file."""

CACHE: Final = 32_768
"""KiB of pages that a connection keeps at most. Without them a lookup among a million rows reads each page anew."""

_READER_CACHE: Final = 4_096  # KiB for the long reads, which would not find their pages again anyway

_MAX_WRITES: Final = 512
_MAX_READS: Final = 256
_MAX_HERE: Final = 40  # writes of a group that the event loop's thread runs: two or three milliseconds' worth


async def open_database(
    path: Path, *, migrations: str, checkpoint_after: int = CHECKPOINT_AFTER, cache: int = CACHE
) -> "SqliteDatabase":
    """Open the database file `path`, made with mode 0600 (its folder 0700) where it is missing, and migrate it.

    `migrations` names the package of its migrations; `checkpoint_after` is in changed rows, `cache` is the most memory
    that each of the writer's and the probe's connections keeps pages in, in KiB. Whoever opens must `close`: a
    connection left open keeps the process from exiting.

    Raises:
        LedgerUnavailable: the file cannot be used, is no database, or a newer one; the message says what to do.
    """
    steps = load_migrations(migrations)
    async with AsyncExitStack() as opened:
        try:
            await asyncio.to_thread(refuse_orphaned_log, path)
            await asyncio.to_thread(_create_file, path)
            # The writer waits for locks by `retry_busy`; a reader has to only while a crashed log is recovered.
            writer, reader = new_connection(path, timeout=0), new_connection(path, timeout=BUSY_PATIENCE)
            await opened.enter_async_context(writer)
            await writer.run(lambda connection: _prepare_writer(connection, cache))
            await writer.run(lambda connection: retry_busy(lambda: check_pages(connection)))
            await writer.run(lambda connection: migrate(connection, steps))
            await opened.enter_async_context(reader)
            await reader.run(lambda connection: prepare_reader(connection, _READER_CACHE))
            probe = Probe(path, cache)
        except LedgerUnavailable as error:
            raise type(error)(f"{path}: {error.message}", retry_after=error.retry_after) from error
        except (sqlite3.Error, OSError) as error:
            raise _open_error(path, error) from error
        opened.pop_all()
        return SqliteDatabase(writer, reader, probe, Checkpointer(path, checkpoint_after))


class SqliteDatabase:
    """One database file, made by `open_database`.

    It has a writer and a reader connection, each with a thread, and a probe, which reads on the event loop's thread.
    """

    def __init__(self, writer: Connection, reader: Connection, probe: Probe, checkpointer: Checkpointer) -> None:
        self._writer = writer
        self._reader = reader
        self._probe = probe
        self._checkpointer = checkpointer
        self._pace = Pace()
        self._hooks: list[Callable[[], object]] = []
        self._writes: Batcher[Asked, Any] = Batcher(self._commit, _MAX_WRITES)
        self._reads: Batcher[Work[Any], Any] = Batcher(self._query, _MAX_READS)
        self._is_closed = False

    def after_commit(self, hook: Callable[[], object]) -> None:
        """Have `hook` called on the event loop after every group of writes that changed a row, before they return."""
        self._hooks.append(hook)

    async def write(self, work: Work[T]) -> T:
        """What `work` returns, once all that it wrote is committed and synced to disk.

        Writes that gather while one commit runs share the next one. A `work` that raises leaves nothing behind and
        disturbs nobody; it may therefore run twice, so it must touch nothing but the connection, and must not begin or
        end transactions. It must not return an exception. Cancelling this does not take the write back.

        Raises:
            LedgerUnavailable: the storage failed, LedgerFull if for want of space; nothing was written.
            Exception: whatever `work` raises.
        """
        self._ensure_open()
        return cast("T", await self._writes.submit(Asked(None, work)))

    async def write_one(self, many: Many[Item, T], item: Item) -> T:
        """What `many` makes of `item`, as `write`; what gathers for the same `many` is handed to it together.

        `many` may be called again with the same items, so it must touch nothing but the connection. It must be short:
        unless another process is in the way, it is called on the event loop's own thread, and only the commit is not.
        """
        self._ensure_open()
        return cast("T", await self._writes.submit(Asked(many, item)))

    async def read(self, work: Work[T]) -> T:
        """What `work` returns. All its queries see one state, which includes every write that has returned.

        Reads that gather while others run share one thread hop, so `work` must be short. It cannot write.

        Raises:
            LedgerUnavailable: the storage failed.
            Exception: whatever `work` raises.
        """
        self._ensure_open()
        return cast("T", await self._reads.submit(work))

    async def probe(self, work: Work[T]) -> T:
        """What `work` returns, as `read`, at once: a few probes of indexes, on the event loop's own thread.

        Each query of `work` sees one state, but two of them may see two: it had best have one. It may be called twice.
        """
        self._ensure_open()
        try:
            return self._probe.ask(work)
        except RunOnThread:
            return await self.read(work)

    async def close(self) -> None:
        """Finish what was begun and close both connections. Closing twice is fine."""
        if self._is_closed:
            return
        self._is_closed = True
        async with AsyncExitStack() as closing:
            closing.push_async_callback(self._writer.close)
            closing.push_async_callback(self._reader.close)
            closing.callback(self._probe.close)
            await self._reads.close()
            await self._writes.close()

    def _ensure_open(self) -> None:
        if self._is_closed:
            raise LedgerUnavailable("leadline's storage is closed.")

    async def _commit(self, asked: list[Asked]) -> Sequence[Any]:
        jobs = jobs_of(asked)
        before = self._writer.here.total_changes
        done = self._begin_here(jobs, len(asked))
        if done is None:
            done = await self._writer.run(lambda connection: self._commit_on_thread(connection, jobs))
        elif self._writer.here.total_changes == before:
            done = end_group(self._writer.here, done)  # nothing was changed, so nothing is synced
        else:
            begun = done
            done = await self._writer.run(lambda connection: end_group(connection, begun))
        if self._writer.here.total_changes != before:
            loop = asyncio.get_running_loop()
            for hook in self._hooks:
                loop.call_soon(hook)  # the loop reports what a hook raises; it must not fail a write that is on disk
        return results_of(jobs, done, len(asked))

    def _begin_here(self, jobs: Sequence[Job], count: int) -> Sequence[Any] | None:
        """What the jobs return, run on the event loop's thread, and yet to be committed; None: not here."""
        connection = self._writer.here
        if count > _MAX_HERE or not all(job.is_many for job in jobs) or self._checkpointer.is_due(connection):
            return None
        began = self._pace.begin()
        if began is None:
            return None
        try:
            return begin_group(connection, [job.work for job in jobs])
        finally:
            self._pace.end(began)

    def _commit_on_thread(self, connection: sqlite3.Connection, jobs: Sequence[Job]) -> Sequence[Any]:
        self._checkpointer.run_if_due(connection)
        return commit_group(connection, [job.work for job in jobs])

    async def _query(self, asked: list[Work[Any]]) -> Sequence[Any]:
        return await self._reader.run(lambda connection: read_group(connection, asked))


def wal_warning(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> str | None:
    """A sentence to log at the start where this SQLite has the race that `Checkpointer` works around; else None."""
    if version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45):
        return None
    written = ".".join(map(str, version))
    return (
        f"SQLite {written} has a rare race between processes that share a database; leadline avoids what provokes it."
        " SQLite 3.51.3 or newer is free of it."
    )


def _create_file(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=True)  # SQLite gives its -wal and -shm files the mode of this one


def _prepare_writer(connection: sqlite3.Connection, cache: int) -> None:
    retry_busy(lambda: connection.execute("PRAGMA journal_mode = WAL").fetchall())
    connection.execute("PRAGMA synchronous = FULL")  # a commit returns when the disk has it
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA cache_size = {-cache}")
    connection.execute("PRAGMA wal_autocheckpoint = 0")  # see Checkpointer
    connection.execute(f"PRAGMA journal_size_limit = {MAX_LOG_BYTES}")


def _open_error(path: Path, error: Exception) -> LedgerUnavailable:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return LedgerUnavailable(f"{path} {DAMAGED}")
    if isinstance(storage_error(error), LedgerFull) or getattr(error, "errno", 0) == errno.ENOSPC:
        return LedgerFull(f"{path} cannot be opened: no space is left on its disk. Make room, and start again.")
    return LedgerUnavailable(f"{path} cannot be opened for writing ({error}). Check the path and its permissions.")
