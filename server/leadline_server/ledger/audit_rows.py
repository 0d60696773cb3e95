"""Which entries of the audit trail fit a filter, for every ledger."""

import json
from typing import Final

from leadline_server.domain.audit_chain import ChainedEntry
from leadline_server.ledger.codec import to_microseconds
from leadline_server.ports.ledger.audit import AuditFilter

LOOKED_AT: Final = 2_000
"""Entries that one question looks at; reading them takes some milliseconds."""


def fits(entry: ChainedEntry, among: AuditFilter) -> bool:
    """Whether an entry is wanted."""
    if among.start is not None and entry.time < to_microseconds(among.start):
        return False
    if among.end is not None and entry.time >= to_microseconds(among.end):
        return False
    return not among.action or json.loads(entry.document)["action"] == among.action
