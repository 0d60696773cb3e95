"""Copies of a database file that is in use: consistent, whole, on disk, and their owner's alone."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from leadline_server.storage.reading import read_only


class TargetExists(Exception):
    """The file that a copy should be written to is there already."""


def copy_database(
    source: Path, target: Path, *, overwrite: bool, finish: Callable[[sqlite3.Connection], None] | None = None
) -> None:
    """Copy the database file `source` to `target`, while others read and write it.

    The copy is one instant's state, in one file with mode 0600, synced to disk. It appears under its name when it is
    whole; until then the name's old content stays. While it runs, which is as long as copying the file takes, the
    source's write-ahead log only grows.

    Args:
        source: the database.
        target: the copy; its folder exists.
        overwrite: replace `target` if it exists.
        finish: changes or checks the copy before it gets its name; what it raises is raised, and there is no copy.

    Raises:
        TargetExists: `target` exists and is not to be replaced.
        sqlite3.Error: the source cannot be read, or is damaged.
        OSError: the copy cannot be written.
    """
    if target.exists() and not overwrite:
        raise TargetExists(str(target))
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        _copy(source, partial, finish)
        _sync(partial)
        if overwrite:
            partial.replace(target)
        else:
            _link(partial, target)
        _sync(target.parent)
    finally:
        partial.unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            partial.with_name(f"{partial.name}-journal").unlink()


def _copy(source: Path, partial: Path, finish: Callable[[sqlite3.Connection], None] | None) -> None:
    with read_only(source) as reader, closing(sqlite3.connect(partial, isolation_level=None)) as copy:
        # All pages in one step: between steps another process's write would make SQLite begin anew.
        reader.backup(copy)
        # One file, that can be read where nothing can be written. A server that is given it goes back to WAL.
        copy.execute("PRAGMA journal_mode = DELETE").fetchall()
        if finish is not None:
            finish(copy)


def _link(partial: Path, target: Path) -> None:
    """Give the file its name, unless somebody was faster."""
    try:
        target.hardlink_to(partial)
    except FileExistsError:
        raise TargetExists(str(target)) from None


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
