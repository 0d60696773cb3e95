"""The command `leadline backup`. It reads the server's files, also while a server uses them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from leadline_server.cli.exit_codes import ExitCode, fail
from leadline_server.cli.ledger import Config, DataDir, LedgerPath, existing, megabytes, settings_of

if TYPE_CHECKING:  # importing these would slow the start of every other command
    from leadline_server.backup.saving import Saved
    from leadline_server.config import Settings


def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the backup; created if missing.")],
    keys: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also save the secrets keys that it needs, to this file outside DIR."),
    ] = None,
    ledger: LedgerPath = None,
    data_dir: DataDir = None,
    config: Config = None,
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing backup.")] = False,
) -> None:
    """Save the ledger with the embedded CRM, and check the copy. It may run while a server uses it.

    A ledger in PostgreSQL is saved by pg_dump, which must be as new as the PostgreSQL server or newer.

    Exit codes: 0 done, 1 the backup failed or is not sound, 2 wrong usage.
    """
    from leadline_server.config_values import is_postgres

    settings = settings_of(ledger, data_dir, config)
    if not is_postgres(settings.ledger):
        existing(settings.ledger_path)
    saved = _saved(settings, folder, keys, force=force)
    typer.echo(f"Saved {saved.ledger} ({megabytes(saved.ledger)}).")
    _show_keys(saved, keys, settings)
    typer.echo(f"A restore also needs the settings. To restore: leadline restore {folder}{_keys_option(saved, keys)}")
    if saved.problems:
        refuse("The copy is complete, but not sound. `leadline ledger check` says more.", saved.problems)


def _show_keys(saved: "Saved", keys: Path | None, settings: "Settings") -> None:
    if keys is not None:
        text = f"Saved the key {', '.join(saved.saved_keys)}: {keys}. Keep it apart from the backup."
        typer.echo(text if saved.saved_keys else f"There is no key to save; {keys} was not written.")
    unsaved = [key_id for key_id in saved.key_ids if key_id not in saved.saved_keys]
    if not saved.key_ids:
        typer.echo("A restore needs no key: nothing in the ledger is encrypted.")
    elif unsaved:
        typer.echo(f"A restore needs the key {', '.join(unsaved)}, which is not saved: {_source(settings)}")


def _source(settings: "Settings") -> str:
    from leadline_server.encryption.settings import key_source

    return key_source(settings).name


def _keys_option(saved: "Saved", keys: Path | None) -> str:
    return f" --keys {keys}" if saved.saved_keys else " --keys FILE" if saved.key_ids else ""


def _saved(settings: "Settings", folder: Path, keys: Path | None, *, force: bool) -> "Saved":
    import sqlite3
    from datetime import UTC, datetime

    from leadline_server.backup.manifest import BadBackup
    from leadline_server.backup.saving import save
    from leadline_server.domain.ledger_errors import LedgerUnavailable
    from leadline_server.ledger.sqlite.backup import DamagedDatabase

    try:
        return save(settings, folder, keys, datetime.now(UTC), overwrite=force)
    except BadBackup as error:
        fail([str(error)])
    except DamagedDatabase as error:
        refuse("A file was not copied: the copy would be unusable.", error.problems)
    except (LedgerUnavailable, sqlite3.Error, OSError) as error:
        if getattr(error, "sqlite_errorname", "").startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
            refuse("A file was not copied: the copy would be unusable.", [str(error)])
        refuse(f"The backup was not made: {error}")


def refuse(sentence: str, problems: Sequence[str] = ()) -> NoReturn:
    """Print a sentence and problems, and end the command with exit code 1."""
    from leadline_server.cli.output import printable

    typer.echo(printable("\n".join((f"leadline: {sentence}", *(f"  {problem}" for problem in problems)))), err=True)
    raise typer.Exit(ExitCode.REFUSED)
