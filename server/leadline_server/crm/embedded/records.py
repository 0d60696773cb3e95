"""What the readers of contact files make of them: records, and rows that are none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


class UnreadableFile(ValueError):
    """The file as a whole is no contact file of its kind; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRecord:
    """One contact of a file. `line` is where it begins, from 1 on; `uid` its own id, empty where the file has none."""

    line: int
    name: str
    phone_numbers: tuple[str, ...] = ()
    type: str = ""
    email: str = ""
    company: str = ""
    title: str = ""
    uid: str = ""
    create_time: datetime | None = None
    last_activity_time: datetime | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RowProblem:
    """A row or card that could not be read, and why. `line` is where it begins, from 1 on."""

    line: int
    message: str
