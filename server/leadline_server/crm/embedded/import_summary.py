"""The result of an import: every row, number and date of the file by its outcome."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from leadline_server.crm.embedded.contact_files.outcomes import FileOutcome, Remark

NAMED: Final = 20
"""How many of each outcome are kept with their lines; all are counted."""


@dataclass(slots=True)
class ImportSummary:
    """Counts outcomes, in memory that does not grow with the file."""

    _counts: dict[FileOutcome, int] = field(default_factory=dict)
    _named: dict[FileOutcome, list[Remark]] = field(default_factory=dict)

    def add(self, remark: Remark) -> None:
        """Count one outcome, and keep it if it is among the first of its kind. An empty message is not kept."""
        self.count_in(remark.outcome)
        if remark.message and len(named := self._named.setdefault(remark.outcome, [])) < NAMED:
            named.append(remark)

    def count_in(self, outcome: FileOutcome, count: int = 1) -> None:
        """Count outcomes that need no word."""
        if count:
            self._counts[outcome] = self.count(outcome) + count

    def count(self, outcome: FileOutcome) -> int:
        """How many there were."""
        return self._counts.get(outcome, 0)

    def named(self, outcome: FileOutcome) -> tuple[Remark, ...]:
        """The first of them, with their lines."""
        return tuple(self._named.get(outcome, ()))

    def outcomes(self) -> Iterator[tuple[FileOutcome, int]]:
        """Each outcome that there was, and how often."""
        return ((outcome, self._counts[outcome]) for outcome in FileOutcome if outcome in self._counts)

    @property
    def is_complete(self) -> bool:
        """Whether all that is the user's was taken."""
        return not any(outcome.is_loss for outcome in self._counts)
