"""Readers of contact files: each yields records, and problems for what it cannot read, without holding the file."""

from leadline_server.crm.embedded.csv_reader import read_csv
from leadline_server.crm.embedded.records import ContactRecord, RowProblem, UnreadableFile
from leadline_server.crm.embedded.vcard_reader import read_vcards

__all__ = ["ContactRecord", "RowProblem", "UnreadableFile", "read_csv", "read_vcards"]
