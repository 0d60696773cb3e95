"""Readers of contact files: each yields contacts, and problems for what it cannot read, without holding the file."""

from leadline_server.crm.embedded.contact_files.csv_reader import CsvContacts, CsvHeader, CsvOptions, read_csv
from leadline_server.crm.embedded.contact_files.dates import DayOrder
from leadline_server.crm.embedded.contact_files.header_words import Field
from leadline_server.crm.embedded.contact_files.mapping import ChosenColumn, ColumnMapping
from leadline_server.crm.embedded.contact_files.outcomes import FileOutcome, Remark
from leadline_server.crm.embedded.contact_files.records import (
    ContactRecord,
    FileItem,
    PassedOver,
    RowProblem,
    UnreadableFile,
)
from leadline_server.crm.embedded.contact_files.vcard_reader import read_vcards

__all__ = [
    "ChosenColumn",
    "ColumnMapping",
    "ContactRecord",
    "CsvContacts",
    "CsvHeader",
    "CsvOptions",
    "DayOrder",
    "Field",
    "FileItem",
    "FileOutcome",
    "PassedOver",
    "Remark",
    "RowProblem",
    "UnreadableFile",
    "read_csv",
    "read_vcards",
]
