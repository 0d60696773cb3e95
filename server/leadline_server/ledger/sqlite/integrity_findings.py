"""What the check of a ledger says of one part of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One part of the ledger.

    Attributes:
        name: of the part.
        summary: what is there, if nothing is wrong.
        problems: what is wrong, the first few; empty if nothing is.
        remedy: what to do about the problems.
    """

    name: str
    summary: str
    problems: tuple[str, ...]
    remedy: str


def finding(name: str, summary: str, problems: Sequence[str], remedy: str) -> Finding:
    """A finding with no more problems than people read."""
    shown = list(problems[:_SHOWN])
    if len(problems) > len(shown):
        shown.append(f"... and {len(problems) - len(shown):,} more")
    return Finding(name, summary, tuple(shown), remedy if problems else "")
