"""Backs up a SQLite ledger that is in use. The copy can replace the ledger's file later."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from leadline_server.ledger.sqlite.integrity import check_ledger, problems_of
from leadline_server.storage.database_copy import copy_database

_SEQUENCE_LEAP: Final = 1 << 40
"""More changes than any ledger gets between a backup and the day that it is restored."""

# A restored ledger continues from an earlier state, so resume tokens from after the backup would be wrong. The copy's
# sequence therefore continues far above all of them, and `pruned_through` makes every old token expire. Watchers are
# told to list the calls again.
# The copy is a standby until `leadline restore --live`. Example: a backup at sequence 500 continues at 500 + 2**40.
_RENEW_SEQUENCE: Final = """
    UPDATE ledger SET call_log_sequence = call_log_sequence + :leap, pruned_through = call_log_sequence + :leap,
    pruning_lease_owner = NULL, pruning_lease_until = NULL, is_standby = 1, live_since = NULL
"""


class DamagedDatabase(Exception):
    """A database that cannot be backed up. `problems` has one sentence for each problem."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def back_up_ledger(source: Path, target: Path, *, overwrite: bool) -> Sequence[str]:
    """Copy the ledger file `source` to `target`; arguments and errors as for `copy_database`.

    Returns:
        The problems that the integrity check finds in the copy.

    Raises:
        DamagedDatabase: pages are damaged, or the schema belongs to another version; there is no copy.
    """
    problems: list[str] = []

    def finish(copy: sqlite3.Connection) -> None:
        report = check_ledger(copy)
        problems.extend(problems_of(report))
        if not report.is_readable:
            raise DamagedDatabase(problems)
        copy.execute(_RENEW_SEQUENCE, {"leap": _SEQUENCE_LEAP})

    copy_database(source, target, overwrite=overwrite, finish=finish)
    return problems
