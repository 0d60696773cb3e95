"""The commands `leadline ledger check` and `backup`. They read the ledger's file, also while a server uses it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from leadline_server.cli.exit_codes import ExitCode, fail

if TYPE_CHECKING:  # importing these would slow the start of every other command
    from leadline_server.config import Settings
    from leadline_server.ledger.sqlite.integrity_findings import Finding

LedgerPath = Annotated[
    str | None, typer.Option("--ledger", metavar="PATH", help="The ledger's file, as in the server's settings.")
]
DataDir = Annotated[Path | None, typer.Option(metavar="FOLDER", help="The folder of the embedded ledger and CRM.")]
Config = Annotated[Path | None, typer.Option(metavar="FILE", help="A TOML file with settings.")]

_MEGABYTE: Final = 1_000_000


def check(ledger: LedgerPath = None, data_dir: DataDir = None, config: Config = None) -> None:
    """Check the whole ledger, and change nothing. It may run while a server uses the ledger.

    Exit codes: 0 the ledger is sound, 1 it is not, 2 there is no such file, or wrong usage.
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
    raise typer.Exit(ExitCode.REFUSED if any(part.problems for part in findings) else ExitCode.DONE)


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write the ledger's copy to.")],
    crm: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also copy the embedded CRM, to this file."),
    ] = None,
    ledger: LedgerPath = None,
    data_dir: DataDir = None,
    config: Config = None,
    force: Annotated[bool, typer.Option("--force", help="Replace existing files.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Copy the ledger and check the copy. It may run while a server uses the ledger.

    Exit codes: 0 done, 1 the copy failed or is not sound, 2 wrong usage.
    """
    from leadline_server.ledger.sqlite.backup import back_up_file, back_up_ledger

    settings = _settings(ledger, data_dir, config)
    # Copy the ledger first: the newer CRM finds its logs by the calls' ids, so none is written twice.
    jobs = [("ledger", _existing(settings.ledger_path), file, back_up_ledger)]
    if crm is not None:
        jobs.append(("embedded CRM", _existing(settings.crm_path), crm, back_up_file))
    _check_targets([(source, target) for _, source, target, _ in jobs])
    problems: list[str] = []
    for name, source, target, copy in jobs:
        problems += _copied(source, target, copy, force=force)
        typer.echo(f"Copied the {name}: {target} ({_megabytes(target)}).")
    _show_restore(settings.ledger_path, [(source, target) for _, source, target, _ in jobs])
    if problems:
        _fail("leadline: The copy is complete, but not sound. `leadline ledger check` says more.", problems)


def _show_restore(ledger: Path, copies: Sequence[tuple[Path, Path]]) -> None:
    from leadline_server.ledger.sqlite.settings_cache import settings_version_path

    typer.echo("To restore: stop the server, replace each file by its copy, and start the server.")
    for source, target in copies:
        typer.echo(f"  {target} -> {source}")
    for source, _ in copies:
        typer.echo(f"  Also delete {source}-wal and {source}-shm.")
    typer.echo(f"  Also delete {settings_version_path(ledger)}.")
    typer.echo("The copy holds secrets: keep it safe.")


def _copied(source: Path, target: Path, copy: Callable[..., Sequence[str]], *, force: bool) -> Sequence[str]:
    import sqlite3

    from leadline_server.ledger.sqlite.backup import DamagedDatabase
    from leadline_server.storage.database_copy import TargetExists

    try:
        return copy(source, target, overwrite=force)
    except TargetExists:
        fail([f"{target} exists. Choose another name, or replace it with --force."])
    except DamagedDatabase as error:
        _fail(f"leadline: {source} was not copied: the copy would be unusable.", error.problems)
    except (sqlite3.Error, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        _fail(f"leadline: {source} was not copied to {target}: {reason}.")


def _fail(sentence: str, problems: Sequence[str] = ()) -> NoReturn:
    from leadline_server.cli.output import printable

    typer.echo(printable("\n".join((sentence, *(f"  {problem}" for problem in problems)))), err=True)
    raise typer.Exit(ExitCode.REFUSED)


def _settings(ledger: str | None, data_dir: Path | None, config: Path | None) -> "Settings":
    from leadline_server.config import BadSettings, load_settings

    try:
        return load_settings({"ledger": ledger, "data_dir": data_dir, "config": config})
    except BadSettings as error:
        fail(error.problems)


def _existing(path: Path) -> Path:
    if not path.is_file():
        fail([f"{path}: there is no such file. Name another with --ledger or --data-dir."])
    return path


def _check_targets(jobs: Sequence[tuple[Path, Path]]) -> None:
    """End the command if a target is unusable, before anything is written."""
    targets = [target.absolute() for _, target in jobs]
    if len(set(targets)) < len(targets):
        fail(["The ledger and the CRM cannot be copied to one file."])
    for target in targets:
        if not target.parent.is_dir():
            fail([f"{target.parent}: there is no such folder."])
        for source, _ in jobs:
            if target.exists() and target.samefile(source):
                fail([f"{target} is in use: choose another file for the copy."])


def _show(path: Path, findings: "Sequence[Finding]") -> None:
    from leadline_server.cli.output import printable

    width = max(len(part.name) for part in findings)
    typer.echo(f"Ledger {path} ({_megabytes(path)}):")
    for part in findings:
        lines = part.problems or (part.summary,)
        for number, line in enumerate(lines):
            mark, name = ("BAD" if part.problems else "ok", part.name) if not number else ("", "")
            typer.echo(printable(f"  {mark:<3}  {name:<{width}}  {line}"))
    remedies = dict.fromkeys(part.remedy for part in findings if part.remedy)
    typer.echo("\n".join(f"What to do: {remedy}" for remedy in remedies) or "The ledger is sound.")


def _megabytes(path: Path) -> str:
    return f"{path.stat().st_size / _MEGABYTE:,.1f} MB"
