"""The calls that ended lately, from the end of Asterisk's Master.csv."""

import io
from datetime import datetime
from pathlib import Path
from typing import Final

from leadline_server.listen.asterisk_calls import UNKNOWN_USER, LiveCall
from leadline_server.replay.detection import RecordFormat
from leadline_server.replay.files import RecordFile
from leadline_server.replay.grouping import ReplayCall, group
from leadline_server.replay.rules import Rules

MOST_BYTES: Final = 4 * 1024 * 1024
"""Bytes that are read from the end of the file, some 20,000 records."""


def ended_calls(path: Path, rules: Rules, since: datetime) -> list[LiveCall]:
    """The calls that ended after a time, as an import would report them. Raises OSError."""
    with path.open("rb") as stream:
        size = stream.seek(0, io.SEEK_END)
        stream.seek(max(size - MOST_BYTES, 0))
        data = stream.read(MOST_BYTES)
    if size > MOST_BYTES:
        data = data.partition(b"\n")[2]
    whole = data[: data.rfind(b"\n") + 1]  # the last line may still be on its way
    if not whole:
        return []
    rows = RecordFile(io.BytesIO(whole), RecordFormat.ASTERISK).rows(rules)
    calls = (item for item in group(rows, UNKNOWN_USER) if isinstance(item, ReplayCall))
    return [
        LiveCall(user_id="" if one.user_id == UNKNOWN_USER else one.user_id, call=one.call)
        for one in calls
        if one.call.end_time is not None and one.call.end_time >= since
    ]
