"""Items that were submitted to a connection, merged so that all items of one kind are one function call.

Example: two call log changes and a settings change arrive together. `apply_changes` is called once, with both call log
changes; the settings change is a call of its own.
"""

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
Item = TypeVar("Item")

Work = Callable[[sqlite3.Connection], T]
"""A function that uses the connection and returns a result."""

BatchWork = Callable[[sqlite3.Connection, Sequence[Item]], Sequence[T | Exception]]
"""Processes any number of items. Returns one result for each, in order; an exception is the result of a failed item."""


class Submitted(NamedTuple):
    """One submitted item. Without `batch_work`, `item` is a Work."""

    batch_work: BatchWork[Any, Any] | None
    item: Any


class MergedWork(NamedTuple):
    """One function to call, and the indexes of the submitted items that it processes."""

    work: Work[Any]
    indexes: list[int]
    is_batch: bool


def merged(submitted: Sequence[Submitted]) -> list[MergedWork]:
    """The functions that process all submitted items, ordered by the first item of each kind."""
    works: list[MergedWork] = []
    by_kind: dict[BatchWork[Any, Any], list[int]] = {}
    for index, (batch_work, item) in enumerate(submitted):
        if batch_work is None:
            works.append(MergedWork(item, [index], is_batch=False))
        elif batch_work in by_kind:
            by_kind[batch_work].append(index)
        else:
            by_kind[batch_work] = indexes = [index]
            works.append(MergedWork(partial(_process, batch_work, submitted, indexes), indexes, is_batch=True))
    return works


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
