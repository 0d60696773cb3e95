"""When FTS5 merges the index of names, in bounded steps: while it merges, the write lock is held.

FTS5 writes the names of each statement as a segment of the index, and merges four segments of a size into a larger one
(https://www.sqlite.org/fts5.html, section 6.8). It does so within the statement that inserts names: after every 64
pages it writes up to 64 pages for each size of segments, some 10 ms. A search reads all segments, so there should be
few.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_SET: Final = "INSERT INTO crm_contact_names (crm_contact_names, rank) VALUES (?, ?)"
_AUTOMERGE: Final = "SELECT v FROM crm_contact_names_config WHERE k = 'automerge'"
_USUAL: Final = 4  # FTS5's default of automerge
_STEP: Final = 64  # pages that a step writes at least, if there are so many to merge


@contextmanager
def without_merges(connection: sqlite3.Connection) -> Iterator[None]:
    """Statements that insert names merge nothing within it. Call `merge_names` later, until it returns False.

    The setting is in the file, for all processes, so it is put back in the same transaction. Segments of a size are
    still merged all at once if there are 16 of them, so insert the names by a few statements.
    """
    found = connection.execute(_AUTOMERGE).fetchone()
    connection.execute(_SET, ("automerge", 0))
    yield
    connection.execute(_SET, ("automerge", found[0] if found else _USUAL))


def merge_names(connection: sqlite3.Connection) -> bool:
    """Do a step of the merges that are due. Returns False if there was none.

    A step ends between two trigrams: all contacts of a trigram are merged at once, some 40 ns of CPU each.
    """
    before = connection.total_changes
    connection.execute(_SET, ("merge", _STEP))
    return connection.total_changes - before > 1  # the statement itself counts as a change
