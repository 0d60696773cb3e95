"""The commands `leadline ingress list` and `check`, about the webhooks of phone systems."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leadline_server.cli.exit_codes import ExitCode, fail
from leadline_server.cli.ledger import require_ledger

if TYPE_CHECKING:  # importing these would slow the start of every other command
    from leadline_server.config import Settings
    from leadline_server.ports.ledger import Quarantine, QuarantinedEvent

_MOST_SHOWN = 100


def list_ingress(
    failed: Annotated[bool, typer.Option("--failed", help="List the events that could not be stored.")] = False,  # noqa: FBT002 - a flag
    account: Annotated[str, typer.Option(metavar="ID", help="Only this account's.")] = "",
    show_bodies: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--bodies", help="With --failed: also print the events themselves. They name people.")
    ] = False,
    data_dir: Annotated[Path | None, typer.Option(metavar="FOLDER", help="The folder of the ledger.")] = None,
    ledger: Annotated[
        str | None, typer.Option("--ledger", metavar="PATH", help="The ledger, as in the server's settings.")
    ] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="A TOML file with settings.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """List the definitions and the routes of the settings; with --failed, the events that could not be stored.

    It reads the settings and the ledger, also while a server uses it. Exit codes: 0 done, 2 wrong usage.
    """
    settings = _settings({"ledger": ledger, "data_dir": data_dir, "config": config})
    rows = _failed(settings, account, show_bodies=show_bodies) if failed else _routes(settings, account)
    if as_json:
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    elif rows:
        _show(rows)
    else:
        typer.echo("No event waits for a person." if failed else "No phone system is configured.")


def check_ingress(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A definition's file, or the name of a shipped one.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Check a definition of a phone system, and print all problems in it.

    Exit codes: 0 the definition is valid, 1 it is not, 2 wrong usage.
    """
    from leadline_server.cli.output import count, printable
    from leadline_server.definitions.problems import BadDefinition
    from leadline_server.ingress.definition_files import load_ingress

    problems: list[str] = []
    try:
        definition = load_ingress(file).definition
    except BadDefinition as error:
        problems = error.problems
    if as_json:
        typer.echo(json.dumps({"definition": file, "problems": problems}, indent=2))
    elif problems:
        typer.echo(printable("\n".join(f"{file}: {problem}" for problem in problems)), err=True)
    else:
        kinds = count(len(definition.kinds), "kind")
        typer.echo(printable(f"{file} is valid: {definition.title}, with {kinds} of events."))
    raise typer.Exit(ExitCode.REFUSED if problems else ExitCode.DONE)


def _settings(flags: Mapping[str, Any]) -> "Settings":
    from leadline_server.config_loading import BadSettings, load_settings

    try:
        return load_settings(flags)
    except BadSettings as error:
        fail(error.problems)


def _routes(settings: "Settings", account: str) -> list[dict[str, Any]]:
    """The shipped definitions without an address, then the routes of the settings with theirs."""
    from leadline_server.ingress.definition_files import load_ingress, shipped_names
    from leadline_server.ingress.routes import load_routes

    shipped = [
        {"definition": name, "title": load_ingress(name).definition.title, "account": "", "address": "", "source": ""}
        for name in shipped_names()
    ]
    routes = [
        {
            "definition": settings.routes[route.account_id][route.name].definition or route.name,
            "title": route.definition.definition.title,
            "account": route.account_id,
            "address": f"{settings.public_url}{route.path}",
            "source": route.source,
        }
        for route in load_routes(settings.routes, settings.public_url).values()
    ]
    return [row for row in (*shipped, *routes) if account in ("", row["account"])]


def _failed(settings: "Settings", account: str, *, show_bodies: bool) -> list[dict[str, Any]]:
    import asyncio

    require_ledger(settings)
    events = asyncio.run(_quarantined(settings, account, show_bodies=show_bodies))
    return [_row(event) | ({"body": body} if show_bodies else {}) for event, body in events]


async def _quarantined(
    settings: "Settings", account: str, *, show_bodies: bool
) -> "list[tuple[QuarantinedEvent, str]]":
    """The events, each with its body if that is wanted."""
    from leadline_server.domain.ledger_errors import LedgerUnavailable
    from leadline_server.ledger_opening import open_ledger

    try:
        async with open_ledger(settings) as ledger:
            events = await ledger.quarantine.list(account, _MOST_SHOWN)
            return [(event, await _body(ledger.quarantine, event) if show_bodies else "") for event in events]
    except LedgerUnavailable as error:
        fail([str(error)])


async def _body(quarantine: "Quarantine", event: "QuarantinedEvent") -> str:
    from leadline_server.domain.ledger_errors import LedgerUnavailable

    try:
        return (await quarantine.document(event.account_id, event.key) or b"").decode(errors="replace")
    except LedgerUnavailable as error:
        return f"({error.message})"


def _row(event: "QuarantinedEvent") -> dict[str, Any]:
    return {
        "received": event.received_at.isoformat(timespec="seconds"),
        "account": event.account_id,
        "route": event.route,
        "reason": event.reason,
    }


def _show(rows: list[dict[str, Any]]) -> None:
    from leadline_server.cli.output import Column, table
    from leadline_server.cli.session import plain_console

    columns = [Column(name.upper()) for name in rows[0]]
    table(plain_console(), columns, [[str(value) for value in row.values()] for row in rows])
