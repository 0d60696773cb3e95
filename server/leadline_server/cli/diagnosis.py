"""The result of one check of `leadline doctor`."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The finding of a check.

    Attributes:
        check: what was checked.
        state: `ok`, `warning` (it works now), or `problem`.
        found: what is the case.
        action: what to do; empty if nothing.
    """

    check: str
    state: Literal["ok", "warning", "problem"]
    found: str
    action: str = ""
