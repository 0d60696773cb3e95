"""CSV files that the command line prints. A spreadsheet computes none of their cells; leadline imports them again."""

import csv
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated

import typer

from leadline_server.domain.formula_cells import escaped_cell

AsCsv = Annotated[bool, typer.Option("--csv", help="Print a CSV file, which an import reads again.")]

SEPARATOR = "; "
"""Separates several values in a cell."""


def print_csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a header and rows by RFC 4180, each row when it arrives."""
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(header)
    for row in rows:
        out.writerow([escaped_cell(cell) for cell in row])
    sys.stdout.flush()
