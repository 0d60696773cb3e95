"""The result of the integrity check for one part of a ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """The result for one part. Example: name `claims`, summary `1,204 numbers`, no problems.

    Attributes:
        name: the part.
        summary: describes the part if it has no problems.
        problems: the first few problems; empty if there are none.
        remedy: what to do about the problems.
    """

    name: str
    summary: str
    problems: tuple[str, ...]
    remedy: str


def finding(name: str, summary: str, problems: Sequence[str], remedy: str) -> Finding:
    """A finding that lists the first problems and counts the others."""
    shown = list(problems[:_SHOWN])
    if len(problems) > len(shown):
        shown.append(f"... and {len(problems) - len(shown):,} more")
    return Finding(name, summary, tuple(shown), remedy if problems else "")
