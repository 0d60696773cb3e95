"""The results of a trial."""

from dataclasses import dataclass
from enum import StrEnum


class TrialVerdict(StrEnum):
    """The verdict of a trial on an assumption."""

    HOLDS = "holds"
    FAILS = "does not hold"
    NOT_TESTED = "not tested"


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedAssumption:
    """One assumption, and what became of it.

    Attributes:
        name: its name: a `Topic`, or that of a `DocumentedFact`.
        says: the assumption, in a sentence.
        verdict: whether it holds.
        detail: what was seen, or the CRM's words.
        advice: what to do; empty: nothing.
        source: the document that it is from; empty: it is from no document of the vendor.
    """

    name: str
    says: str
    verdict: TrialVerdict
    detail: str = ""
    advice: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialReport:
    """The result of a whole trial.

    Attributes:
        findings: one for each assumption.
        removed: how many records it made and removed.
        left: the records that it made and that are still there: ids, with the addresses of their pages.
    """

    findings: tuple[TriedAssumption, ...]
    removed: int = 0
    left: tuple[str, ...] = ()

    @property
    def fails(self) -> bool:
        """Whether an assumption does not hold."""
        return any(finding.verdict is TrialVerdict.FAILS for finding in self.findings)
