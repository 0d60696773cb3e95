"""Puts a backup into an empty data directory, and makes the copy the live one."""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from pathlib import Path

from leadline_server.backup.manifest import DUMP, LEDGER, BadBackup, read_manifest
from leadline_server.config import Settings
from leadline_server.config_values import is_postgres
from leadline_server.encryption.key_ring import KeyRing
from leadline_server.encryption.key_sources import KeyFile
from leadline_server.encryption.settings import key_source
from leadline_server.ledger.sqlite.copy_mark import read_copy_state
from leadline_server.ledger.sqlite.secrets import read_secrets_state
from leadline_server.ledger_opening import open_ledger
from leadline_server.ports.ledger import CopyState
from leadline_server.storage.database_copy import copy_database
from leadline_server.storage.read_only import read_only


class KeysMissing(BadBackup):
    """Documents need keys that are not there."""

    def __init__(self, key_ids: Collection[str]) -> None:
        super().__init__(f"Missing keys: {', '.join(sorted(key_ids))}.")
        self.key_ids = sorted(key_ids)


def restore(settings: Settings, folder: Path, keys: Path | None) -> str:
    """Copy a backup to where the settings say, and its keys if `keys` is given. Returns where the ledger is now.

    The ledger comes last: an interrupted restore leaves nothing that a server would take for a ledger.

    Raises:
        BadBackup: the backup is not whole, the target is not empty, or the keys do not fit; nothing was written.
        LedgerUnavailable: the keys cannot be read or written.
        sqlite3.Error, OSError: a file cannot be read or written.
    """
    in_postgres = is_postgres(settings.ledger)
    manifest = read_manifest(folder, DUMP if in_postgres else LEDGER)
    if not in_postgres:
        _check_empty(settings)
    if keys is not None:
        _put_keys(settings, fitting_keys(settings, keys, manifest.key_ids))
    if in_postgres:
        from leadline_server.backup.postgres import put_back

        put_back(settings, folder / DUMP)
        return "the ledger in PostgreSQL"
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    return str(_copied(folder / LEDGER, settings.ledger_path))


def restore_keys(settings: Settings, keys: Path) -> Sequence[str]:
    """Put keys back for a ledger that was restored without them, and return their ids.

    Raises:
        BadBackup: none of them fits.
        LedgerUnavailable: the keys cannot be read or written.
    """
    ring = fitting_keys(settings, keys, needed_keys(settings))
    _put_keys(settings, ring)
    return sorted(ring.ids)


def make_live(settings: Settings, now: datetime, *, without_keys: bool) -> bool:
    """Make a standby the live one; False if the ledger is live already.

    Args:
        settings: where the ledger and the keys are.
        now: the time.
        without_keys: drop what is encrypted with missing keys.

    Raises:
        KeysMissing: keys are missing, and `without_keys` is false.
        LedgerUnavailable: the ledger or the keys cannot be used.
    """
    missing = missing_keys(settings)
    if missing and not without_keys:
        raise KeysMissing(missing)
    return asyncio.run(_made_live(settings, now, missing))


async def _made_live(settings: Settings, now: datetime, missing: Collection[str]) -> bool:
    async with open_ledger(settings) as ledger:
        return await ledger.copy_mark.make_live(now, forget=missing)


def copy_state_of(settings: Settings) -> CopyState:
    """Whether the ledger is a restored copy. Raises LedgerUnavailable, sqlite3.Error or OSError."""
    if is_postgres(settings.ledger):
        from leadline_server.backup.postgres import copy_state

        return copy_state(settings)
    with read_only(settings.ledger_path) as connection:
        return read_copy_state(connection)


def missing_keys(settings: Settings) -> frozenset[str]:
    """The ids of the secrets keys that the ledger needs and the settings' source lacks. Raises LedgerUnavailable."""
    needed = needed_keys(settings)
    return needed - key_source(settings).load().ids if needed else frozenset()


def fitting_keys(settings: Settings, path: Path, needed: Iterable[str]) -> KeyRing:
    """The keys in a file, one of which must be one of the `needed` ones, unless none is needed.

    Raises:
        BadBackup: there is no such key.
        LedgerUnavailable: the file cannot be read.
    """
    ring, wanted = KeyFile(path, settings.data_dir, lambda _: None).load(), set(needed)
    if not ring:
        raise BadBackup(f"{path} has no key.")
    if wanted and not wanted & ring.ids:
        raise BadBackup(
            f"{path} has the key {', '.join(sorted(ring.ids))}; the backup needs {', '.join(sorted(wanted))}."
        )
    return ring


def _put_keys(settings: Settings, ring: KeyRing) -> None:
    """Add keys to the file that the settings name. Keys that are there stay first."""
    source = key_source(settings)
    present = source.load()
    if ring.ids <= present.ids:
        return
    if not isinstance(source, KeyFile):
        raise BadBackup(f"The keys come from {source.name}: add {', '.join(sorted(ring.ids - present.ids))} there.")
    source.replace(present.joined(ring))


def needed_keys(settings: Settings) -> frozenset[str]:
    """The ids of the secrets keys that the ledger needs. Raises LedgerUnavailable, sqlite3.Error or OSError."""
    if is_postgres(settings.ledger):
        from leadline_server.backup.postgres import needed_keys_in_postgres

        return needed_keys_in_postgres(settings)
    with read_only(settings.ledger_path) as connection:
        return frozenset(read_secrets_state(connection).needed)


def _check_empty(settings: Settings) -> None:
    if settings.data_dir.exists() and any(settings.data_dir.iterdir()):
        raise BadBackup(f"{settings.data_dir} is not empty: a backup is restored into an empty folder.")
    if settings.ledger_path.exists():
        raise BadBackup(f"{settings.ledger_path} exists already.")


def _copied(source: Path, target: Path) -> Path:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    copy_database(source, target, overwrite=False)
    return target
