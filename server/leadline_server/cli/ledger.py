"""`leadline ledger check` and `backup`: the SQLite ledger's file, with or without a server at work on it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

if TYPE_CHECKING:  # what these bring along would slow the start of every other command
    from leadline_server.config import Settings
    from leadline_server.ledger.sqlite.integrity_findings import Finding

ledger = typer.Typer(help="The ledger's file: check it, back it up.", no_args_is_help=True)

LedgerPath = Annotated[str | None, typer.Option("--ledger", metavar="PATH", help="The ledger, as the server is told.")]
DataDir = Annotated[Path | None, typer.Option(metavar="FOLDER", help="The folder of the embedded ledger and CRM.")]
Config = Annotated[Path | None, typer.Option(metavar="FILE", help="A TOML file with settings.")]

_MEGABYTE: Final = 1_000_000


@ledger.command("check")
def check(ledger: LedgerPath = None, data_dir: DataDir = None, config: Config = None) -> None:
    """Is the ledger sound? Reads all of it, changes nothing, and may run beside a server.

    Exit codes: 0 it is, 1 something is wrong, 2 there is no such file, or wrong usage.
    """
    import sqlite3

    from leadline_server.ledger.sqlite.integrity import RESTORE, check_files, check_ledger
    from leadline_server.ledger.sqlite.integrity_findings import finding
    from leadline_server.storage.read_only import read_only

    path = _existing(_settings(ledger, data_dir, config).ledger_path)
    findings: Sequence[Finding]
    try:
        with read_only(path) as connection:
            report = check_ledger(connection)
            findings = [*report.findings, *(check_files(path, connection) if report.is_readable else ())]
    except (sqlite3.Error, OSError) as error:
        findings = [finding("file", "", [f"cannot be read: {error}"], RESTORE)]
    _show(path, findings)
    raise typer.Exit(1 if any(part.problems for part in findings) else 0)


@ledger.command("backup")
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the copy of the ledger goes.")],
    crm: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where a copy of the embedded CRM goes, made after the ledger's."),
    ] = None,
    ledger: LedgerPath = None,
    data_dir: DataDir = None,
    config: Config = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Copy the ledger as it is at one instant, also while a server runs. The copy is checked, and on disk at the end.

    Exit codes: 0 done, 1 it failed, 2 wrong usage.
    """
    from leadline_server.ledger.sqlite.backup import back_up_file, back_up_ledger

    settings = _settings(ledger, data_dir, config)
    # The ledger first: a CRM that is a moment newer is put right by the calls' ids.
    jobs = [("ledger", _existing(settings.ledger_path), file, back_up_ledger)]
    if crm is not None:
        jobs.append(("embedded CRM", _existing(settings.crm_path), crm, back_up_file))
    _check_targets([(source, target) for _, source, target, _ in jobs])
    problems: list[str] = []
    for name, source, target, copy in jobs:
        problems += _copied(source, target, copy, force=force)
        typer.echo(f"Saved the {name}: {target} ({_megabytes(target)}).")
    typer.echo("To restore: stop the server, and replace each FILE by its copy. Also delete FILE-wal, FILE-shm and")
    typer.echo("FILE-settings-version. Then start the server. The copies hold secrets: keep them safe.")
    for _, source, target, _ in jobs:
        typer.echo(f"  {target} -> {source}")
    if problems:
        _fail("leadline: It was saved as it is, but it is not sound; `leadline ledger check` says more.", problems)


def _copied(source: Path, target: Path, copy: Callable[..., Sequence[str]], *, force: bool) -> Sequence[str]:
    import sqlite3

    from leadline_server.cli import fail
    from leadline_server.ledger.sqlite.backup import DamagedDatabase
    from leadline_server.storage.database_copy import TargetExists

    try:
        return copy(source, target, overwrite=force)
    except TargetExists:
        fail([f"{target} exists. Choose another name, or replace it with --force."])
    except DamagedDatabase as error:
        _fail(f"leadline: {source} was not saved: it cannot be used as it is.", error.problems)
    except (sqlite3.Error, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        _fail(f"leadline: {source} was not saved to {target}: {reason}.")


def _fail(sentence: str, problems: Sequence[str] = ()) -> NoReturn:
    from leadline_server.cli.show import printable

    typer.echo(printable("\n".join((sentence, *(f"  {problem}" for problem in problems)))), err=True)
    raise typer.Exit(1)


def _settings(ledger: str | None, data_dir: Path | None, config: Path | None) -> "Settings":
    from leadline_server.cli import fail
    from leadline_server.config import BadSettings, load_settings

    try:
        return load_settings({"ledger": ledger, "data_dir": data_dir, "config": config})
    except BadSettings as error:
        fail(error.problems)


def _existing(path: Path) -> Path:
    from leadline_server.cli import fail

    if not path.is_file():
        fail([f"{path}: there is no such file. Name another with --ledger or --data-dir."])
    return path


def _check_targets(jobs: Sequence[tuple[Path, Path]]) -> None:
    """Refuse what no copy may be written to, before anything is written."""
    from leadline_server.cli import fail

    targets = [target.absolute() for _, target in jobs]
    if len(set(targets)) < len(targets):
        fail(["The ledger and the CRM cannot be saved to one file."])
    for target in targets:
        if not target.parent.is_dir():
            fail([f"{target.parent}: there is no such folder."])
        for source, _ in jobs:
            if target.exists() and target.samefile(source):
                fail([f"{target} is in use; a copy goes elsewhere."])


def _show(path: Path, findings: "Sequence[Finding]") -> None:
    from leadline_server.cli.show import printable

    width = max(len(part.name) for part in findings)
    typer.echo(f"Ledger {path} ({_megabytes(path)}):")
    for part in findings:
        lines = part.problems or (part.summary,)
        for number, line in enumerate(lines):
            mark, name = ("BAD" if part.problems else "ok", part.name) if not number else ("", "")
            typer.echo(printable(f"  {mark:<3}  {name:<{width}}  {line}"))
    remedies = dict.fromkeys(part.remedy for part in findings if part.remedy)
    typer.echo("\n".join(f"What to do: {remedy}" for remedy in remedies) or "It is sound.")


def _megabytes(path: Path) -> str:
    return f"{path.stat().st_size / _MEGABYTE:,.1f} MB"
