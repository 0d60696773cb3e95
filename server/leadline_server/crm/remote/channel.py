"""The gRPC channel to an adapter."""

import ssl
from pathlib import Path
from typing import Final

import grpc

from leadline_server.crm.remote.settings import RemoteSettings
from leadline_server.domain.errors import CrmUnavailable

MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024

_OPTIONS: Final[tuple[tuple[str, int], ...]] = (
    # What is repeated, leadline decides: a write that gRPC sends again on its own could be done twice.
    ("grpc.enable_retries", 0),
    ("grpc.service_config_disable_resolution", 1),
    # No proxy of the environment: requests go where the settings say.
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_receive_message_length", MAX_ANSWER_BYTES),
    # An adapter that is back is noticed soon.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 2_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # More often than every five minutes many servers take for an attack (gRPC's keepalive guide). It also has the
    # system give up a connection into the void after the timeout.
    ("grpc.keepalive_time_ms", 310_000),
    ("grpc.keepalive_timeout_ms", 20_000),
)
"""Channel arguments (gRPC's grpc_types.h)."""


def open_channel(settings: RemoteSettings) -> grpc.aio.Channel:
    """A channel, which connects when it is first used.

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
    """Whom the system trusts; None where that is not in one file: then it is those that gRPC brings along."""
    paths = ssl.get_default_verify_paths()
    places = [paths.cafile, f"{paths.openssl_capath}/ca-certificates.crt"]
    return next((Path(place).read_bytes() for place in places if place and Path(place).is_file()), None)
