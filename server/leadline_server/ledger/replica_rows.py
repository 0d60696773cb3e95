"""Rows of servers, for every ledger."""

import json
from collections.abc import Sequence
from typing import Any

from leadline_server.ledger.codec import from_microseconds
from leadline_server.ports.ledger.replicas import Replica


def replica_of(row: Sequence[Any]) -> Replica:
    """A server: id, name, version, digests of settings, and when it started, by its clock and the ledger's."""
    replica_id, name, version, settings, started, clock, seen = row
    return Replica(
        id=replica_id,
        name=name,
        version=version,
        settings=json.loads(settings),
        start_time=from_microseconds(started),
        clock_time=from_microseconds(clock),
        seen_time=from_microseconds(seen),
    )
