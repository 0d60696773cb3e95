"""Short work on the event loop's own thread. Work that might wait for a lock or a disk is sent to a thread instead.

Measured: a lookup takes 6 to 10 us inline, and several times that through a thread (docs/decisions/0017).
"""

import resource
import sqlite3
from pathlib import Path
from time import perf_counter
from typing import Final, Protocol, TypeVar

from leadline_server.storage.connection import connect, storage_error
from leadline_server.storage.transactions import Work

T = TypeVar("T")

MOST_STEPS: Final = 20_000
"""Steps of SQLite's virtual machine that an inline query may take; beyond them it is run again on a thread.

A lookup takes about 100 steps. 20,000 take a few milliseconds, in which the event loop does nothing else.
"""

SLOW_SECONDS: Final = 0.01
PAUSE_SECONDS: Final = 1.0
"""After work that waited SLOW_SECONDS for a disk, no work runs inline for PAUSE_SECONDS."""

_STEPS_BETWEEN_CHECKS: Final = 1_000


class SlowDiskGuard:
    """Keeps work off the event loop's thread for a while after it had to wait for a disk there."""

    def __init__(self) -> None:
        self._not_before = 0.0
        self._blocks_read = _blocks_read()

    def begin(self) -> float | None:
        """The time now, to pass to `end`; None if the work must be done on a thread."""
        now = perf_counter()
        return now if now >= self._not_before else None

    def end(self, began: float) -> None:
        """Tell that the work that began at `began` is done."""
        now = perf_counter()
        if now - began > SLOW_SECONDS:
            before, self._blocks_read = self._blocks_read, _blocks_read()
            if self._blocks_read != before:  # otherwise the work was slow because the processor was busy
                self._not_before = now + PAUSE_SECONDS


def _blocks_read() -> int:
    """How many blocks this thread has read from disks so far."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_inblock


class ReadsOnThread(Protocol):
    """Does work on the thread of a connection that reads."""

    async def __call__(self, work: Work[T]) -> T:
        """The result of `work`."""
        ...


class InlineReader:
    """A connection that reads on the event loop's thread. Open, use and close it on that thread.

    It waits for nothing. If another process holds a lock, or if a query takes too long, the work goes to `on_thread`.

    Args:
        path: the database file, with its schema.
        cache: the most memory for cached pages, in KiB.

    Attributes:
        on_thread: does the work of `read` on a thread.
    """

    def __init__(self, path: Path, cache: int) -> None:
        self.on_thread: ReadsOnThread
        self._is_open = True
        self._slow_disk_guard = SlowDiskGuard()
        self._steps_left = 0
        self._connection = connect(path, timeout=0)
        prepare_reader(self._connection, cache)
        self._connection.set_progress_handler(self._is_long, _STEPS_BETWEEN_CHECKS)

    async def read(self, work: Work[T]) -> T:
        """The result of `work`, which may be called twice. Raises any error of `work`, and as `on_thread`."""
        began = self._slow_disk_guard.begin() if self._is_open else None
        if began is not None:
            self._steps_left = MOST_STEPS
            try:
                return work(self._connection)
            except sqlite3.Error as error:
                if storage_error(error) is None:
                    raise
            finally:
                self._slow_disk_guard.end(began)
        return await self.on_thread(work)  # if the storage fails, its error says how

    def close(self) -> None:
        """Close the connection."""
        self._is_open = False
        self._connection.close()

    def _is_long(self) -> bool:
        self._steps_left -= _STEPS_BETWEEN_CHECKS
        return self._steps_left < 0


def prepare_reader(connection: sqlite3.Connection, cache: int) -> None:
    """Make the connection read-only, with a page cache of `cache` KiB."""
    connection.execute(f"PRAGMA cache_size = {-cache}")
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
