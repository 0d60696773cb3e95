"""The servers that work on one ledger: what each of them runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

KEPT: Final = timedelta(days=1)
"""How long a record of a server that was killed stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """A server, as it recorded itself.

    Attributes:
        id: made new at every start of a process.
        name: its machine and its address for gRPC: `host-a 0.0.0.0:50051`.
        version: of leadline, such as 0.1.0.
        settings: a digest of each setting that all servers should have alike, by the setting's name.
        start_time: when it started.
        clock_time: its own clock when it recorded itself.
        seen_time: the ledger's clock at that moment; None: it is not recorded yet.
    """

    id: str
    name: str
    version: str
    settings: Mapping[str, str] = field(hash=False)
    start_time: datetime
    clock_time: datetime
    seen_time: datetime | None = None


class Replicas(Protocol):
    """The records of servers. The obligations of `ports.ledger` hold."""

    async def record(self, replica: Replica) -> None:
        """Keep the record of a server, with the ledger's time. Drop its older one, and those older than KEPT."""
        ...

    async def forget(self, replica_id: str) -> None:
        """Drop the record of a server that stops; do nothing if there is none."""
        ...

    async def all(self) -> Sequence[Replica]:
        """All records, by name."""
        ...
