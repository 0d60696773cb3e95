"""The report of an import of contacts: how the columns were read, and the outcome of every row and number."""

from collections.abc import Iterator

from leadline_server.crm.embedded.contact_files import ContactRecord, CsvHeader, Field, FileOutcome
from leadline_server.crm.embedded.import_summary import ImportSummary

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_SHOWN_COLUMNS = 20  # of those left out for one reason


def header_lines(file: str, header: CsvHeader) -> Iterator[str]:
    """How the columns of a CSV file were read."""
    mapping = header.mapping
    export = f"{mapping.export}, " if mapping.export else ""
    delimiter = _DELIMITERS.get(header.delimiter, repr(header.delimiter))
    yield f"{file}: {export}cells separated by {delimiter}, header in line {header.line}. Columns:"
    for field in Field:
        if columns := mapping.columns_of(field):
            yield f"  {field.value.replace('_', ' '):<13} {', '.join(columns)}"
    for reason, left_out in mapping.left_out_by_reason().items():
        more = f" and {len(left_out) - _SHOWN_COLUMNS} more" if len(left_out) > _SHOWN_COLUMNS else ""
        yield f"  {'left out':<13} {', '.join(left_out[:_SHOWN_COLUMNS])}{more} ({reason.value})"


def vcard_lines(file: str) -> Iterator[str]:
    """How the properties of cards are read."""
    yield f"{file}: vCard. Properties:"
    for field, properties in {
        "name": "FN, else N", "phone": "TEL, but fax machines and pagers", "email": "EMAIL", "company": "ORG",
        "title": "TITLE", "id": "UID", "left out": "all others",
    }.items():  # fmt: skip
        yield f"  {field:<13} {properties}"


def contact_line(contact: ContactRecord) -> str:
    """A contact of the file, as it was read."""
    times = (
        contact.create_time and f"created {contact.create_time:%Y-%m-%d}",
        contact.last_activity_time and f"last activity {contact.last_activity_time:%Y-%m-%d}",
    )
    told = (contact.name, *contact.phone_numbers, contact.email, contact.company, contact.title, *times)
    return f"  line {contact.line}: " + " | ".join(" ".join(each.split()) for each in told if each)


def summary_lines(summary: ImportSummary, account: str, book: str, *, is_dry_run: bool) -> Iterator[str]:
    """The outcome of every row, number and date, with the lines of the first of each kind."""
    if is_dry_run:
        yield f"Nothing was written. Contacts of account {account} in {book} would be:"
    else:
        yield f"Contacts of account {account} in {book}:"
    counts = dict(summary.outcomes())
    for outcome in FileOutcome:
        if (count := counts.get(outcome, 0)) or outcome is FileOutcome.CREATED:
            yield f"  {outcome.label:<10} {count:>10,}  {outcome.meaning}".rstrip()
            yield from _named(summary, outcome, count)
    if not is_dry_run:
        yield "Next: leadline serve, then leadline contacts find NUMBER, or replay calls: leadline calls import FILE"


def _named(summary: ImportSummary, outcome: FileOutcome, count: int) -> Iterator[str]:
    named = summary.named(outcome)
    for remark in named:
        yield f"    line {remark.line}: {remark.message}"
    if named and count > len(named):
        yield f"    ... and {count - len(named):,} more"
