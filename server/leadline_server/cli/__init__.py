"""The command line. Each command imports what it needs when it runs, so that `leadline --help` is quick."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from leadline_server.cli.calls_import import import_calls
from leadline_server.cli.contacts_import import import_contacts_command

app = typer.Typer(
    name="leadline",
    help="The call-to-CRM gateway: who is calling, and every call in the CRM, once.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
contacts = typer.Typer(help="Contacts of the embedded CRM.", no_args_is_help=True)
calls = typer.Typer(help="Calls and their logs.", no_args_is_help=True)
app.add_typer(contacts, name="contacts")
app.add_typer(calls, name="calls")
contacts.command("import")(import_contacts_command)
calls.command("import")(import_calls)


@app.callback()
def _group() -> None:
    """The call-to-CRM gateway: who is calling, and every call in the CRM, once."""


@app.command()
def serve(
    listen: Annotated[str | None, typer.Option(help="Where gRPC is served, HOST:PORT.")] = None,
    metrics_listen: Annotated[str | None, typer.Option(help="Where /metrics is served, HOST:PORT.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="The folder of the embedded ledger and CRM.")] = None,
    ledger: Annotated[str | None, typer.Option(help="Where the ledger is: a path or sqlite:PATH.")] = None,
    config: Annotated[Path | None, typer.Option(help="A TOML file with settings and accounts.")] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error.")] = None,
    log_format: Annotated[str | None, typer.Option(help="console or json.")] = None,
    grace_period: Annotated[float | None, typer.Option(help="Seconds to finish in what is in flight.")] = None,
) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    from leadline_server.config import BadSettings, load_settings
    from leadline_server.serving import run

    flags = {
        "listen": listen,
        "metrics_listen": metrics_listen,
        "data_dir": data_dir,
        "ledger": ledger,
        "config": config,
        "log_level": log_level,
        "log_format": log_format,
        "grace_period": grace_period,
    }
    try:
        settings = load_settings(flags)
    except BadSettings as error:
        fail(error.problems)
    fail_if(run(settings, typer.echo))


def fail_if(problem: str | None) -> None:
    """Leave with the problem, if there is one."""
    if problem:
        fail([problem])


def fail(problems: Sequence[str]) -> NoReturn:
    """Print what is wrong, a line each, and leave with status 2."""
    for problem in problems:
        typer.echo(f"leadline: {problem}", err=True)
    raise typer.Exit(2)


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script."""
    app(args=list(sys.argv[1:] if arguments is None else [*arguments, *sys.argv[1:]]))
