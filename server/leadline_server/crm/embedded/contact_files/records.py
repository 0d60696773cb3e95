"""The results of reading contact files: contacts, and rows without one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from leadline_server.crm.embedded.contact_files.outcomes import Remark
from leadline_server.domain.unshown import unshown


class UnreadableFile(ValueError):
    """The file as a whole cannot be imported; the message is a sentence that says why."""


@unshown
@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRecord:
    """One contact of a file.

    Attributes:
        line: where its row or card begins, from 1 on.
        end: the last line that belongs to it.
        uid: the record's own id; empty where the file has none.
        unusable_numbers: texts of number cells that hold no number which can be told.
        remarks: what of the row was not taken, or not as it stands.
    """

    line: int
    name: str
    end: int = 0
    phone_numbers: tuple[str, ...] = ()
    unusable_numbers: tuple[str, ...] = ()
    type: str = ""
    email: str = ""
    company: str = ""
    title: str = ""
    uid: str = ""
    create_time: datetime | None = None
    last_activity_time: datetime | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class RowProblem:
    """A row or card that cannot be taken, and why. `line` is where it begins, from 1 on; `end` its last line."""

    line: int
    message: str
    end: int = 0


@dataclass(frozen=True, slots=True)
class PassedOver:
    """Lines that hold no contact and need none: a title, `sep=;`, a header that is there again."""

    line: int
    message: str
    end: int = 0


FileItem = ContactRecord | RowProblem | PassedOver
"""The items that a reader yields, in the order of the file."""
