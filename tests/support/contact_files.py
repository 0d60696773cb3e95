"""Sample contact files, and what a reader made of one."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from leadline_server.crm.embedded.contact_files import (
    ContactRecord,
    CsvOptions,
    FileItem,
    RowProblem,
    read_csv,
    read_vcards,
)

SAMPLES = Path(__file__).parents[1] / "data" / "contacts"


@dataclass(frozen=True, slots=True)
class ReadFile:
    """Each thing that a reader found, and the first and last line of each, those of the header among them."""

    items: Sequence[FileItem]
    spans: Sequence[tuple[int, int]]

    @property
    def records(self) -> list[ContactRecord]:
        return [item for item in self.items if isinstance(item, ContactRecord)]

    @property
    def problems(self) -> list[RowProblem]:
        return [item for item in self.items if isinstance(item, RowProblem)]


def read_file(name: str, content: bytes, region: str = "US") -> ReadFile:
    """Read a CSV or vCard file, told apart by its name."""
    stream = io.BytesIO(content)
    spans: list[tuple[int, int]] = []
    items: Iterable[FileItem]
    if name.endswith(".vcf"):
        items = read_vcards(stream, region)
    else:
        contacts = read_csv(stream, CsvOptions(region))
        spans.append((contacts.header.line, contacts.header.end))
        items = contacts
    found = list(items)
    return ReadFile(found, [*spans, *((item.line, item.end) for item in found)])
