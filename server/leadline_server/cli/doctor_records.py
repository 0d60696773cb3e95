"""Checks of `leadline doctor` about what a server records and sends: the audit trail, and traces."""

from typing import TYPE_CHECKING, Final

from leadline_server.cli.diagnosis import Diagnosis

if TYPE_CHECKING:
    from leadline_server.config import Settings

_WAITING_SECONDS: Final = 60
_CONNECT_SECONDS: Final = 2.0
_OTLP_PORT: Final = 4317


def check_audit(settings: "Settings") -> Diagnosis:
    """Entries that wait long for their place in a chain show that no server works on the ledger, or that it fails."""
    import sqlite3
    import time

    from leadline_server.storage.read_only import read_only

    if not settings.ledger_path.exists():
        return Diagnosis("audit", "ok", "there is no ledger yet")
    since = (time.time() - _WAITING_SECONDS) * 1_000_000
    query = "SELECT count(*), coalesce(sum(hash IS NULL AND time < ?), 0) FROM audit"
    try:
        with read_only(settings.ledger_path) as connection:
            [(entries, waiting)] = connection.execute(query, (since,)).fetchall()
    except (sqlite3.Error, OSError) as error:
        return Diagnosis("audit", "problem", f"the audit trail cannot be read: {error}", "Run: leadline ledger check")
    return waiting_entries(entries, waiting)


def waiting_entries(entries: int, waiting: int) -> Diagnosis:
    """The finding about an audit trail with so many entries, of which some wait long."""
    if waiting:
        action = "Start a server. If one runs, look for `audit trail not chained` in its log."
        return Diagnosis("audit", "warning", f"{waiting:,} entries wait for their place in a chain", action)
    return Diagnosis("audit", "ok", f"{entries:,} entries; leadline audit verify checks them")


def check_traces(settings: "Settings") -> Diagnosis:
    """Whether the packages are there, and whether anything listens where traces go."""
    import socket
    from importlib.util import find_spec
    from urllib.parse import urlsplit

    if not settings.otlp_endpoint:
        return Diagnosis("traces", "ok", "off")
    if find_spec("opentelemetry.sdk") is None or find_spec("opentelemetry.exporter") is None:
        return Diagnosis("traces", "problem", "packages are missing", "Install leadline[otel], or empty otlp_endpoint.")
    address = urlsplit(settings.otlp_endpoint)
    host, port = address.hostname or "", address.port or _OTLP_PORT
    try:
        socket.create_connection((host, port), _CONNECT_SECONDS).close()
    except OSError as error:
        found = f"{host}:{port} does not answer: {error.strerror or error}"
        return Diagnosis("traces", "warning", found, "Start the receiver; until then traces are dropped.")
    return Diagnosis("traces", "ok", f"{host}:{port} answers")
