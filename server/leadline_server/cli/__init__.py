"""The command line. Each command imports its modules when it runs, so that `leadline --help` is quick."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final

import typer

from leadline_server.cli import (
    account,
    account_admin,
    adapters,
    audit,
    calls,
    connections,
    contacts,
    context,
    ingress,
    keys,
    ledger,
    placeholders,
    preferences,
    secrets,
    users,
    users_match,
)
from leadline_server.cli.adapter_serve import serve_adapter_command
from leadline_server.cli.adapter_suite import run_suite
from leadline_server.cli.adapter_try import try_definition
from leadline_server.cli.audit_remote import list_audit
from leadline_server.cli.backup import backup
from leadline_server.cli.calls_import import import_calls
from leadline_server.cli.calls_log import log_call
from leadline_server.cli.connections_connect import connect_connection
from leadline_server.cli.connections_list import list_connections
from leadline_server.cli.contacts_import import import_contacts_command
from leadline_server.cli.doctor import doctor
from leadline_server.cli.examples import epilog
from leadline_server.cli.health import health
from leadline_server.cli.help_text import WIDTH, PlainCommand, PlainGroup
from leadline_server.cli.ingress_try import try_ingress
from leadline_server.cli.keys_bootstrap import bootstrap
from leadline_server.cli.ledger_copy import copy_ledger
from leadline_server.cli.listen import listen_asterisk, listen_freeswitch
from leadline_server.cli.restore import restore
from leadline_server.cli.ring import ring
from leadline_server.cli.serve import serve

_PURPOSE: Final = "Find the contacts of calls, and log each call in the CRM once."

_GROUPS: Final[Mapping[str, tuple[str, Mapping[str, Callable[..., None]]]]] = {
    "contacts": (
        "Find, search, create and import contacts.",
        {
            "find": contacts.find,
            "search": contacts.search,
            "create": contacts.create,
            "import": import_contacts_command,
        },
    ),
    "calls": (
        "List, show, report, retry, watch and import calls.",
        {
            "list": calls.list_calls,
            "show": calls.show,
            "log": log_call,
            "retry": calls.retry,
            "watch": calls.watch,
            "import": import_calls,
        },
    ),
    "placeholders": (
        "List the placeholders that calls created, and remove untouched ones.",
        {"list": placeholders.list_placeholders, "undo": placeholders.undo},
    ),
    "preferences": (
        "Show and set what leadline does with a user's calls.",
        {"show": preferences.show, "set": preferences.update},
    ),
    "account": (
        "Create, disable, export and delete accounts; show and set an account's region, time zone, defaults and locks.",
        {
            "show": account.show,
            "set": account.update,
            "create": account_admin.create,
            "get": account_admin.get,
            "list": account_admin.list_accounts,
            "update": account_admin.update,
            "disable": account_admin.disable,
            "delete": account_admin.delete,
            "export": account_admin.export,
        },
    ),
    "users": (
        "List, set, delete, import and match the users of the directory.",
        {
            "list": users.list_users,
            "set": users.set_user,
            "delete": users.delete_user,
            "import": users.import_users,
            "match": users_match.match_users,
        },
    ),
    "keys": (
        "Issue, list, rotate and revoke API keys; deny JWTs.",
        {
            "bootstrap": bootstrap,
            "issue": keys.issue,
            "list": keys.list_keys,
            "rotate": keys.rotate,
            "revoke": keys.revoke,
            "deny": keys.deny,
        },
    ),
    "context": (
        "Name servers, with their accounts, keys and certificates, and choose one.",
        {
            "list": context.list_contexts,
            "use": context.use_context,
            "set": context.set_context,
            "delete": context.delete_context,
        },
    ),
    "ledger": (
        "Check the ledger's file, show its version, and copy the ledger to another database.",
        {"check": ledger.check, "version": ledger.version, "copy": copy_ledger},
    ),
    "audit": (
        "List, export and verify the record of who changed what.",
        {"list": list_audit, "export": audit.export, "verify": audit.verify},
    ),
    "connections": (
        "Check connections to CRMs, and grant leadline access to them.",
        {
            "check": connections.check_connection,
            "connect": connect_connection,
            "list": list_connections,
        },
    ),
    "secrets": (
        "Rotate and list the keys that encrypt what the ledger keeps secret.",
        {"rotate": secrets.rotate, "generate": secrets.generate, "list": secrets.list_keys},
    ),
    "adapter": (
        "List CRM adapters; check, try and serve them.",
        {
            "list": adapters.list_adapters,
            "check": adapters.check_definition,
            "try": try_definition,
            "test": run_suite,
            "serve": serve_adapter_command,
        },
    ),
    "listen": (
        "Report the calls of a phone system as they happen.",
        {"asterisk": listen_asterisk, "freeswitch": listen_freeswitch},
    ),
    "ingress": (
        "List, check and try the definitions of phone systems that report calls by webhooks.",
        {"list": ingress.list_ingress, "check": ingress.check_ingress, "try": try_ingress},
    ),
}


def _group(purpose: str) -> typer.Typer:
    return typer.Typer(
        name="leadline",
        help=purpose,
        cls=PlainGroup,
        context_settings=dict(WIDTH),
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )


def _add(group: typer.Typer, path: str, command: Callable[..., Any]) -> None:
    """Add a command, such as `calls list`, to its group."""
    name = path.rsplit(maxsplit=1)[-1]
    group.command(name, cls=PlainCommand, context_settings=dict(WIDTH), epilog=epilog(path))(command)


def _program() -> typer.Typer:
    program = _group(_PURPOSE)
    program.callback()(_version_option)
    _add(program, "serve", serve)
    _add(program, "doctor", doctor)
    _add(program, "health", health)
    _add(program, "ring", ring)
    _add(program, "backup", backup)
    _add(program, "restore", restore)
    for name, (purpose, commands) in _GROUPS.items():
        group = _group(purpose)
        for word, command in commands.items():
            _add(group, f"{name} {word}", command)
        program.add_typer(group, name=name)
    return program


def _print_version(is_wanted: bool) -> None:  # noqa: FBT001 - typer calls it with the flag
    if is_wanted:
        from importlib.metadata import version

        typer.echo(f"leadline {version('leadline')}")
        raise typer.Exit


def _version_option(
    version: Annotated[  # noqa: FBT002 - its callback prints the version
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


app: Final = _program()


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script."""
    try:
        app(args=list(sys.argv[1:] if arguments is None else [*arguments, *sys.argv[1:]]))
    except Exception as error:
        from leadline_server.cli.exit_codes import fail
        from leadline_server.config_values import LedgerInPostgres

        if not isinstance(error, LedgerInPostgres):
            raise
        fail([str(error)])
