"""Records this server in the ledger while it runs, so that `leadline doctor` can compare all servers of a ledger."""

import asyncio
import hashlib
import json
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import version
from typing import Any, Final

from leadline_server.clock import Clock
from leadline_server.config import Settings
from leadline_server.config_tables import ConnectionTable
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.ports.ledger import Replica, Replicas

RECORD_SECONDS: Final = 30.0
"""How often a server records itself."""

_OWN: Final = frozenset(
    {
        "config",
        "data_dir",
        "egress_proxy",
        "http_listen",
        "ledger",
        "ledger_direct",
        "ledger_password_file",
        "listen",
        "log_format",
        "log_level",
        "metrics_listen",
        "secrets_key",
        "secrets_key_command",
        "secrets_key_file",
        "tls_certificate",
        "tls_key",
    }
)
"""Settings that each server may have for itself, and secrets."""


class ReplicaRecorder:
    """Records one server again and again."""

    def __init__(self, replicas: Replicas, replica: Replica, clock: Clock) -> None:
        self._replicas = replicas
        self._replica = replica
        self._clock = clock

    async def run(self) -> None:
        """Record the server until cancelled. A failure shows in `leadline doctor`: the record gets old."""
        while True:
            with suppress(LedgerUnavailable):
                await self._replicas.record(replace(self._replica, clock_time=self._clock.now()))
            await asyncio.sleep(RECORD_SECONDS)

    async def finish(self) -> None:
        """Drop the record."""
        with suppress(LedgerUnavailable):
            await self._replicas.forget(self._replica.id)


def replica_of(settings: Settings, process_id: str, clock: Clock) -> Replica:
    """This server."""
    now = clock.now()
    return Replica(
        id=process_id,
        name=f"{socket.gethostname()} {settings.listen}",
        version=version("leadline"),
        settings=settings_digests(settings),
        start_time=now,
        clock_time=now,
    )


def settings_digests(settings: Settings) -> Mapping[str, str]:
    """A digest of each setting that all servers should have alike, such as `{"keep_calls_days": "9f3c01ab"}`.

    Secrets do not go into it: the ledger must not help to guess them. Two servers with other passwords look alike.
    """
    values = settings.model_dump(mode="json", exclude={*_OWN, "connections"})
    values["connections"] = {name: _shown(table) for name, table in settings.connections.items()}
    return {name: _digest(value) for name, value in values.items()}


def _shown(table: ConnectionTable) -> Any:
    """A connection without its secrets."""
    from leadline_server.crm.adapter_registry import adapter_type

    options = adapter_type(table.adapter).settings.model_validate(table.options)
    return [table.adapter, table.search_lag_seconds, table.settle_seconds, options.model_dump(mode="json")]


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:8]
