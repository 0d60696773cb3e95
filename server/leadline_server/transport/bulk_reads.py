"""Notes bulk reads in the audit trail: who read how many records by which RPC. Other RPCs do not pass here."""

from collections.abc import Callable
from typing import Any, Final

from leadline_server.audit.acting import acting
from leadline_server.audit.observations import Observations
from leadline_server.domain.audit import AuditAction, AuditEvent

BULK_READS: Final = {
    "ListCallLogs": "call_logs",
    "ListCrmUsers": "crm_users",
    "ListPlaceholders": "placeholders",
    "ListUsers": "users",
    "SearchContacts": "contacts",
    "WatchCallLogs": "",
}
"""The RPCs that read many records, and the field that has them; empty: the stream is noted, not its records."""

Note = Callable[[Any, Any], None]
"""Takes the request and its first response."""


def note_of(rpc: str, observations: Observations | None) -> Note | None:
    """How calls of an RPC are noted; None: they are not."""
    if observations is None or rpc not in BULK_READS:
        return None
    field = BULK_READS[rpc]

    def note(request: Any, response: Any) -> None:
        count = len(getattr(response, field)) if field else 1
        if count:
            by = acting().acting_for(getattr(request, "user_id", ""))
            observations.note(AuditEvent.of(by, request.account_id, AuditAction.READ_IN_BULK, rpc), count)

    return note
