"""Backups of a ledger in PostgreSQL, by PostgreSQL's own programs `pg_dump` and `pg_restore`."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

from leadline_server.backup.manifest import DUMP, BadBackup
from leadline_server.config import Settings
from leadline_server.ledger.postgres import open_postgres_ledger
from leadline_server.ledger.postgres.facts import read_facts
from leadline_server.ledger_opening import address_of
from leadline_server.ports.ledger import CopyState
from leadline_server.storage.postgres.address import PostgresAddress, secured

_MOST_SHOWN: Final = 300


def dump(settings: Settings, target: Path) -> None:
    """Write the ledger's state of one instant to a file, which only its owner can read.

    Raises:
        BadBackup: `pg_dump` is missing or fails.
        LedgerUnavailable: the password cannot be read.
    """
    partial = target.with_name(f".{DUMP}.{os.getpid()}")
    try:
        partial.touch(mode=0o600)
        _run(settings, "pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--file", partial)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def put_back(settings: Settings, source: Path) -> None:
    """Fill the empty database that the settings name, wholly or not at all, and mark the ledger as a copy.

    Raises:
        BadBackup: the database is not empty, or `pg_restore` is missing or fails.
        LedgerUnavailable: the database cannot be used.
    """
    if asyncio.run(read_facts(address_of(settings))).ledger is not None:
        raise BadBackup("The database has a ledger: a backup is restored into an empty one.")
    _run(settings, "pg_restore", "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", source)
    make_standby(settings)


def make_standby(settings: Settings) -> bool:
    """Mark the ledger as a restored copy; False if it was one already. Raises LedgerUnavailable."""

    async def mark() -> bool:
        async with open_postgres_ledger(address_of(settings)) as ledger:
            return await ledger.copy_mark.make_standby()

    return asyncio.run(mark())


def copy_state(settings: Settings) -> CopyState:
    """Whether the ledger is a restored copy; a copy without a mark gets one. Raises LedgerUnavailable."""

    async def read() -> CopyState:
        async with open_postgres_ledger(address_of(settings)) as ledger:
            return await ledger.copy_mark.state()

    return asyncio.run(read())


def needed_keys_in_postgres(settings: Settings) -> frozenset[str]:
    """The ids of the secrets keys that the ledger needs. Raises LedgerUnavailable."""
    ledger = asyncio.run(read_facts(address_of(settings))).ledger
    return ledger.needed_keys if ledger is not None else frozenset()


def _run(settings: Settings, program: str, *arguments: str | Path) -> None:
    """Run a program of PostgreSQL on the ledger's database. The password is in no command line, where others see it."""
    found = shutil.which(program)
    if found is None:
        raise BadBackup(f"{program} is missing. Install PostgreSQL's client programs, as new as the server or newer.")
    url, environment = _connection(address_of(settings))
    command = [found, *arguments, "--dbname", url]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - no shell
    if done.returncode:
        raise BadBackup(f"{program} failed: {done.stderr.strip()[-_MOST_SHOWN:]}")


def _connection(address: PostgresAddress) -> tuple[str, Mapping[str, str]]:
    """The address without its password, and the environment with it. Poolers and standbys are passed by."""
    parts = urlsplit(secured(address.direct or address.url))
    user, _, host = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    secret = address.password() or unquote(password)
    query = f"{parts.query}&" if parts.query else ""
    netloc = f"{name}@{host}" if user else host
    url = urlunsplit(parts._replace(netloc=netloc, query=f"{query}target_session_attrs=read-write"))
    return url, {**os.environ, "PGPASSWORD": secret} if secret else {**os.environ}
