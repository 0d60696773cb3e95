"""Copies a database file that is in use. The copy is consistent, synced to disk, and readable by its owner only."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from leadline_server.storage.read_only import read_only


class TargetExists(Exception):
    """The target file of a copy exists already."""


def copy_database(
    source: Path, target: Path, *, overwrite: bool, finish: Callable[[sqlite3.Connection], None] | None = None
) -> None:
    """Copy the database file `source` to `target` while other processes read and write it.

    The copy is one snapshot in one file with mode 0600, synced to disk. It gets its name when it is complete; until
    then the old content stays. The source's write-ahead log grows while the copy is made.

    Args:
        source: the database.
        target: the copy; its folder must exist.
        overwrite: replace `target` if it exists.
        finish: changes or checks the copy before it gets its name. If it raises, there is no copy.

    Raises:
        TargetExists: `target` exists, and `overwrite` is false.
        sqlite3.Error: the source cannot be read or is damaged.
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


def give_name(partial: Path, target: Path) -> None:
    """Give a finished database file its name, synced to disk. It is one file, without a log.

    Raises:
        TargetExists: `target` exists.
        OSError: the disk failed.
    """
    with closing(sqlite3.connect(partial, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE").fetchall()
    _sync(partial)
    _link(partial, target)
    partial.unlink()
    _sync(target.parent)


def _copy(source: Path, partial: Path, finish: Callable[[sqlite3.Connection], None] | None) -> None:
    with read_only(source) as reader, closing(sqlite3.connect(partial, isolation_level=None)) as copy:
        # All pages in one step: if another process wrote between two steps, SQLite would start again.
        reader.backup(copy)
        # Without WAL the copy is one file that can be read on a read-only disk. A server switches it back to WAL.
        copy.execute("PRAGMA journal_mode = DELETE").fetchall()
        if finish is not None:
            finish(copy)


def _link(partial: Path, target: Path) -> None:
    """Give the file its name, unless another process created a file with that name first."""
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
