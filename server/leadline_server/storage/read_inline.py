"""Working on the event loop's own thread, as long as that is quick there.

A few probes of an index, or a row to be written, take some 20 us. To hand them to another thread and to get the answer
back costs several times that, and beside a busy event loop most of it is waiting for the interpreter's lock. So what is
short is done at once, here; what might wait, for a lock or for a slow disk, is not.
"""

import resource
import sqlite3
from pathlib import Path
from time import perf_counter
from typing import Final, TypeVar

from leadline_server.storage.connection import connect, storage_error
from leadline_server.storage.submitted import Work

T = TypeVar("T")

MOST_STEPS: Final = 20_000
"""Steps of SQLite's virtual machine that a query may take here before it is given up, and asked again on a thread.

A lookup takes some 100. So many take some milliseconds, which others would have to wait for.
"""

SLOW_SECONDS: Final = 0.01
PAUSE_SECONDS: Final = 1.0
"""Work that had to wait for a disk for SLOW_SECONDS keeps all other work away from here for PAUSE_SECONDS."""

_STEPS: Final = 1_000  # between two looks at what a query has taken


class RunOnThread(Exception):
    """It cannot be answered here and now; ask on a thread."""


class Pace:
    """Whether work may be done on the event loop's thread: unless that had to wait for a disk a moment ago."""

    def __init__(self) -> None:
        self._not_before = 0.0
        self._blocks_read = _blocks_read()

    def begin(self) -> float | None:
        """The time now, for `end`; None where work should rather go to a thread."""
        now = perf_counter()
        return now if now >= self._not_before else None

    def end(self, began: float) -> None:
        """The work that began at `began` is done."""
        now = perf_counter()
        if now - began > SLOW_SECONDS:
            before, self._blocks_read = self._blocks_read, _blocks_read()
            if self._blocks_read != before:  # else only the processor was busy elsewhere
                self._not_before = now + PAUSE_SECONDS


def _blocks_read() -> int:
    """What this thread has had to read from disks so far."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_inblock


class Probe:
    """A connection that reads on the event loop's thread, where it must be made, used and closed.

    It waits for nothing: what another process holds locked, and what turns out to be long, is RunOnThread.

    Args:
        path: the database file, with its schema.
        cache: of pages, in KiB.
    """

    def __init__(self, path: Path, cache: int) -> None:
        self._pace = Pace()
        self._steps_left = 0
        self._connection = connect(path, timeout=0)
        prepare_reader(self._connection, cache)
        self._connection.set_progress_handler(self._is_long, _STEPS)

    def ask(self, work: Work[T]) -> T:
        """What `work` returns.

        Raises:
            RunOnThread: ask on a thread; there a failing storage says what is wrong with it, too.
            Exception: whatever `work` raises.
        """
        began = self._pace.begin()
        if began is None:
            raise RunOnThread
        self._steps_left = MOST_STEPS
        try:
            return work(self._connection)
        except sqlite3.Error as error:
            if storage_error(error) is None:
                raise
            raise RunOnThread from error
        finally:
            self._pace.end(began)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _is_long(self) -> bool:
        self._steps_left -= _STEPS
        return self._steps_left < 0


def prepare_reader(connection: sqlite3.Connection, cache: int) -> None:
    """Make it a connection that only reads, and keeps pages of so many KiB."""
    connection.execute(f"PRAGMA cache_size = {-cache}")
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
