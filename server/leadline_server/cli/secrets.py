"""The commands `leadline secrets rotate`, `generate` and `list`, about the keys that encrypt what is kept secret."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leadline_server.cli.exit_codes import ExitCode, fail
from leadline_server.cli.ledger import Config, DataDir, LedgerPath, existing, require_ledger, settings_of

if TYPE_CHECKING:  # importing these would slow the start of every other command
    from leadline_server.config import Settings
    from leadline_server.ports.ledger import SecretsState


def say_created(path: Path) -> None:
    """Say on standard error that a file with a secrets key was created."""
    typer.echo(f"leadline: created the secrets key {path}. Keep a copy of it, apart from backups.", err=True)


def rotate(ledger: LedgerPath = None, data_dir: DataDir = None, config: Config = None) -> None:
    """Encrypt all secrets again with a new key, also while servers run.

    If it is interrupted, run it again: it goes on. The old keys stay in the file, for backups.
    Give it the server's options and environment.

    Exit codes: 0 done, 1 something was left as it is, or the keys cannot be used, 2 wrong usage.
    """
    import asyncio

    settings = settings_of(ledger, data_dir, config)
    require_ledger(settings)
    raise typer.Exit(asyncio.run(_rotate(settings)))


async def _rotate(settings: "Settings") -> ExitCode:
    from leadline_server.domain.ledger_errors import LedgerUnavailable
    from leadline_server.encryption.keys import SecretsKeys
    from leadline_server.encryption.rotation import CannotRotate, rotate
    from leadline_server.encryption.settings import key_source
    from leadline_server.ledger_opening import open_ledger

    source, code = key_source(settings, say_created), ExitCode.DONE
    try:
        async with open_ledger(settings, keys=SecretsKeys(source)) as opened:
            async for step in rotate(opened.secrets, source):
                typer.echo(step.text, err=step.is_problem)
                code = ExitCode.REFUSED if step.is_problem else code
    except (CannotRotate, LedgerUnavailable) as error:
        fail([str(error)], ExitCode.REFUSED)
    return code


def generate() -> None:
    """Print a new secrets key, for the setting secrets_key or a key-management service. It stores nothing."""
    from leadline_server.encryption.cipher import new_key as random_key
    from leadline_server.encryption.key_ring import KeyRing, write_keys

    typer.echo(write_keys(KeyRing((random_key(),))), nl=False)


def list_keys(
    ledger: LedgerPath = None,
    data_dir: DataDir = None,
    config: Config = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """List the ids of the secrets keys: those that the settings give, and those that the ledger needs. No key is shown.

    Exit codes: 0 all needed keys are there, 1 a key is missing, or the keys cannot be used, 2 wrong usage.
    """
    from leadline_server.domain.ledger_errors import LedgerUnavailable
    from leadline_server.encryption.settings import key_source

    settings = settings_of(ledger, data_dir, config)
    source, state = key_source(settings), _state(settings)
    try:
        present = [key.id for key in source.load()]
    except LedgerUnavailable as error:
        fail([str(error)], ExitCode.REFUSED)
    rows: list[dict[str, str | bool]] = [
        {
            "key": key_id,
            "present": key_id in present,
            "current": key_id == state.current,
            "needed": key_id in state.needed,
        }
        for key_id in dict.fromkeys([*present, *sorted({*state.needed, state.current} - {""})])
    ]
    if as_json:
        typer.echo(json.dumps({"source": source.name, "keys": rows}, indent=2))
    else:
        _show(source.name, rows)
    raise typer.Exit(ExitCode.DONE if all(row["present"] for row in rows) else ExitCode.REFUSED)


def _state(settings: "Settings") -> "SecretsState":
    import asyncio

    from leadline_server.config_values import is_postgres
    from leadline_server.domain.ledger_errors import LedgerUnavailable

    if not is_postgres(settings.ledger):
        return _state_in_file(existing(settings.ledger_path))
    try:
        return asyncio.run(_state_in_postgres(settings))
    except LedgerUnavailable as error:
        fail([str(error)], ExitCode.REFUSED)


async def _state_in_postgres(settings: "Settings") -> "SecretsState":
    from leadline_server.ledger_opening import open_ledger

    async with open_ledger(settings) as opened:
        return await opened.secrets.state()


def _state_in_file(path: Path) -> "SecretsState":
    import sqlite3

    from leadline_server.ledger.sqlite.secrets import read_secrets_state
    from leadline_server.storage.read_only import read_only

    try:
        with read_only(path) as connection:
            return read_secrets_state(connection)
    except (sqlite3.Error, OSError) as error:
        fail([f"{path} cannot be read: {error}."], ExitCode.REFUSED)


def _show(source: str, rows: list[dict[str, str | bool]]) -> None:
    if not rows:
        typer.echo(f"There is no key yet; {source} is created when one is needed.")
    for row in rows:
        words = [word for word in ("current", "needed") if row[word]] or ["not needed"]
        typer.echo(f"{row['key']}  {', '.join(words)}{'' if row['present'] else f', MISSING from {source}'}")
