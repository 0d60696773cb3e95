"""Puts a backup into an empty data directory, and makes the copy the live one."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from pathlib import Path

from leadline_server.backup.manifest import CRM, LEDGER, BadBackup, Manifest, read_manifest
from leadline_server.config import Settings
from leadline_server.encryption import KEY_FILE, key_id, note_missing, read_key, write_key
from leadline_server.ledger.sqlite import open_sqlite_ledger
from leadline_server.ledger.sqlite.encrypted_documents import needed_keys
from leadline_server.storage.database_copy import copy_database
from leadline_server.storage.read_only import read_only


class KeysMissing(BadBackup):
    """Documents need keys that are not there."""

    def __init__(self, key_ids: Collection[str]) -> None:
        super().__init__(f"Missing keys: {', '.join(sorted(key_ids))}.")
        self.key_ids = sorted(key_ids)


def restore(settings: Settings, folder: Path, keys: Path | None) -> Sequence[Path]:
    """Copy a backup to where the settings say, and its key if `keys` is given. Returns the new files.

    The ledger comes last: an interrupted restore leaves nothing that a server would take for a ledger.

    Raises:
        BadBackup: the backup is not whole, the target is not empty, or the key does not fit; nothing was written.
        sqlite3.Error, OSError: a file cannot be read or written.
    """
    manifest = read_manifest(folder)
    _check_empty(settings)
    key = None if keys is None else fitting_key(keys, manifest.key_ids)
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    _put_key(settings.data_dir / KEY_FILE, key, frozenset(manifest.key_ids))
    return [_copied(folder / name, target) for name, target in _targets(settings, manifest)]


def restore_key(settings: Settings, keys: Path) -> str:
    """Put a key next to a ledger that was restored without it, and return its id.

    Raises:
        BadBackup: the key does not fit, or there is another one.
    """
    key = fitting_key(keys, _needed(settings))
    path = settings.data_dir / KEY_FILE
    present = _key_in(path)
    if present is not None and present != key:
        raise BadBackup(f"{path} has another key, {key_id(present)}. Move it away.")
    if present is None:
        path.unlink(missing_ok=True)
        write_key(path, key)
    return key_id(key)


async def make_live(settings: Settings, now: datetime, *, without_keys: bool) -> bool:
    """Make a standby the live one; False if the ledger is live already.

    Args:
        settings: where the ledger and the key are.
        now: the time.
        without_keys: drop what is encrypted with missing keys.

    Raises:
        KeysMissing: keys are missing, and `without_keys` is false.
        LedgerUnavailable: the ledger cannot be used.
    """
    missing = missing_keys(settings)
    if missing and not without_keys:
        raise KeysMissing(missing)
    async with open_sqlite_ledger(settings.ledger_path) as ledger:
        is_new = await ledger.copy_mark.make_live(now, forget=missing)
    if missing and _key_in(settings.data_dir / KEY_FILE) is None:
        (settings.data_dir / KEY_FILE).unlink(missing_ok=True)
    return is_new


def missing_keys(settings: Settings) -> frozenset[str]:
    """The ids of the keys that the ledger needs and the data directory lacks."""
    key = _key_in(settings.data_dir / KEY_FILE)
    return _needed(settings) - ({key_id(key)} if key else set())


def fitting_key(path: Path, needed: Iterable[str]) -> bytes:
    """The key in a file, which must be one of the `needed` ones, unless none is needed.

    Raises:
        BadBackup: there is no such key.
    """
    key, wanted = _key_in(path), set(needed)
    if key is None:
        raise BadBackup(f"{path} has no key.")
    if wanted and key_id(key) not in wanted:
        raise BadBackup(f"{path} has the key {key_id(key)}; the backup needs {', '.join(sorted(wanted))}.")
    return key


def _needed(settings: Settings) -> frozenset[str]:
    with read_only(settings.ledger_path) as connection:
        return needed_keys(connection)


def _key_in(path: Path) -> bytes | None:
    try:
        return read_key(path)
    except ValueError:
        raise BadBackup(f"{path} has no key.") from None


def _check_empty(settings: Settings) -> None:
    if settings.data_dir.exists() and any(settings.data_dir.iterdir()):
        raise BadBackup(f"{settings.data_dir} is not empty: a backup is restored into an empty folder.")
    if settings.ledger_path.exists():
        raise BadBackup(f"{settings.ledger_path} exists already.")


def _put_key(path: Path, key: bytes | None, needed: frozenset[str]) -> None:
    if key is not None:
        write_key(path, key)
    elif needed:
        note_missing(path, needed)


def _targets(settings: Settings, manifest: Manifest) -> Sequence[tuple[str, Path]]:
    crm = [(CRM, settings.crm_path)] if CRM in manifest.digests else []
    return [*crm, (LEDGER, settings.ledger_path)]


def _copied(source: Path, target: Path) -> Path:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    copy_database(source, target, overwrite=False)
    return target
