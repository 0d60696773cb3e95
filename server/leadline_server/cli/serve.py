"""The command `leadline serve`."""

import gc
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from leadline_server.cli.exit_codes import fail, fail_if

if TYPE_CHECKING:
    from leadline_server.config import Settings


def serve(  # noqa: PLR0913 a parameter is an option of the command line
    *,
    listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="The address for gRPC; 127.0.0.1:50051 by default.")
    ] = None,
    metrics_listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="The address for /metrics; 127.0.0.1:9464 by default.")
    ] = None,
    http_listen: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT", help="The address for JSON over HTTP; 127.0.0.1:8650 by default; empty: nowhere."
        ),
    ] = None,
    data_dir: Annotated[Path | None, typer.Option(metavar="FOLDER", help="The folder of the ledger.")] = None,
    ledger: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="The ledger, if not in --data-dir: PATH, sqlite:PATH or postgresql://..."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A TOML file with settings, connections and accounts.")
    ] = None,
    log_level: Annotated[
        str | None, typer.Option(metavar="LEVEL", help="The lowest level to log: debug, info, warning or error.")
    ] = None,
    log_format: Annotated[
        str | None, typer.Option(metavar="FORMAT", help="console for people, json for programs.")
    ] = None,
    grace_period: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="The time to finish requests after SIGTERM.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", help="How many processes serve on the same ports; 1 by default.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Check all settings, write nothing, and end.")] = False,
) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Exit codes: 0 stopped, or with --check: the settings are valid; 1 a worker was killed; 2 the server cannot start.
    """
    gc.disable()  # until the server is open, see `tune_garbage_collector`
    from leadline_server.config_loading import BadSettings, load_settings

    flags = {
        "listen": listen,
        "metrics_listen": metrics_listen,
        "http_listen": http_listen,
        "data_dir": data_dir,
        "ledger": ledger,
        "config": config,
        "workers": workers,
        "log_level": log_level,
        "log_format": log_format,
        "grace_period": grace_period,
    }
    try:
        settings = load_settings(flags)
    except BadSettings as error:
        fail(error.problems)
    if check:
        _check_certificate(settings)
        _show_valid(settings)
        return
    if settings.workers > 1:
        _supervise(settings, flags)
    from leadline_server.serving import run

    fail_if(run(settings, typer.echo))


def _supervise(settings: "Settings", flags: Mapping[str, Any]) -> NoReturn:
    """Serve with several processes."""
    from leadline_server.transport.addresses import AddressUnavailable
    from leadline_server.workers.starting import become_supervisor

    try:
        become_supervisor(settings, flags)
    except AddressUnavailable as error:
        fail([str(error)])


def _check_certificate(settings: "Settings") -> None:
    """End the command if the server could not start with the certificate and the key that the settings name."""
    from leadline_server.transport.certificates import UnusableCertificate
    from leadline_server.transport.tls import ServerCertificate

    if settings.tls_files is not None:
        try:
            ServerCertificate(settings.tls_files, settings.tls_min_version)
        except UnusableCertificate as error:
            fail([str(error)])


def _show_valid(settings: "Settings") -> None:
    accounts, connections = len(settings.accounts), len(settings.connections)
    routes = sum(map(len, settings.routes.values()))
    typer.echo(f"The settings are valid. Accounts: {accounts}. Connections: {connections}. Webhook routes: {routes}.")
