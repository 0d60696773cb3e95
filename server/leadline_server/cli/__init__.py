"""The command line. Each command imports what it needs when it runs, so that `leadline --help` is quick."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from leadline_server.cli import account as account_commands
from leadline_server.cli import calls as call_commands
from leadline_server.cli import contacts as contact_commands
from leadline_server.cli import preferences as preference_commands
from leadline_server.cli.adapter_serve import serve_adapter_command
from leadline_server.cli.adapters import adapter
from leadline_server.cli.calls_import import import_calls
from leadline_server.cli.calls_log import log_call
from leadline_server.cli.contacts_import import import_contacts_command
from leadline_server.cli.ledger import ledger

app = typer.Typer(
    name="leadline",
    help="The call-to-CRM gateway: who is calling, and every call in the CRM, once.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
contacts = typer.Typer(help="Contacts: who has a number, who is called so, new ones.", no_args_is_help=True)
calls = typer.Typer(help="Calls, and what became of them.", no_args_is_help=True)
preferences = typer.Typer(help="What leadline may do with a user's calls.", no_args_is_help=True)
account = typer.Typer(help="An account's policy.", no_args_is_help=True)
for name, group in {"contacts": contacts, "calls": calls, "preferences": preferences, "account": account}.items():
    app.add_typer(group, name=name)
app.add_typer(ledger, name="ledger")
app.add_typer(adapter, name="adapter")

contacts.command("find")(contact_commands.find)
contacts.command("search")(contact_commands.search)
contacts.command("create")(contact_commands.create)
contacts.command("import")(import_contacts_command)
calls.command("list")(call_commands.list_calls)
calls.command("show")(call_commands.show)
calls.command("log")(log_call)
calls.command("retry")(call_commands.retry)
calls.command("watch")(call_commands.watch)
calls.command("import")(import_calls)
preferences.command("show")(preference_commands.show)
preferences.command("set")(preference_commands.update)
account.command("show")(account_commands.show)
account.command("set")(account_commands.update)
adapter.command("serve")(serve_adapter_command)


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
