"""Submitted items, merged into few functions, and run in one transaction.

Items of one kind are one function call. Example: two call log changes and a settings change arrive together.
`apply_changes` is called once, with both call log changes; the settings change is a call of its own. If one function
fails, the others still take effect. If it had several items, each of them is tried again alone.
"""

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

from leadline_server.domain.fast_init import maker
from leadline_server.domain.unshown import unshown
from leadline_server.storage.connection import immediate_transaction, storage_error

T = TypeVar("T")
Item = TypeVar("Item")

Work = Callable[[sqlite3.Connection], T]
"""A function that uses the connection and returns a result."""

BatchWork = Callable[[sqlite3.Connection, Sequence[Item]], Sequence[T | Exception]]
"""Processes any number of items. Returns one result for each, in order; an exception is the result of a failed item."""


@unshown
class Submitted(NamedTuple):
    """One submitted item. Without `batch_work`, `item` is a Work. A short one may run on the event loop's thread."""

    batch_work: BatchWork[Any, Any] | None
    item: Any
    is_short: bool = True


new_submitted: Final = maker(Submitted)


@unshown
class MergedWork(NamedTuple):
    """One function to call, and the indexes of the submitted items that it processes.

    `alone` makes a function for one of the items: of a batch.
    """

    work: Work[Any]
    indexes: list[int]
    is_batch: bool
    is_short: bool = True
    alone: Callable[[int], Work[Any]] | None = None


def merged(submitted: Sequence[Submitted]) -> list[MergedWork]:
    """The functions that process all submitted items, ordered by the first item of each kind."""
    works: list[MergedWork] = []
    by_kind: dict[BatchWork[Any, Any], list[int]] = {}
    for index, (batch_work, item, is_short) in enumerate(submitted):
        if batch_work is None:
            works.append(MergedWork(item, [index], is_batch=False, is_short=is_short))
        elif batch_work in by_kind:
            by_kind[batch_work].append(index)
        else:
            by_kind[batch_work] = indexes = [index]
            process: Callable[[list[int]], Work[Any]] = partial(partial, _process, batch_work, submitted)
            works.append(MergedWork(process(indexes), indexes, is_batch=True, alone=partial(_alone, process)))
    return works


def _alone(process: Callable[[list[int]], Work[Any]], index: int) -> Work[Any]:
    return process([index])


def results_by_item(works: Sequence[MergedWork], results: Sequence[Any], count: int) -> list[Any]:
    """The result of each of `count` submitted items, from the results of the works.

    An exception as the result of a work is the result of all its items.
    """
    by_item: list[Any] = [None] * count
    for work, result in zip(works, results, strict=True):
        each = result if work.is_batch and not isinstance(result, Exception) else [result] * len(work.indexes)
        for index, one in zip(work.indexes, each, strict=True):
            by_item[index] = one
    return by_item


def _process(
    batch_work: BatchWork[Any, Any],
    submitted: Sequence[Submitted],
    indexes: Sequence[int],
    connection: sqlite3.Connection,
) -> Sequence[Any]:
    return batch_work(connection, [submitted[index].item for index in indexes])


def commit_group(connection: sqlite3.Connection, works: Sequence[MergedWork]) -> Sequence[Any]:
    """The results of `works`, run in order in one transaction; an exception is the result of a work that failed.

    The first attempt uses no savepoints, since most groups succeed. If a work raises, everything is rolled back and
    run again with a savepoint for each work, and for each item of a batch that fails again. If the storage fails, all
    works fail.
    """
    try:
        with immediate_transaction(connection):
            return [work.work(connection) for work in works]
    except Exception as error:  # noqa: BLE001 - it becomes the result of the writes
        failure = storage_error(error)
        if failure or sum(len(work.indexes) for work in works) == 1:
            return [failure or error] * len(works)
    try:
        with immediate_transaction(connection):
            return [_run_in_savepoints(connection, work) for work in works]
    except Exception as error:  # noqa: BLE001 - as above
        return [storage_error(error) or error] * len(works)


def begin_group(connection: sqlite3.Connection, works: Sequence[MergedWork]) -> Sequence[Any] | None:
    """The results of `works`, run in order in a transaction that stays open for `end_group`.

    None if another process holds the write lock, or if a work raises. Nothing has begun then; use `commit_group`.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        return [work.work(connection) for work in works]
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


def _run_in_savepoints(connection: sqlite3.Connection, work: MergedWork) -> Any:
    result = _run_in_savepoint(connection, work.work)
    if not isinstance(result, Exception) or work.alone is None or len(work.indexes) == 1:
        return result
    results = [_run_in_savepoint(connection, work.alone(index)) for index in work.indexes]
    return [one if isinstance(one, Exception) else one[0] for one in results]


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
