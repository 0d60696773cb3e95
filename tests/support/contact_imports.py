"""Imports into an embedded CRM of a test's own, and what became of their rows."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from leadline_server.crm.embedded import CrmDatabase, EmbeddedCrm, open_crm_database
from leadline_server.crm.embedded.contact_files import ContactRecord, FileItem, FileOutcome
from leadline_server.crm.embedded.import_summary import ImportSummary
from leadline_server.crm.embedded.importing import ImportOptions, import_contacts
from leadline_server.crm.embedded.sqlite_import import SqliteImport
from leadline_server.domain.contact import Contact
from leadline_server.domain.numbers.phone_number import parse_number

ADA: Final = ContactRecord(
    line=2, name="Ada", phone_numbers=("(415) 555-0123", "+442079460123"), email="ada@example.com"
)


@asynccontextmanager
async def crm_database(folder: Path) -> AsyncIterator[CrmDatabase]:
    """A database of contacts in a folder, closed afterwards."""
    opened = await open_crm_database(folder / "crm.db")
    try:
        yield opened
    finally:
        await opened.close()


def records(count: int) -> list[ContactRecord]:
    """Different contacts, a number each."""
    return [
        ContactRecord(line=number, name=f"Name {number}", phone_numbers=(f"+1415555{number:04}",))
        for number in range(100, 100 + count)
    ]


async def run(
    database: CrmDatabase, rows: Iterable[FileItem], *, is_update: bool = False, is_dry_run: bool = False
) -> ImportSummary:
    """Import rows into the book of account acme."""
    options = ImportOptions(is_update=is_update, is_dry_run=is_dry_run)
    target = SqliteImport(database)
    return await import_contacts(target, "acme", rows, "US", options=options, on_progress=lambda _summary: None)


def counts(summary: ImportSummary) -> dict[FileOutcome, int]:
    """The outcomes of the rows. The count of numbers is elsewhere."""
    return {outcome: count for outcome, count in summary.outcomes() if outcome is not FileOutcome.NUMBER}


def named(summary: ImportSummary, outcome: FileOutcome) -> list[tuple[int, str]]:
    """The lines and messages that the summary keeps of an outcome."""
    return [(remark.line, remark.message) for remark in summary.named(outcome)]


async def found(crm: EmbeddedCrm, number: str) -> list[Contact]:
    """The contacts that have a number."""
    return list(await crm.find_contacts([parse_number(number, "US")]))
