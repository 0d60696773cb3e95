"""One call of a file of call detail records."""

from leadline_server.domain.call import CallDirection
from leadline_server.replay.detection import RecordFormat
from leadline_server.replay.records import Record
from support.call_records import records

INBOUND, OUTBOUND = CallDirection.INBOUND, CallDirection.OUTBOUND


def one(data: bytes | str, record_format: RecordFormat = RecordFormat.AUTO) -> Record:
    (found,) = records(data, record_format=record_format)
    return found
