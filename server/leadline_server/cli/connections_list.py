"""The command `leadline connections list`: what the checks of connections found."""

import json
from typing import TYPE_CHECKING, Annotated, Final

import typer

from leadline_server.cli.exit_codes import fail
from leadline_server.cli.ledger import Config, DataDir, LedgerPath, require_ledger, settings_of

if TYPE_CHECKING:  # importing these would slow the start of every other command
    from datetime import datetime

    from leadline_server.config import Settings
    from leadline_server.domain.accounts import ConnectionCheck

_PAGE: Final = 500


def list_connections(
    config: Config = None,
    data_dir: DataDir = None,
    ledger: LedgerPath = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """List what the checks of connections found: the state, the last success and the last error.

    It reads the ledger, also while a server uses it. An account's own connection is account:ID.

    Exit codes: 0 done, 2 there is no such file, or wrong usage.
    """
    import asyncio

    settings = settings_of(ledger, data_dir, config)
    require_ledger(settings)
    found = [_checked_row(check) for check in asyncio.run(_checks(settings))]
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    elif not found:
        typer.echo("No connection was checked yet.")
    for row in () if as_json else found:
        typer.echo(_checked_line(row))


async def _checks(settings: "Settings") -> "list[ConnectionCheck]":
    from leadline_server.domain.ledger_errors import LedgerUnavailable
    from leadline_server.ledger_opening import open_ledger

    found: list[ConnectionCheck] = []
    try:
        async with open_ledger(settings) as opened:
            while page := await opened.connection_checks.list(found[-1].connection if found else "", _PAGE):
                found += page
    except LedgerUnavailable as error:
        fail([error.message])
    return found


def _checked_row(check: "ConnectionCheck") -> dict[str, str | None]:
    return {
        "connection": check.connection,
        "state": "working" if check.is_working else "failing",
        "checked": check.check_time.isoformat(timespec="seconds"),
        "last_success": _written(check.success_time),
        "last_failure": _written(check.failure_time),
        "last_error": check.error,
    }


def _written(time: "datetime | None") -> str | None:
    return None if time is None else time.isoformat(timespec="seconds")


def _checked_line(row: dict[str, str | None]) -> str:
    from leadline_server.cli.output import printable

    success, error = row["last_success"] or "never", row["last_error"]
    text = f"{row['connection']}  {row['state']}  checked {row['checked']}  last success {success}"
    return printable(f"{text}  last error {row['last_failure']}: {error}" if error else text)
