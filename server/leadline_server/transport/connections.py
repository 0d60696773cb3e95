"""How many connections a process has, and how long they stay open."""

import resource
from dataclasses import dataclass
from typing import Final

MOST_DESCRIPTORS: Final = 65_536
RESERVED_DESCRIPTORS: Final = 256
"""Descriptors for everything but callers' connections: /healthz and /metrics, databases, CRMs, logs."""

_HTTP_MOST: Final = 1_000
_HTTP_SHARE: Final = 4
"""One of so many connections may be one of the HTTP port; the others are gRPC's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """The connections of one process.

    Attributes:
        grpc: how many gRPC connections may be open; further ones are closed at once.
        http: the same for the HTTP port.
        age_seconds: how long a gRPC connection stays open. Then clients open another, without losing a call.
        age_grace_seconds: how long calls may then go on. A longer watch ends, and goes on from its token.
        shares_ports: whether other workers of the same server listen on the same ports.
    """

    grpc: int = 10_000
    http: int = _HTTP_MOST
    age_seconds: float = 3600.0
    age_grace_seconds: float = 60.0
    shares_ports: bool = False

    @property
    def options(self) -> tuple[tuple[str, int], ...]:
        """GRPC's channel arguments (channel_arg_names.h)."""
        age = int(self.age_seconds * 1000)
        ages = (("grpc.max_connection_age_ms", age), ("grpc.max_connection_age_grace_ms", _ms(self.age_grace_seconds)))
        return (
            # A taken port is an error. Otherwise two servers on one port would share the calls without a warning.
            ("grpc.so_reuseport", int(self.shares_ports)),
            ("grpc.max_allowed_incoming_connections", self.grpc),
            *(ages if age else ()),
        )


def connection_limits(most: int, age_seconds: float, *, shares_ports: bool = False) -> ConnectionLimits:
    """The limits of a process with `most` gRPC connections by its settings, as far as its descriptors suffice."""
    free = max(8, raise_descriptors() - RESERVED_DESCRIPTORS)
    http = min(_HTTP_MOST, free // _HTTP_SHARE)
    grpc = min(most, free - http)
    return ConnectionLimits(grpc=grpc, http=http, age_seconds=age_seconds, shares_ports=shares_ports)


def raise_descriptors() -> int:
    """Raise the soft limit of open files to the hard one (setrlimit(2)). Returns the limit in force."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return MOST_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
