"""Collects the numbers of one contact, and what is to be said about its number cells."""

from dataclasses import dataclass, field
from typing import Final

from leadline_server.crm.embedded.contact_files.outcomes import FileOutcome, Remark
from leadline_server.domain.numbers.cells import read_cell
from leadline_server.domain.numbers.numbering_rules import RulesOrRegion
from leadline_server.domain.unshown import unshown

_SHOWN: Final = 80  # characters of a cell in a message


@unshown
@dataclass(slots=True)
class FoundNumbers:
    """The numbers of the contact that begins at `line`, each once and in order, and what could not be taken."""

    line: int
    numbers: dict[str, None] = field(default_factory=dict)
    unusable: list[str] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    def add(self, cell: str, rules: RulesOrRegion) -> None:
        """Add what a cell holds."""
        read = read_cell(cell, rules)
        self.numbers.update(dict.fromkeys(read.numbers))
        for text, reason in read.unusable:
            self.unusable.append(text)
            self.remarks.append(Remark(FileOutcome.UNUSABLE, self.line, f"{shown(text)}: {reason}"))
        for text in read.cut:
            self.remarks.append(Remark(FileOutcome.CUT, self.line, f"{shown(text)} of {shown(cell)}"))
        for text in read.fax:
            self.leave_out(FileOutcome.FAX, text)

    def leave_out(self, outcome: FileOutcome, cell: str) -> None:
        """Say that a number is left out, since it is a fax machine's or another person's."""
        if any(map(str.isdecimal, cell)):
            self.remarks.append(Remark(outcome, self.line, shown(cell)))


def shown(text: str) -> str:
    """A text of the file in quotes, on one line and not too long."""
    line = " ".join(text.split())
    return repr(line if len(line) <= _SHOWN else line[:_SHOWN] + "...")
