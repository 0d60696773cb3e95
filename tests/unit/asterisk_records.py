"""Rows of an Asterisk call detail record file, and what they are read as."""

import csv
import io

from leadline_server.replay.detection import RecordFormat
from leadline_server.replay.files import RecordFile
from leadline_server.replay.records import NoRecord, Record, Row
from leadline_server.replay.rules import Rules

RULES = Rules(users={"101": "alice", "102": "bob"}, inbound_contexts=("house",))

BASE = {
    "accountcode": "",
    "src": "2125550123",
    "dst": "101",
    "dcontext": "default",
    "clid": '"Ada Example" <2125550123>',
    "channel": "PJSIP/trunk-00000001",
    "dstchannel": "PJSIP/101-00000002",
    "lastapp": "Dial",
    "lastdata": "PJSIP/101,25",
    "start": "2026-11-04 10:00:00",
    "answer": "2026-11-04 10:00:05",
    "end": "2026-11-04 10:01:05",
    "duration": "65",
    "billsec": "60",
    "disposition": "ANSWERED",
    "amaflags": "DOCUMENTATION",
}
UNIQUE_ID = "1793786400.17"
FROM_101 = {
    "src": "101",
    "clid": '"Alice" <101>',
    "channel": "PJSIP/101-00000001",
    "dstchannel": "PJSIP/trunk-00000002",
}


def line(*extra: str, **columns: str) -> str:
    stream = io.StringIO()
    csv.writer(stream).writerow([*{**BASE, **columns}.values(), *extra])
    return stream.getvalue()


def read_all(text: str, rules: Rules = RULES) -> list[Row]:
    file = RecordFile(io.BytesIO(text.encode()), RecordFormat.ASTERISK)
    return [row for row in file.rows(rules) if not isinstance(row, NoRecord)]


def read(text: str, rules: Rules = RULES) -> Row:
    rows = read_all(text, rules)
    assert len(rows) == 1
    return rows[0]


def record(*extra: str, **columns: str) -> Record:
    row = read(line(*extra or (UNIQUE_ID, ""), **columns))
    assert isinstance(row, Record), row
    return row
