"""admin/v1/audit_service.proto: entries of the audit trail, and what is asked of it."""

import json
from typing import Any, Final

from google.protobuf.timestamp_pb2 import Timestamp
from leadline.admin.v1 import audit_service_pb2 as pb

from leadline_server.domain.audit import AuditAction
from leadline_server.domain.audit_chain import Anchor, ChainedEntry
from leadline_server.ports.ledger import AuditFilter
from leadline_server.wire.violations import Violations

_NAMES: Final = ("action", "actor", "on_behalf_of", "subject", "reason", "call_id")


def filter_of(check: Violations, request: pb.ListAuditEntriesRequest) -> AuditFilter:
    """The filter of a request."""
    action = request.action
    if action and action not in set(AuditAction):
        check.add("action", "Unknown; it must be one such as preferences.updated.")
    start = check.time("start_time", request.start_time) if request.HasField("start_time") else None
    end = check.time("end_time", request.end_time) if request.HasField("end_time") else None
    return AuditFilter(start, end, action)


def entry_message(entry: ChainedEntry) -> pb.AuditEntry:
    """The message of an entry."""
    said: dict[str, Any] = json.loads(entry.document)
    return pb.AuditEntry(
        sequence=entry.sequence,
        time=Timestamp(seconds=entry.time // 1_000_000, nanos=entry.time % 1_000_000 * 1000),
        hash=entry.hash,
        document=entry.document.decode(),
        fields=said.get("fields", ()),
        count=said.get("count", 1),
        **{name: said.get(name, "") for name in _NAMES},
    )


def anchor_message(anchor: Anchor) -> pb.AuditAnchor:
    """The message of an anchor."""
    return pb.AuditAnchor(sequence=anchor.sequence, hash=anchor.hash)
