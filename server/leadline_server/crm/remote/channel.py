"""The gRPC channel to an adapter."""

import ssl
from pathlib import Path
from typing import Final

import grpc

from leadline_server.crm.egress import Egress
from leadline_server.crm.remote.settings import RemoteSettings, split_address
from leadline_server.domain.crm_errors import CrmUnavailable

MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024
"""The most bytes of an adapter's answer. Lookups have a smaller bound."""

_OPTIONS: Final[tuple[tuple[str, int], ...]] = (
    # leadline itself repeats calls. A write that gRPC repeats could be done twice.
    ("grpc.enable_retries", 0),
    ("grpc.service_config_disable_resolution", 1),
    ("grpc.max_receive_message_length", MAX_ANSWER_BYTES),
    # Reconnect soon after the adapter is back.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 2_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # Many servers refuse pings more often than every five minutes (gRPC's keepalive guide). The timeout also closes a
    # connection whose peer no longer answers.
    ("grpc.keepalive_time_ms", 310_000),
    ("grpc.keepalive_timeout_ms", 20_000),
)
"""Channel arguments (gRPC's grpc_types.h)."""


def open_channel(settings: RemoteSettings, egress: Egress | None = None, checked_host: str = "") -> grpc.aio.Channel:
    """A channel. It connects at the first call.

    Args:
        settings: the settings of the connection.
        egress: the proxy and the root certificates of all connections.
        checked_host: the address to connect to instead of the host in the settings, which was checked.

    Raises:
        CrmUnavailable: a file that the settings name cannot be used.
    """
    egress = egress or Egress()
    host, port = split_address(settings.address)
    address = f"{_in_address(checked_host)}:{port}" if checked_host else settings.address
    options = (*_OPTIONS, *_proxy(egress), ("grpc.default_authority", host))
    if not settings.is_encrypted:
        return grpc.aio.insecure_channel(address, options=options)
    try:
        ca = settings.ca or egress.ca
        roots = ca.read_bytes() if ca else _system_roots()
        chain = settings.client_certificate.read_bytes() if settings.client_certificate else None
    except OSError as error:
        raise CrmUnavailable(f"{error.filename} cannot be read ({error.strerror}).") from error
    key = settings.client_key.get_secret_value().encode() if settings.client_key else None
    named = settings.server_name or (host if checked_host else "")
    name = (("grpc.ssl_target_name_override", named),) if named else ()
    credentials = grpc.ssl_channel_credentials(roots, key, chain)
    return grpc.aio.secure_channel(address, credentials, options=(*options, *name))


def _in_address(host: str) -> str:
    """An IP address as it stands before a port. gRPC refuses brackets around one without colons."""
    return f"[{host}]" if ":" in host else host


def _proxy(egress: Egress) -> tuple[tuple[str, int | str], ...]:
    """The administrator's proxy, and never one of the environment. Of an argument that comes twice, gRPC takes one."""
    if not egress.proxy:
        return (("grpc.enable_http_proxy", 0),)
    return (("grpc.enable_http_proxy", 1), ("grpc.http_proxy", egress.proxy))


def _system_roots() -> bytes | None:
    """The system's root certificates; None if they are not in one file. gRPC then uses its own."""
    paths = ssl.get_default_verify_paths()
    files = [paths.cafile, f"{paths.openssl_capath}/ca-certificates.crt"]
    return next((Path(file).read_bytes() for file in files if file and Path(file).is_file()), None)
