"""The calls that ended lately, from the records that a phone system has written of them."""

import io
from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Final

from leadline_server.listen.live_calls import UNKNOWN_USER, LiveCall, of_record
from leadline_server.replay.detection import RecordFormat
from leadline_server.replay.files import RecordFile
from leadline_server.replay.grouping import ReplayCall, group
from leadline_server.replay.rules import Rules

MOST_BYTES: Final = 4 * 1024 * 1024
"""Bytes that are read from the end of a file, some 20,000 records; of a folder, from its latest files."""

MOST_FILES: Final = 1_000
"""Files of a folder that are read, the latest ones."""


def ended_calls(path: Path, record_format: RecordFormat, rules: Rules, since: datetime) -> list[LiveCall]:
    """The calls that ended after a time, as an import would report them.

    Args:
        path: the file of records; or a folder with a file of each record, as mod_json_cdr writes them.
        record_format: how the records are written.
        rules: the account's.
        since: the time.

    Raises:
        OSError, UnusableFile: there is none that can be read.
    """
    data = _of_folder(path, since) if path.is_dir() else _end_of(path)
    if not data:
        return []
    rows = RecordFile(io.BytesIO(data), record_format).rows(rules)
    calls = (of_record(item) for item in group(rows, UNKNOWN_USER) if isinstance(item, ReplayCall))
    return [live for live in calls if live.call.end_time is not None and live.call.end_time >= since]


def _end_of(path: Path) -> bytes:
    """The last whole lines of a file. Its last line may still be on its way."""
    with path.open("rb") as stream:
        size = stream.seek(0, io.SEEK_END)
        stream.seek(max(size - MOST_BYTES, 0))
        data = stream.read(MOST_BYTES)
    if size > MOST_BYTES:
        data = data.partition(b"\n")[2]
    return data[: data.rfind(b"\n") + 1]


def _of_folder(path: Path, since: datetime) -> bytes:
    """The documents of the files that were written after a time, one a line, the oldest first."""
    written = [(file.stat().st_mtime, file) for file in path.iterdir() if file.is_file()]
    latest = sorted(one for one in written if one[0] >= since.timestamp())[-MOST_FILES:]
    return b"\n".join(_within_bound(file for _, file in reversed(latest)))


def _within_bound(files: Iterable[Path]) -> list[bytes]:
    """The contents of these files, in reverse order, as far as the bound goes."""
    left, found = MOST_BYTES, list[bytes]()
    for file in islice(files, MOST_FILES):
        with file.open("rb") as stream:
            data = stream.read(left + 1)
        if len(data) > left:
            break
        left -= len(data)
        found.append(data.replace(b"\n", b" "))
    return found[::-1]
