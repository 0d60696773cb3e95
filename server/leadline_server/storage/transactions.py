"""Runs a group of functions in one transaction; if one of them fails, the others still take effect."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from leadline_server.storage.connection import immediate_transaction, storage_error
from leadline_server.storage.submitted import Work


def commit_group(connection: sqlite3.Connection, works: Sequence[Work[Any]]) -> Sequence[Any]:
    """The results of `works`, run in order in one transaction; an exception is the result of a work that failed.

    The first attempt uses no savepoints, since most groups succeed. If a work raises, everything is rolled back and
    run again with a savepoint for each work. If the storage fails, all works fail.
    """
    try:
        with immediate_transaction(connection):
            return [work(connection) for work in works]
    except Exception as error:  # noqa: BLE001 - it becomes the result of the writes
        failure = storage_error(error)
        if failure or len(works) == 1:
            return [failure or error] * len(works)
    try:
        with immediate_transaction(connection):
            return [_run_in_savepoint(connection, work) for work in works]
    except Exception as error:  # noqa: BLE001 - as above
        return [storage_error(error) or error] * len(works)


def begin_group(connection: sqlite3.Connection, works: Sequence[Work[Any]]) -> Sequence[Any] | None:
    """The results of `works`, run in order in a transaction that stays open for `end_group`.

    None if another process holds the write lock, or if a work raises. Nothing has begun then; use `commit_group`.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        return [work(connection) for work in works]
    except BaseException as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if isinstance(error, Exception):
            return None
        raise


def end_group(connection: sqlite3.Connection, results: Sequence[Any]) -> Sequence[Any]:
    """Commit the transaction of `begin_group`. Returns `results`, or the error of the commit for each of them."""
    try:
        connection.execute("COMMIT")
    except Exception as error:  # noqa: BLE001 - it becomes the result of the writes
        # SQLite may have rolled back already, for example on a full disk.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        return [storage_error(error) or error] * len(results)
    return results


def read_group(connection: sqlite3.Connection, works: Sequence[Work[Any]]) -> Sequence[Any]:
    """The results of `works`, which only read, all from one snapshot; an exception is the result of a failed work."""
    try:
        connection.execute("BEGIN")
        return [_attempt(connection, work) for work in works]
    except sqlite3.Error as error:
        return [storage_error(error) or error] * len(works)
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _run_in_savepoint(connection: sqlite3.Connection, work: Work[Any]) -> Any:
    connection.execute("SAVEPOINT work")
    try:
        result = work(connection)
    except Exception as error:
        if storage_error(error):
            raise
        connection.execute("ROLLBACK TO work")
        result = error
    connection.execute("RELEASE work")
    return result


def _attempt(connection: sqlite3.Connection, work: Work[Any]) -> Any:
    try:
        return work(connection)
    except Exception as error:  # noqa: BLE001 - it becomes the result of the read
        return storage_error(error) or error
