"""The command `leadline restore`, which puts a backup back, and makes the copy the live one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leadline_server.cli.backup import refuse
from leadline_server.cli.exit_codes import fail
from leadline_server.cli.ledger import Config, DataDir, LedgerPath, require_ledger, settings_of

if TYPE_CHECKING:  # importing these would slow the start of every other command
    from leadline_server.config import Settings


def restore(
    folder: Annotated[Path | None, typer.Argument(metavar="DIR", help="The folder of the backup.")] = None,
    keys: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file with the keys that the backup needs.")
    ] = None,
    ledger: LedgerPath = None,
    data_dir: DataDir = None,
    config: Config = None,
    *,
    standby: Annotated[
        bool,
        typer.Option("--standby", help="The ledger in PostgreSQL was put back by other means: make it a standby."),
    ] = False,
    live: Annotated[bool, typer.Option("--live", help="Make the copy the live one. Stop the first server before.")] = (
        False
    ),
    without_keys: Annotated[
        bool, typer.Option("--without-keys", help="With --live: drop what is encrypted with missing keys.")
    ] = False,
) -> None:
    """Put a backup into an empty data directory or PostgreSQL database, or go on with one that was restored.

    A restored copy is a standby. It accepts calls, but writes to no CRM and presents no refresh token until --live.

    Exit codes: 0 done, 1 refused, or keys are missing, 2 wrong usage.
    """
    if folder is None and keys is None and not (standby or live):
        fail(["Name the folder of a backup, or use --keys, --standby or --live."])
    settings = settings_of(ledger, data_dir, config)
    with _refusals():
        if folder is not None:
            _restore(settings, folder, keys)
        elif keys is not None:
            _restore_keys(settings, keys)
        if standby:
            _make_standby(settings)
        if live:
            _make_live(settings, without_keys=without_keys)
        else:
            _show_state(settings)


def _restore(settings: "Settings", folder: Path, keys: Path | None) -> None:
    from leadline_server.backup.restoring import restore as put_back

    typer.echo(f"Restored {put_back(settings, folder, keys)}.")


def _restore_keys(settings: "Settings", keys: Path) -> None:
    from leadline_server.backup.restoring import restore_keys

    require_ledger(settings)
    typer.echo(f"Restored the key {', '.join(restore_keys(settings, keys))}.")


def _make_standby(settings: "Settings") -> None:
    from leadline_server.config_values import is_postgres

    if not is_postgres(settings.ledger):
        fail(["--standby is for a ledger in PostgreSQL. A copy that `leadline backup` made is a standby by itself."])
    from leadline_server.backup.postgres import make_standby

    make_standby(settings)


def _make_live(settings: "Settings", *, without_keys: bool) -> None:
    from datetime import UTC, datetime

    from leadline_server.backup.restoring import make_live

    require_ledger(settings)
    is_new = make_live(settings, datetime.now(UTC), without_keys=without_keys)
    typer.echo("It is live. Replay the calls since the backup." if is_new else "It is live already.")


def _show_state(settings: "Settings") -> None:
    from leadline_server.backup.restoring import KeysMissing, copy_state_of, missing_keys

    if copy_state_of(settings).is_standby:
        typer.echo("It is a standby: it writes to no CRM and presents no refresh token.")
        typer.echo("To make it the live one: stop the first server, then run: leadline restore --live")
    else:
        typer.echo("It is live.")
    if missing := missing_keys(settings):
        raise KeysMissing(missing)


@contextmanager
def _refusals() -> Iterator[None]:
    import sqlite3

    from leadline_server.backup.manifest import BadBackup
    from leadline_server.backup.restoring import KeysMissing
    from leadline_server.domain.ledger_errors import LedgerUnavailable

    try:
        yield
    except KeysMissing as error:
        refuse(
            f"{error} The connections to CRMs that need them do not work."
            " Put them back with `leadline restore --keys FILE`, or give them up with"
            " `leadline restore --live --without-keys` and grant access again."
        )
    except (BadBackup, LedgerUnavailable, sqlite3.Error, OSError) as error:
        refuse(f"{error}")
