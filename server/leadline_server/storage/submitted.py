"""What is asked of a connection at once, as the jobs that it does: pieces of one kind are one job."""

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
Item = TypeVar("Item")
Work = Callable[[sqlite3.Connection], T]

Many = Callable[[sqlite3.Connection, Sequence[Item]], Sequence[T | Exception]]
"""Does any number of pieces at once. Returns a result for each, in order; an exception stands for one that failed."""


class Asked(NamedTuple):
    """A piece of work on its own (`many` is None, `item` is the Work), or one of many of a kind."""

    many: Many[Any, Any] | None
    item: Any


class Job(NamedTuple):
    """One function to call, and whose work it does: the places of what was asked."""

    work: Work[Any]
    places: list[int]
    is_many: bool


def jobs_of(asked: Sequence[Asked]) -> list[Job]:
    """The jobs that do all that was asked, in the order in which the first of each kind was."""
    jobs: list[Job] = []
    kinds: dict[Many[Any, Any], list[int]] = {}
    for place, (many, item) in enumerate(asked):
        if many is None:
            jobs.append(Job(item, [place], is_many=False))
        elif many in kinds:
            kinds[many].append(place)
        else:
            kinds[many] = places = [place]
            jobs.append(Job(partial(_do_many, many, asked, places), places, is_many=True))
    return jobs


def results_of(jobs: Sequence[Job], done: Sequence[Any], count: int) -> list[Any]:
    """What comes of each piece that was asked, from what came of the jobs. A job fails with all of its pieces."""
    results: list[Any] = [None] * count
    for job, result in zip(jobs, done, strict=True):
        each = result if job.is_many and not isinstance(result, Exception) else [result] * len(job.places)
        for place, one in zip(job.places, each, strict=True):
            results[place] = one
    return results


def _do_many(
    many: Many[Any, Any], asked: Sequence[Asked], places: Sequence[int], connection: sqlite3.Connection
) -> Sequence[Any]:
    return many(connection, [asked[place].item for place in places])
