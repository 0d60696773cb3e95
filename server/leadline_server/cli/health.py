"""The command `leadline health`: one request of grpc.health.v1, for probes of containers and service managers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from leadline_server.cli.exit_codes import ExitCode, fail
from leadline_server.domain.loopback import own_host

if TYPE_CHECKING:
    import grpc

    from leadline_server.config import Settings

_CHECK: Final = "/grpc.health.v1.Health/Check"


def health(
    listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="The server's address for gRPC; by default as for serve.")
    ] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="The server's TOML file.")] = None,
    tls_cert: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The certificate to show if the server needs one; else the server's own."),
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="The key of --tls-cert, in PEM.")] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for an answer.")] = 3.0,
) -> None:
    """Ask the server of this machine whether it accepts calls. It needs no credential.

    Give it the server's options and environment. It trusts only the certificate that the settings name.

    Exit codes: 0 SERVING; 1 it does not serve, or does not answer; 2 the settings cannot be used.
    """
    from leadline_server.config_loading import BadSettings, load_settings

    try:
        settings = load_settings({"listen": listen, "config": config})
        channel = _channel(settings, tls_cert, tls_key)
    except BadSettings as error:
        fail(error.problems)
    except (OSError, ValueError) as error:
        fail([f"The certificate cannot be used: {error}"])
    with channel:
        state = _state(channel, timeout)
    typer.echo(state)
    raise typer.Exit(ExitCode.DONE if state == "SERVING" else ExitCode.REFUSED)


def _state(channel: "grpc.Channel", timeout: float) -> str:
    """The answer, such as SERVING; or why there is none."""
    import grpc
    from grpc_health.v1.health_pb2 import HealthCheckResponse

    check: Any = channel.unary_unary(_CHECK, response_deserializer=HealthCheckResponse.FromString)
    try:
        return str(HealthCheckResponse.ServingStatus.Name(check(b"", timeout=timeout).status))
    except grpc.RpcError as error:
        call: Any = error
        return f"no answer: {call.code().name}: {call.details()}"


def _channel(settings: "Settings", certificate: Path | None, key: Path | None) -> "grpc.Channel":
    """A channel to the server.

    Raises:
        OSError: a file cannot be read.
        ValueError: a certificate is not PEM, or has no name.
    """
    import grpc

    host, _, port = settings.listen.rpartition(":")
    target = f"{own_host(host)}:{port}"
    files = settings.tls_files
    if files is None:
        return grpc.insecure_channel(target)
    own = files.certificate.read_bytes()
    shown, its_key = (None, None)
    if files.client_ca is not None:
        shown, its_key = (certificate or files.certificate).read_bytes(), (key or files.key).read_bytes()
    credentials = grpc.ssl_channel_credentials(own, its_key, shown)
    return grpc.secure_channel(target, credentials, [("grpc.ssl_target_name_override", _name(own))])


def _name(pem: bytes) -> str:
    """A name that a certificate is for."""
    from cryptography import x509

    certificate = x509.load_pem_x509_certificates(pem)[0]
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound as error:
        raise ValueError("it has no name in subjectAltName") from error
    usable = [str(name.value) for name in names if isinstance(name, (x509.DNSName, x509.IPAddress))]
    if not usable:
        raise ValueError("it has no DNS name or address in subjectAltName")
    return usable[0].replace("*", "leadline", 1)
