"""The command `leadline restore`, which puts a backup back, and makes the copy the live one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from leadline_server.cli.backup import refuse
from leadline_server.cli.exit_codes import fail
from leadline_server.cli.ledger import Config, DataDir, LedgerPath, existing, settings_of
from leadline_server.config_values import is_postgres

if TYPE_CHECKING:  # importing these would slow the start of every other command
    from leadline_server.config import Settings


_LIVE_NOW: Final = "It is live. Replay the calls since the backup."
_LIVE_ALREADY: Final = "It is live already."
_STANDBY: Final = """\
It is a standby: it writes to no CRM and presents no refresh token.
To make it the live one: stop the first server, then run: leadline restore --live"""


def restore(
    folder: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="The folder of the backup.")] = None,
    keys: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file with the keys that the backup needs.")
    ] = None,
    ledger: LedgerPath = None,
    data_dir: DataDir = None,
    config: Config = None,
    *,
    standby: Annotated[
        bool,
        typer.Option("--standby", help="Make a copy of PostgreSQL's data files a standby, before any server uses it."),
    ] = False,
    live: Annotated[bool, typer.Option("--live", help="Make the copy the live one. Stop the first server before.")] = (
        False
    ),
    without_keys: Annotated[
        bool, typer.Option("--without-keys", help="With --live: drop what is encrypted with missing keys.")
    ] = False,
) -> None:
    """Put a backup into an empty data directory, or go on with one that was restored.

    A restored copy is a standby. It accepts calls, but writes to no CRM and presents no refresh token until --live.

    Exit codes: 0 done, 1 refused, or keys are missing, 2 wrong usage.
    """
    settings = settings_of(ledger, data_dir, config)
    if is_postgres(settings.ledger):
        with _refusals():
            _in_postgres(settings, folder, keys, "standby" if standby else "live" if live else "", bare=without_keys)
        return
    if standby or (folder is None and keys is None and not live):
        fail(["Name the folder of a backup, or use --keys or --live."])
    with _refusals():
        if folder is not None:
            _restore(settings, folder, keys)
        elif keys is not None:
            _restore_keys(settings, keys)
        if live:
            _make_live(settings, without_keys=without_keys)
        else:
            _show_state(settings)


def _in_postgres(settings: "Settings", folder: Path | None, keys: Path | None, state: str, *, bare: bool) -> None:
    import asyncio
    from datetime import UTC, datetime

    from leadline_server.backup import postgres_copies

    if folder is not None:
        fail(["The ledger is in PostgreSQL: restore it with pg_restore. Then run `leadline restore` without a folder."])
    if keys is not None:
        typer.echo(f"Restored the key {', '.join(asyncio.run(postgres_copies.restore_keys(settings, keys)))}.")
    if state == "standby":
        asyncio.run(postgres_copies.make_standby(settings))
    if state == "live":
        made = asyncio.run(postgres_copies.make_live(settings, datetime.now(UTC), without_keys=bare))
        typer.echo(_LIVE_NOW if made else _LIVE_ALREADY)
        return
    typer.echo(_STANDBY if asyncio.run(postgres_copies.is_standby(settings)) else "It is live.")


def _restore(settings: "Settings", folder: Path, keys: Path | None) -> None:
    from leadline_server.backup.restoring import restore as put_back

    typer.echo(f"Restored {put_back(settings, folder, keys)}.")


def _restore_keys(settings: "Settings", keys: Path) -> None:
    from leadline_server.backup.restoring import restore_keys

    existing(settings.ledger_path)
    typer.echo(f"Restored the key {', '.join(restore_keys(settings, keys))}.")


def _make_live(settings: "Settings", *, without_keys: bool) -> None:
    from datetime import UTC, datetime

    from leadline_server.backup.restoring import make_live

    existing(settings.ledger_path)
    import asyncio

    is_new = asyncio.run(make_live(settings, datetime.now(UTC), without_keys=without_keys))
    typer.echo(_LIVE_NOW if is_new else _LIVE_ALREADY)


def _show_state(settings: "Settings") -> None:
    from leadline_server.backup.restoring import KeysMissing, missing_keys
    from leadline_server.ledger.sqlite.copy_mark import is_standby
    from leadline_server.storage.read_only import read_only

    with read_only(settings.ledger_path) as connection:
        standby = is_standby(connection)
    if standby:
        typer.echo(_STANDBY)
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
