"""The outcomes of the rows of a contact file and of their parts, and whether anything of the user's was not taken."""

from dataclasses import dataclass
from enum import Enum


class FileOutcome(Enum):
    """One kind of outcome, as a summary counts it.

    Attributes:
        label: its word in a summary.
        meaning: what it means, in a few words; may be empty.
        is_loss: something of the user's was not taken.
    """

    CREATED = ("created", "", False)
    UNCHANGED = ("unchanged", "imported before", False)
    CHANGED = ("changed", "imported before, and now as in the file", False)
    LEFT = ("changed", "since they were imported; left as it was (--update takes them)", True)
    MERGED = ("merged", "with an earlier row of the file", False)
    SKIPPED = ("skipped", "rows that were not taken", True)
    PASSED_OVER = ("no contact", "lines that hold none, such as titles; passed over", False)
    NUMBER = ("numbers", "taken", False)
    UNUSABLE = ("unusable", "numbers that no call can match; the contacts were taken without them", True)
    CUT = ("cut", "what is dialled after a number; the numbers were taken without it", True)
    FAX = ("fax", "numbers of fax machines and pagers, which do not call; left out", False)
    OTHER_PERSON = ("assistants", "numbers of other people than the contact; left out", False)
    DATE = ("dates", "that cannot be read; the contacts were taken without them", True)
    LINE = ("lines", "of cards that cannot be read; the cards were taken without them", True)
    VALUE = ("values", "of merged rows; left out, since an earlier row says something else", True)

    def __init__(self, label: str, meaning: str, is_loss: bool) -> None:  # noqa: FBT001 - the values above are a table
        self.label = label
        self.meaning = meaning
        self.is_loss = is_loss


@dataclass(frozen=True, slots=True)
class Remark:
    """The outcome of a row or of a part of it, for people. `line` counts from 1."""

    outcome: FileOutcome
    line: int
    message: str
