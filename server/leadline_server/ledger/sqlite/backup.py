"""A backup of a SQLite ledger that is in use: a copy that can be put in its place."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from leadline_server.ledger.sqlite.integrity import check_ledger, problems_of
from leadline_server.storage.copying import copy_database

_LEAP: Final = 1 << 40
"""More changes than any ledger sees between a backup and the day that it is restored."""

# A ledger that is restored goes on from an earlier state, so a token of the time in between would lead astray. So the
# copy's sequence begins anew far beyond, and no token of before is good for it: watchers are told to list the calls.
_BEGIN_ANEW: Final = """
    UPDATE ledger SET call_log_sequence = call_log_sequence + :leap, pruned_through = call_log_sequence + :leap,
    upkeep_owner = NULL, upkeep_until = NULL
"""


class Unsound(Exception):
    """What is wrong with the file of a database that cannot be saved: a sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def back_up_ledger(source: Path, target: Path, *, overwrite: bool) -> Sequence[str]:
    """Copy the ledger file `source` to `target`; arguments and errors as of `copy_database`.

    Returns:
        What the check of the ledger finds wrong with what was saved.

    Raises:
        Unsound: the pages are damaged, or the schema is another leadline's; nothing was saved.
    """
    problems: list[str] = []

    def finish(copy: sqlite3.Connection) -> None:
        report = check_ledger(copy)
        problems.extend(problems_of(report))
        if not report.is_readable:
            raise Unsound(problems)
        copy.execute(_BEGIN_ANEW, {"leap": _LEAP})

    copy_database(source, target, overwrite=overwrite, finish=finish)
    return problems


def back_up_file(source: Path, target: Path, *, overwrite: bool) -> Sequence[str]:
    """Copy another database file of leadline's, such as the embedded CRM's; as `back_up_ledger`."""
    copy_database(source, target, overwrite=overwrite, finish=_check_pages)
    return ()


def _check_pages(copy: sqlite3.Connection) -> None:
    problems = [str(text) for (text,) in copy.execute("PRAGMA quick_check(5)").fetchall() if text != "ok"]
    if problems:
        raise Unsound(problems)
