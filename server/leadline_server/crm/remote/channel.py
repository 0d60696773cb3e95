"""The gRPC channel to an adapter."""

import ssl
from pathlib import Path
from typing import Final

import grpc

from leadline_server.crm.remote.settings import RemoteSettings
from leadline_server.domain.errors import CrmUnavailable

MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024
"""The most bytes of an adapter's answer. Lookups have a smaller bound."""

_OPTIONS: Final[tuple[tuple[str, int], ...]] = (
    # leadline itself repeats calls. A write that gRPC repeats could be done twice.
    ("grpc.enable_retries", 0),
    ("grpc.service_config_disable_resolution", 1),
    # No proxy from the environment: calls go to the address in the settings.
    ("grpc.enable_http_proxy", 0),
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


def open_channel(settings: RemoteSettings) -> grpc.aio.Channel:
    """A channel. It connects at the first call.

    Raises:
        CrmUnavailable: a file that the settings name cannot be used.
    """
    if not settings.is_encrypted:
        return grpc.aio.insecure_channel(settings.address, options=_OPTIONS)
    try:
        roots = settings.ca.read_bytes() if settings.ca else _system_roots()
        chain = settings.client_certificate.read_bytes() if settings.client_certificate else None
    except OSError as error:
        raise CrmUnavailable(f"{error.filename} cannot be read ({error.strerror}).") from error
    key = settings.client_key.get_secret_value().encode() if settings.client_key else None
    name = (("grpc.ssl_target_name_override", settings.server_name),) if settings.server_name else ()
    credentials = grpc.ssl_channel_credentials(roots, key, chain)
    return grpc.aio.secure_channel(settings.address, credentials, options=(*_OPTIONS, *name))


def _system_roots() -> bytes | None:
    """The system's root certificates; None if they are not in one file. gRPC then uses its own."""
    paths = ssl.get_default_verify_paths()
    files = [paths.cafile, f"{paths.openssl_capath}/ca-certificates.crt"]
    return next((Path(file).read_bytes() for file in files if file and Path(file).is_file()), None)
