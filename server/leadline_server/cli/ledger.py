"""The commands `leadline ledger check` and `version`. They read the ledger's file, also while a server uses it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from leadline_server.cli.exit_codes import ExitCode, fail

if TYPE_CHECKING:  # importing these would slow the start of every other command
    from sqlite3 import Connection

    from leadline_server.config import Settings
    from leadline_server.ledger.sqlite.integrity_findings import Finding
    from leadline_server.ports.ledger import CopyState

LedgerPath = Annotated[
    str | None, typer.Option("--ledger", metavar="PATH", help="The ledger, as in the server's settings.")
]
DataDir = Annotated[Path | None, typer.Option(metavar="FOLDER", help="The folder of the ledger.")]
Config = Annotated[Path | None, typer.Option(metavar="FILE", help="A TOML file with settings.")]

_MEGABYTE: Final = 1_000_000
_BESIDE: Final = "A newer leadline prepared it. This one works beside it, until the upgrade after that."


def check(ledger: LedgerPath = None, data_dir: DataDir = None, config: Config = None) -> None:
    """Check the whole ledger, and change nothing. It may run while a server uses the ledger.

    Exit codes: 0 the ledger is sound, 1 it is not, 2 there is no such file, or wrong usage.
    """
    import sqlite3

    from leadline_server.ledger.sqlite.integrity import RESTORE, check_files, check_ledger
    from leadline_server.ledger.sqlite.integrity_findings import finding
    from leadline_server.storage.read_only import read_only

    path = existing(settings_of(ledger, data_dir, config).ledger_path)
    findings: Sequence[Finding]
    try:
        with read_only(path) as connection:
            report = check_ledger(connection)
            findings = [*report.findings, *(check_files(path, connection) if report.is_readable else ())]
    except (sqlite3.Error, OSError) as error:
        findings = [finding("file", "", [f"cannot be read: {error}"], RESTORE)]
    _show(path, findings)
    raise typer.Exit(ExitCode.REFUSED if any(part.problems for part in findings) else ExitCode.DONE)


def version(ledger: LedgerPath = None, data_dir: DataDir = None, config: Config = None) -> None:
    """Show the version of the ledger's file against that of this program. It may run while a server uses the ledger.

    Exit codes: 0 they are the same, 1 they are not, 2 there is no such file, or wrong usage.
    """
    import sqlite3

    from leadline_server.config_values import is_postgres
    from leadline_server.ledger.sqlite.integrity import schema_versions
    from leadline_server.storage.read_only import read_only

    settings = settings_of(ledger, data_dir, config)
    if is_postgres(settings.ledger):
        _show_version(*_versions_in_postgres(settings))
    path = existing(settings.ledger_path)
    try:
        with read_only(path) as connection:
            stored, known = schema_versions(connection)
            copy = _copy_of(connection) if stored == known else ""
    except (sqlite3.Error, OSError) as error:
        fail([f"{path} cannot be read: {error}."], ExitCode.REFUSED)
    _show_version(str(path), stored, known, copy)


def _show_version(name: str, stored: int, known: int, copy: str) -> NoReturn:
    """Print it, and end the command. `copy` says what the ledger is, if this program can use it."""
    typer.echo(
        f"Ledger {name}: version {stored}.\nThis leadline: version {known}.\n{copy or _migration(stored, known)}"
    )
    raise typer.Exit(ExitCode.DONE if copy else ExitCode.REFUSED)


def _versions_in_postgres(settings: "Settings") -> tuple[str, int, int, str]:
    """The name of the ledger, its version and this program's, and whether it is a copy if they are the same."""
    import asyncio

    from leadline_server.domain.ledger_errors import LedgerUnavailable
    from leadline_server.ledger.postgres.facts import read_facts
    from leadline_server.ledger.postgres.ledger import MIGRATIONS
    from leadline_server.ledger_opening import address_of
    from leadline_server.storage.postgres.address import shown
    from leadline_server.storage.postgres.migrations import load_halves

    name, known = shown(settings.ledger), max(half.version for half in load_halves(MIGRATIONS))
    try:
        ledger = asyncio.run(read_facts(address_of(settings))).ledger
    except LedgerUnavailable as error:
        fail([f"{name} cannot be read: {error}"], ExitCode.REFUSED)
    if ledger is None:
        fail([f"{name} has no ledger yet; a server of leadline creates it."])
    if ledger.schema == known:
        return name, known, known, _copy_sentence(ledger.copy)
    return name, ledger.schema, known, "" if ledger.finished > known or ledger.schema < known else _BESIDE


def _copy_of(connection: "Connection") -> str:
    from leadline_server.ledger.sqlite.copy_mark import read_copy_state

    return _copy_sentence(read_copy_state(connection))


def _copy_sentence(state: "CopyState") -> str:
    if state.is_standby:
        return "It is a standby: `leadline restore --live` makes it the live one."
    since = state.live_since
    return f"It is live, restored on {since:%Y-%m-%d at %H:%M:%S} UTC." if since else "It is live."


def _migration(stored: int, known: int) -> str:
    if stored > known:
        return "This leadline is too old for it. Run the newer one, or restore a backup from before the upgrade."
    return "The next start of the server migrates it. Make a backup before."


def settings_of(ledger: str | None, data_dir: Path | None, config: Path | None) -> "Settings":
    """The settings with these flags; ends the command if they are wrong."""
    from leadline_server.config_loading import BadSettings, load_settings

    try:
        return load_settings({"ledger": ledger, "data_dir": data_dir, "config": config})
    except BadSettings as error:
        fail(error.problems)


def existing(path: Path) -> Path:
    """`path`; ends the command if it is no file."""
    if not path.is_file():
        fail([f"{path}: there is no such file. Name another with --ledger or --data-dir."])
    return path


def require_ledger(settings: "Settings") -> None:
    """End the command if the ledger's file is missing. A database in PostgreSQL is looked for when it is opened."""
    from leadline_server.config_values import is_postgres

    if not is_postgres(settings.ledger):
        existing(settings.ledger_path)


def _show(path: Path, findings: "Sequence[Finding]") -> None:
    from leadline_server.cli.output import printable

    width = max(len(part.name) for part in findings)
    typer.echo(f"Ledger {path} ({megabytes(path)}):")
    for part in findings:
        lines = part.problems or (part.summary,)
        for number, line in enumerate(lines):
            mark, name = ("BAD" if part.problems else "ok", part.name) if not number else ("", "")
            typer.echo(printable(f"  {mark:<3}  {name:<{width}}  {line}"))
    remedies = dict.fromkeys(part.remedy for part in findings if part.remedy)
    typer.echo("\n".join(f"What to do: {remedy}" for remedy in remedies) or "The ledger is sound.")


def megabytes(path: Path) -> str:
    """The size of a file, for people."""
    return f"{path.stat().st_size / _MEGABYTE:,.1f} MB"
