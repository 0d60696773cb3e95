"""Running groups of work on a connection: together where all goes well, apart where one fails."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from leadline_server.storage.connection import immediate_transaction, storage_error
from leadline_server.storage.submitted import Work


def commit_group(connection: sqlite3.Connection, works: Sequence[Work[Any]]) -> Sequence[Any]:
    """The results of `works`, run in order in one transaction; an exception stands for one that failed.

    The first attempt runs them bare. Only if one raises is all rolled back and run again, each in a savepoint, which
    keeps savepoints out of the usual case. A failing storage fails them all.
    """
    try:
        with immediate_transaction(connection):
            return [work(connection) for work in works]
    except Exception as error:  # noqa: BLE001 - it is handed to whoever asked for the write
        failure = storage_error(error)
        if failure or len(works) == 1:
            return [failure or error] * len(works)
    try:
        with immediate_transaction(connection):
            return [_run_in_savepoint(connection, work) for work in works]
    except Exception as error:  # noqa: BLE001 - as above
        return [storage_error(error) or error] * len(works)


def begin_group(connection: sqlite3.Connection, works: Sequence[Work[Any]]) -> Sequence[Any] | None:
    """The results of `works`, run in order in a transaction that is left open for `end_group`.

    None, with nothing begun, where it is not as simple as that: another process writes, or one of them raises. Then
    `commit_group` does all of it.
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
    """Commit what `begin_group` began; its results, or the failure of the commit for each."""
    try:
        connection.execute("COMMIT")
    except Exception as error:  # noqa: BLE001 - it is handed to whoever asked for the write
        # A full disk and the like may have rolled the transaction back already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        return [storage_error(error) or error] * len(results)
    return results


def read_group(connection: sqlite3.Connection, works: Sequence[Work[Any]]) -> Sequence[Any]:
    """The results of `works`, which only read, all of one state; an exception stands for one that failed."""
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
    except Exception as error:  # noqa: BLE001 - it is handed to whoever asked for the read
        return storage_error(error) or error
