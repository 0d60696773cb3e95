"""`leadline connections check NAME --assumptions`: tries with the real CRM what leadline assumes of it."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from leadline_server.cli.exit_codes import ExitCode

if TYPE_CHECKING:  # importing these would slow the start of every other command
    from contextlib import AbstractAsyncContextManager

    from leadline_server.crm.assumptions.findings import TrialReport, TriedAssumption
    from leadline_server.crm.connections import AccountCrm
    from leadline_server.domain.preferences import AccountSettings

    OpenedConnection = AbstractAsyncContextManager[tuple[AccountCrm, AccountSettings]]

_WIDTH = 14  # of the verdict


def try_assumptions(name: str, opening: "OpenedConnection", *, is_sure: bool, as_json: bool) -> ExitCode:
    """Ask, try, and show what was found. Returns the exit code.

    Args:
        name: the connection.
        opening: opens its adapter and the settings of an account that uses it.
        is_sure: whether not to ask.
        as_json: whether to print JSON.
    """
    import asyncio

    from leadline_server.domain.crm_errors import CrmError
    from leadline_server.domain.ledger_errors import LedgerUnavailable

    try:
        return asyncio.run(_tried(name, opening, is_sure=is_sure, as_json=as_json))
    except (CrmError, LedgerUnavailable) as error:
        typer.echo(f"leadline: {error}", err=True)
        return ExitCode.CANNOT_TELL


async def _tried(name: str, opening: "OpenedConnection", *, is_sure: bool, as_json: bool) -> ExitCode:
    from leadline_server.crm.assumptions.running import run_trial

    async with opening as (crm, account):
        if not crm.is_remote:
            typer.echo("leadline keeps this CRM itself, and assumes nothing of it.", err=as_json)
            return ExitCode.DONE
        adapter = crm.adapter
        inner = getattr(adapter, "inner", adapter)
        if not is_sure:
            typer.confirm(_question(name, can_delete=adapter.capabilities.deletes_contacts), abort=True, err=True)
        report = await run_trial(adapter, inner, account)
    _show(name, report, as_json=as_json)
    return ExitCode.REFUSED if report.fails else ExitCode.DONE


def _question(name: str, *, can_delete: bool) -> str:
    from leadline_server.crm.assumptions.trial import MARK

    what = f"leadline will create up to 9 contacts named '{MARK} ...' and up to 3 calls in {name}, and remove them."
    if not can_delete:
        what = f"leadline will create 2 contacts named '{MARK} ...' and 1 or 2 calls in {name}. It cannot delete these."
    return f"{what} Automations of the CRM may run on them. Go on?"


def _show(name: str, report: "TrialReport", *, as_json: bool) -> None:
    from leadline_server.cli.output import printable

    if as_json:
        document = {"connection": name, "removed": report.removed, "left": list(report.left)}
        findings = [asdict(finding) for finding in report.findings]
        typer.echo(json.dumps({**document, "assumptions": findings}, indent=2))
        return
    for finding in report.findings:
        for line in _lines(finding):
            typer.echo(printable(line))
    typer.echo(f"Removed {report.removed} records of the test.")
    for place in report.left:
        typer.echo(printable(f"Left in the CRM; please delete it: {place}"))


def _lines(finding: "TriedAssumption") -> list[str]:
    source = f" By {finding.source}." if finding.source else ""
    told = [f"{finding.verdict.value:{_WIDTH}}  {finding.says}{source}"]
    told += [f"{'':{_WIDTH}}  {text}" for text in (finding.detail, finding.advice and f"Do: {finding.advice}") if text]
    return told
