"""The command `leadline connections check`, which asks a CRM whether leadline can work with it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from leadline_server.cli.exit_codes import ExitCode, fail
from leadline_server.cli.ledger import Config, DataDir, LedgerPath, existing, settings_of
from leadline_server.cli.secrets import say_created

if TYPE_CHECKING:  # importing these would slow the start of every other command
    from datetime import datetime

    from leadline_server.config import Settings
    from leadline_server.crm.toolkit.required_fields import FieldReport, RequiredField
    from leadline_server.domain.accounts import ConnectionCheck


_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class CheckedConnection:
    """The result of a check: the report, or the error that ended it."""

    code: ExitCode
    report: "FieldReport"
    problem: str = ""


def check_connection(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The connection: a table [connections.NAME].")],
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="A TOML file with settings.")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="The folder of the embedded ledger and CRM.")
    ] = None,
    ledger: Annotated[
        str | None, typer.Option(metavar="PATH", help="The ledger's file, as in the server's settings.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Check that a CRM answers, and that every field that it requires has a value. Writes nothing to the CRM.

    It may run while a server uses the ledger.

    Exit codes: 0 all is well, 1 a required field has no value, or the CRM refuses, 2 wrong usage, 3 there is no such
    connection, 4 the CRM cannot be reached.
    """
    from leadline_server.config import EMBEDDED, BadSettings, load_settings

    try:
        settings = load_settings({"config": config, "data_dir": data_dir, "ledger": ledger})
    except BadSettings as error:
        fail(error.problems)
    if name not in {EMBEDDED, *settings.connections}:
        known = ", ".join(sorted({EMBEDDED, *settings.connections}))
        fail([f"There is no connection {name}. There are: {known}."], ExitCode.NOT_FOUND)
    import asyncio

    checked = asyncio.run(ask_connection(settings, name))
    _show(name, checked, as_json=as_json)
    raise typer.Exit(checked.code)


def list_connections(
    config: Config = None,
    data_dir: DataDir = None,
    ledger: LedgerPath = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """List what the checks of connections found: the state, the last success and the last error.

    It reads the ledger's file, also while a server uses it. An account's own connection is account:ID.
    Example: leadline connections list --json

    Exit codes: 0 done, 2 there is no such file, or wrong usage.
    """
    import asyncio

    settings = settings_of(ledger, data_dir, config)
    existing(settings.ledger_path)
    found = [_checked_row(check) for check in asyncio.run(_checks(settings))]
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    elif not found:
        typer.echo("No connection was checked yet.")
    for row in () if as_json else found:
        typer.echo(_checked_line(row))


async def _checks(settings: "Settings") -> "list[ConnectionCheck]":
    from leadline_server.domain.errors import LedgerUnavailable
    from leadline_server.ledger.sqlite import open_sqlite_ledger

    found: list[ConnectionCheck] = []
    try:
        async with open_sqlite_ledger(settings.ledger_path) as opened:
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


async def ask_connection(settings: "Settings", name: str) -> CheckedConnection:
    """Check a connection by the settings of the first account that uses it."""
    import uuid

    from leadline_server.account_crms import connection_specs, egress_of
    from leadline_server.accounts.connection_check import MOST_ERROR
    from leadline_server.clock import SystemClock
    from leadline_server.crm.connections import open_connections
    from leadline_server.crm.toolkit.adapter_type import AccountView
    from leadline_server.crm.toolkit.required_fields import FieldReport
    from leadline_server.domain.errors import CrmError, CrmUnavailable, LedgerUnavailable
    from leadline_server.domain.preferences import AccountSettings
    from leadline_server.encryption.settings import keys_of
    from leadline_server.ledger.sqlite import open_sqlite_ledger

    using = [account_id for account_id, account in settings.accounts.items() if account.connection == name]
    specs = {name: connection_specs(settings)[name]}
    try:
        async with (
            open_sqlite_ledger(settings.ledger_path, keys_of(settings, say_created)) as opened,
            open_connections(
                specs,
                lambda _: name,
                opened.tokens,
                settings.data_dir,
                SystemClock(),
                uuid.uuid4().hex,
                egress=egress_of(settings),
            ) as connect,
        ):
            adapter = connect(AccountView(using[0] if using else "check", AccountSettings)).adapter
            try:
                await adapter.check()
                report = await _report(adapter)
            except CrmError as error:
                await opened.connection_checks.record(name, SystemClock().now(), error.message[:MOST_ERROR])
                raise
            await opened.connection_checks.record(name, SystemClock().now(), "")
    except (CrmError, LedgerUnavailable) as error:
        is_unknown = isinstance(error, CrmUnavailable | LedgerUnavailable)
        return CheckedConnection(ExitCode.CANNOT_TELL if is_unknown else ExitCode.REFUSED, FieldReport(), str(error))
    return CheckedConnection(ExitCode.REFUSED if report.missing else ExitCode.DONE, report)


async def _report(adapter: object) -> "FieldReport":
    """The required fields without a value; none where the adapter cannot ask for them."""
    from leadline_server.crm.toolkit.required_fields import FieldReport, TellsRequiredFields

    inner = getattr(adapter, "inner", adapter)  # the adapter itself, below the times of the settings
    return (
        await inner.required_fields()
        if isinstance(inner, TellsRequiredFields)
        else FieldReport(untold=("contacts", "calls"))
    )


def _show(name: str, checked: CheckedConnection, *, as_json: bool) -> None:
    from leadline_server.cli.output import printable

    if as_json:
        missing = [asdict(field) for field in checked.report.missing]
        untold = list(checked.report.untold)
        document = {"connection": name, "problem": checked.problem, "missing": missing, "untold": untold}
        typer.echo(json.dumps(document, indent=2))
        return
    if checked.problem:
        typer.echo(printable(f"leadline: {checked.problem}"), err=True)
        return
    for field in checked.report.missing:
        typer.echo(printable(_sentence(name, field)))
    if checked.report.untold:
        typer.echo(f"The CRM does not tell which fields it requires of {', '.join(checked.report.untold)}.")
    if not checked.report.missing:
        typer.echo(f"Connection {name} works.")
    else:
        typer.echo("Then restart the server, and run: leadline calls retry --state failed")


def _sentence(name: str, field: "RequiredField") -> str:
    label = f" ({field.label})" if field.label and field.label != field.name else ""
    where = f"[connections.{name}.{field.setting}]"
    return f"{field.record}: {field.name}{label} is required and has no value. Set {field.name} in {where}."
