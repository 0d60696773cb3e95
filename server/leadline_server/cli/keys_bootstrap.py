"""The command `leadline keys bootstrap`: the first API key, written into the ledger itself."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from leadline_server.cli.exit_codes import ExitCode, fail
from leadline_server.cli.ledger import Config, DataDir, LedgerPath, settings_of

if TYPE_CHECKING:  # importing these would slow the start of every other command
    from leadline_server.commands.keys import IssuedKey
    from leadline_server.config import Settings

CREATOR: Final = "bootstrap"


def bootstrap(
    file: Annotated[Path, typer.Option(metavar="FILE", help="Where the key goes; a new file.")] = Path("platform.key"),
    *,
    call_data: Annotated[
        bool, typer.Option("--call-data", help="Let the key read contacts and call logs of every account.")
    ] = False,
    ledger: LedgerPath = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Make the first API key, with the role platform, in a file that only its owner can read.

    It works once: not on a ledger that has had a key. It may run while a server uses the ledger.

    Exit codes: 0 the key is in the file, 1 the ledger has had a key, or cannot be used, 2 wrong usage.
    """
    import asyncio

    from leadline_server.domain.ledger_errors import LedgerUnavailable

    settings = settings_of(ledger, data_dir, config)
    issued = _first_key(call_data=call_data)
    _write(file, issued.secret)
    try:
        is_first = asyncio.run(_store(settings, issued))
    except LedgerUnavailable as error:
        file.unlink()
        fail([str(error)], ExitCode.REFUSED)
    if not is_first:
        file.unlink()
        fail(
            ["this ledger has had a key already. Issue others with it: leadline keys issue"],
            ExitCode.REFUSED,
        )
    typer.echo(f"The key {issued.key.key_id} is in {file}. Use it: export LEADLINE_API_KEY=$(cat {file})")


def _first_key(*, call_data: bool) -> "IssuedKey":
    from datetime import UTC, datetime

    from leadline_server.commands.keys import KeyWish, made
    from leadline_server.domain.access.principals import Grant, Role

    grants = frozenset({Grant.CALL_DATA}) if call_data else frozenset[Grant]()
    wish = KeyWish(account_id="", role=Role.PLATFORM, grants=grants, label="first key")
    return made(wish, CREATOR, datetime.now(UTC))


def _write(file: Path, secret: str) -> None:
    """Write a key into a new file of mode 0600, and sync it: it is stored in the ledger only after that."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        fail([f"{file} exists already; name a new file with --file"])
    except OSError as error:
        fail([f"{file} cannot be written ({error.strerror})"])
    with os.fdopen(descriptor, "w") as opened:
        opened.write(f"{secret}\n")
        opened.flush()
        os.fsync(descriptor)


async def _store(settings: "Settings", issued: "IssuedKey") -> bool:
    from leadline_server.config_values import is_postgres
    from leadline_server.ledger_opening import open_ledger

    if not is_postgres(settings.ledger):
        settings.ledger_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    async with open_ledger(settings) as opened:
        return await opened.credentials.issue_first(issued.key)
