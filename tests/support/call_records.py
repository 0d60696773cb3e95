"""Call record files as an import reads them."""

import io
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from leadline_server.domain.call import Call
from leadline_server.replay.detection import RecordFormat
from leadline_server.replay.files import RecordFile
from leadline_server.replay.grouping import GroupItem, ReplayCall, group
from leadline_server.replay.records import NoRecord, Record, Row
from leadline_server.replay.rules import Rules

SAMPLES: Final = Path(__file__).parents[1] / "data" / "call_records"
"""Files as phone systems write them, with fictional people and numbers."""

NEW_YORK: Final = ZoneInfo("America/New_York")
RULES: Final = Rules(time_zone=NEW_YORK, users={"101": "alice", "102": "bob", "103": "carol"})


def read(data: bytes | str, rules: Rules = RULES, record_format: RecordFormat = RecordFormat.AUTO) -> list[Row]:
    """The rows of a file that hold a record, or should."""
    raw = data.encode() if isinstance(data, str) else data
    return [row for row in RecordFile(io.BytesIO(raw), record_format).rows(rules) if not isinstance(row, NoRecord)]


def records(data: bytes | str, rules: Rules = RULES, record_format: RecordFormat = RecordFormat.AUTO) -> list[Record]:
    """The records of a file whose rows are all read."""
    rows = read(data, rules, record_format)
    found = [row for row in rows if isinstance(row, Record)]
    assert found == rows
    return found


def sample(name: str) -> bytes:
    """The bytes of a sample."""
    return (SAMPLES / name).read_bytes()


def grouped(data: bytes | str, rules: Rules = RULES) -> list[GroupItem]:
    """What an import sends of a file, and the rows that it leaves out."""
    return list(group(read(data, rules), rules.default_user))


def calls(data: bytes | str, rules: Rules = RULES) -> list[ReplayCall]:
    """The calls of a file whose rows are all taken."""
    items = grouped(data, rules)
    found = [item for item in items if isinstance(item, ReplayCall)]
    assert found == items
    return found


def clock(call: Call, zone: ZoneInfo = NEW_YORK) -> str:
    """Start, answer and end as the phone system's clock showed them: "10:00:00 10:00:05 10:01:00"; "-" for none."""
    times = (call.start_time, call.answer_time, call.end_time)
    return " ".join(f"{time.astimezone(zone):%H:%M:%S}" if time else "-" for time in times)
