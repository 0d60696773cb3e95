"""The command `leadline connections check`, which asks a CRM whether leadline can work with it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leadline_server.cli.exit_codes import ExitCode, fail
from leadline_server.cli.secrets import say_created

if TYPE_CHECKING:  # importing these would slow the start of every other command
    from leadline_server.config import Settings
    from leadline_server.crm.connections import AccountCrm
    from leadline_server.crm.toolkit.required_fields import FieldReport, RequiredField
    from leadline_server.domain.preferences import AccountSettings
    from leadline_server.ports.crm import CrmAdapter


@dataclass(frozen=True, slots=True)
class CheckedConnection:
    """The result of a check: the report, or the error that ended it."""

    code: ExitCode
    report: "FieldReport"
    problem: str = ""


def check_connection(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The connection: a table [connections.NAME].")],
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="A TOML file with settings.")] = None,
    data_dir: Annotated[Path | None, typer.Option(metavar="FOLDER", help="The folder of the ledger.")] = None,
    ledger: Annotated[str | None, typer.Option(metavar="PATH", help="The ledger, as in the server's settings.")] = None,
    *,
    assumptions: Annotated[
        bool, typer.Option("--assumptions", help="Then try what leadline assumes of this CRM. Asks before it writes.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; for --assumptions.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Check that a CRM answers, and that every field that it requires has a value. Writes nothing to the CRM.

    With --assumptions it then creates contacts and calls that are marked as a test, looks whether the CRM does what
    leadline assumes, and removes them. It may run while a server uses the ledger.

    Exit codes: 0 all is well, 1 a required field has no value, the CRM refuses, or an assumption does not hold, 2 wrong
    usage, 3 there is no such connection, 4 the CRM cannot be reached.
    """
    from leadline_server.config_loading import BadSettings, load_settings
    from leadline_server.config_tables import EMBEDDED

    try:
        settings = load_settings({"config": config, "data_dir": data_dir, "ledger": ledger})
    except BadSettings as error:
        fail(error.problems)
    if name not in {EMBEDDED, *settings.connections}:
        known = ", ".join(sorted({EMBEDDED, *settings.connections}))
        fail([f"There is no connection {name}. There are: {known}."], ExitCode.NOT_FOUND)
    import asyncio

    checked = asyncio.run(ask_connection(settings, name))
    is_tried = assumptions and not checked.problem
    if not (is_tried and as_json):
        _show(name, checked, as_json=as_json)
    if not is_tried:
        raise typer.Exit(checked.code)
    from leadline_server.cli.connection_assumptions import try_assumptions

    raise typer.Exit(
        max(checked.code, try_assumptions(name, opened_connection(settings, name), is_sure=yes, as_json=as_json))
    )


@asynccontextmanager
async def opened_connection(settings: "Settings", name: str) -> AsyncIterator[tuple["AccountCrm", "AccountSettings"]]:
    """The adapter of a connection for the first account that uses it, and that account's settings.

    Raises CrmError or LedgerUnavailable.
    """
    import uuid

    from leadline_server.account_crms import connection_specs, egress_of
    from leadline_server.clock import SystemClock
    from leadline_server.crm.connections import open_connections
    from leadline_server.crm.toolkit.adapter_type import AccountView
    from leadline_server.domain.account_errors import AccountNotFound
    from leadline_server.domain.preferences import AccountSettings
    from leadline_server.encryption.settings import keys_of
    from leadline_server.ledger_opening import open_ledger

    using = [account_id for account_id, account in settings.accounts.items() if account.connection == name]
    account_id = using[0] if using else "check"
    specs = {name: connection_specs(settings)[name]}
    async with (
        open_ledger(settings, keys=keys_of(settings, say_created)) as opened,
        open_connections(
            specs,
            lambda _: name,
            opened,
            settings.data_dir,
            SystemClock(),
            uuid.uuid4().hex,
            egress=egress_of(settings),
        ) as connect,
    ):
        try:
            account = await opened.accounts.get(account_id)
        except AccountNotFound:  # the server has not started with this account yet
            begin = settings.accounts.get(account_id)
            account = AccountSettings(default_region=begin.default_region) if begin else AccountSettings()
        yield connect(AccountView(account_id, lambda: account)), account


async def ask_connection(settings: "Settings", name: str) -> CheckedConnection:
    """Check a connection by the settings of the first account that uses it."""
    from leadline_server.crm.toolkit.required_fields import FieldReport
    from leadline_server.domain.crm_errors import CrmError, CrmUnavailable
    from leadline_server.domain.ledger_errors import LedgerUnavailable

    try:
        async with opened_connection(settings, name) as (crm, _):
            report = await _kept(settings, name, crm.adapter)
    except (CrmError, LedgerUnavailable) as error:
        is_unknown = isinstance(error, CrmUnavailable | LedgerUnavailable)
        return CheckedConnection(ExitCode.CANNOT_TELL if is_unknown else ExitCode.REFUSED, FieldReport(), str(error))
    return CheckedConnection(ExitCode.REFUSED if report.missing else ExitCode.DONE, report)


async def _kept(settings: "Settings", name: str, adapter: "CrmAdapter") -> "FieldReport":
    """Ask the CRM, and keep the result for `leadline connections list`. Raises CrmError."""
    from leadline_server.accounts.connection_check import MOST_ERROR
    from leadline_server.clock import SystemClock
    from leadline_server.domain.crm_errors import CrmError
    from leadline_server.ledger_opening import open_ledger

    problem = ""
    try:
        await adapter.check()
        return await _report(adapter)
    except CrmError as error:
        problem = error.message[:MOST_ERROR]
        raise
    finally:
        async with open_ledger(settings) as ledger:
            await ledger.connection_checks.record(name, SystemClock().now(), problem)


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
