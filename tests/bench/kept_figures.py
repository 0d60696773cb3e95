"""The instructions per call that docs/performance.md has, and the comparison with new counts."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeAlias

PAGE: Final = Path(__file__).parents[2] / "docs" / "performance.md"
MOST_MORE: Final = 0.05
"""So much more than the kept figure is a failure."""

Counts: TypeAlias = Mapping[tuple[str, str, int], float]
"""Instructions per call by load, credential (empty: none) and calls of a group: `("find", "key", 8)`."""

_is_row = re.compile(r"\| `(find|log known|log unknown)` \| (none|key|jwt) \| (\d+) \| ([\d,]+) \|").match


def kept_counts(page: str) -> Counts:
    """The counts in the table of a page."""
    rows = filter(None, map(_is_row, page.splitlines()))
    return {(row[1], row[2].replace("none", ""), int(row[3])): int(row[4].replace(",", "")) for row in rows}


def excesses(counted: Counts, kept: Counts) -> list[str]:
    """A sentence for each count that is too large, or that is not in the page."""
    found = []
    for key, count in counted.items():
        load, credential, group = key
        what = f"{load}, credential {credential or 'none'}, groups of {group}: {count:,.0f} instructions a call"
        if key not in kept:
            found.append(f"{what}; docs/performance.md has no figure for it.")
        elif count > kept[key] * (1 + MOST_MORE):
            more = count / kept[key] - 1
            found.append(f"{what} are {more:.1%} more than the {kept[key]:,.0f} of docs/performance.md.")
    return found
