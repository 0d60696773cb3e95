"""Opens a call record file: what its columns are, and its rows, which are read twice.

The first time, `survey` gathers what only the whole file tells: which of day and month comes first, and which time zone
the ids of its records fit. The second time, `rows` makes records of it.
"""

from collections.abc import Iterator
from typing import BinaryIO

from leadline_server.replay.columns import ColumnMap
from leadline_server.replay.detection import RecordFormat, reader_of
from leadline_server.replay.lines import read_lines
from leadline_server.replay.readers import Reader
from leadline_server.replay.records import BadRow, RawRow, Row, Skipped
from leadline_server.replay.rules import Rules
from leadline_server.replay.survey import Survey


class RecordFile:
    """A call record file.

    Attributes:
        reader: what reads its form.

    Args:
        stream: seekable; bytes.
        record_format: AUTO tells it from the first lines.
        columns: headers by field, if their words do not tell them.

    Raises:
        UnusableFile: the form needs a header, and there is none that can be used.
    """

    def __init__(
        self,
        stream: BinaryIO,
        record_format: RecordFormat = RecordFormat.AUTO,
        columns: dict[str, list[str]] | None = None,
    ) -> None:
        self._stream = stream
        self.reader: Reader = reader_of(read_lines(stream), record_format, columns or {})

    @property
    def columns(self) -> ColumnMap | None:
        """The fields of the columns; None where the form has no header."""
        return self.reader.columns

    def survey(self) -> Survey:
        """Reads the whole file for what only the whole of it tells."""
        survey = Survey()
        for row in self.reader.rows(read_lines(self._stream)):
            if isinstance(row, RawRow):
                times = [row.values.get(name, "") for name in self.reader.time_fields]
                survey.add(times, row.values.get(self.reader.id_field, ""))
        return survey

    def rows(self, rules: Rules) -> Iterator[Row]:
        """The records of the file and what is none, in order. A row that cannot be read is Skipped.

        Every byte of the file belongs to exactly one of them.
        """
        for row in self.reader.rows(read_lines(self._stream)):
            if not isinstance(row, RawRow):
                yield row
                continue
            try:
                yield self.reader.read_record(row, rules)
            except BadRow as bad:
                yield Skipped(line=row.line, size=row.size, reason=str(bad))
            except OverflowError:
                yield Skipped(line=row.line, size=row.size, reason="a time beyond the calendar")
