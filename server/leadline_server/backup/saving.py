"""Makes a backup while servers run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from leadline_server.backup.manifest import DUMP, LEDGER, MANIFEST, BadBackup, Manifest, digest, write_manifest
from leadline_server.config import Settings
from leadline_server.config_values import is_postgres
from leadline_server.encryption.key_ring import KeyRing
from leadline_server.encryption.key_sources import KeyFile
from leadline_server.encryption.settings import key_source
from leadline_server.ledger.sqlite.backup import back_up_ledger
from leadline_server.ledger.sqlite.secrets import read_secrets_state
from leadline_server.storage.read_only import read_only


@dataclass(frozen=True, slots=True)
class Saved:
    """A backup that was made.

    Attributes:
        ledger: the copy of the ledger.
        problems: what the check of the ledger's copy found.
        key_ids: the keys that a restore needs.
        saved_keys: the ids of the keys that were saved with `keys`.
    """

    ledger: Path
    problems: Sequence[str]
    key_ids: Sequence[str]
    saved_keys: Sequence[str]


def save(settings: Settings, folder: Path, keys: Path | None, now: datetime, *, overwrite: bool) -> Saved:
    """Copy the ledger to `folder`, and the keys that it needs to the file `keys`. The embedded CRM is in the ledger.

    A ledger in PostgreSQL is dumped by `pg_dump`.

    The manifest is written last, so a backup that was interrupted is not restored.

    Raises:
        BadBackup: a target is unusable; nothing was written.
        DamagedDatabase: a file is damaged, and was not copied.
        LedgerUnavailable: the keys cannot be read or written.
        sqlite3.Error, OSError: a file cannot be read or written.
    """
    name = DUMP if is_postgres(settings.ledger) else LEDGER
    _check_targets(settings, folder, keys, name, overwrite=overwrite)
    folder.mkdir(mode=0o700, exist_ok=True)
    if name == DUMP:
        problems, key_ids = _dumped(settings, folder / name)
    else:
        problems, key_ids = _copied(settings, folder / name, overwrite=overwrite)
    # A key is created before the first document is encrypted with it, so it is read after the ledger.
    saved_keys = _save_keys(settings, keys, key_ids)
    digests = {name: digest(folder / name)}
    write_manifest(folder, Manifest(version("leadline"), now, digests, key_ids))
    return Saved(folder / name, problems, key_ids, saved_keys)


def _copied(settings: Settings, target: Path, *, overwrite: bool) -> tuple[Sequence[str], list[str]]:
    """Copy the ledger's file. Returns the problems of the copy, and the keys that it needs."""
    problems = back_up_ledger(settings.ledger_path, target, overwrite=overwrite)
    with read_only(target) as connection:
        return problems, sorted(read_secrets_state(connection).needed)


def _dumped(settings: Settings, target: Path) -> tuple[Sequence[str], list[str]]:
    """Dump the ledger in PostgreSQL. Returns no problems, and the keys that were needed before the dump or after."""
    from leadline_server.backup.postgres import dump, needed_keys_in_postgres

    before = needed_keys_in_postgres(settings)
    dump(settings, target)
    return (), sorted(before | needed_keys_in_postgres(settings))


def _check_targets(settings: Settings, folder: Path, keys: Path | None, name: str, *, overwrite: bool) -> None:
    if not folder.absolute().parent.is_dir() or (folder.exists() and not folder.is_dir()):
        raise BadBackup(f"{folder} cannot be a folder: create the one above it first.")
    used = [settings.data_dir, *([settings.ledger_path.parent] if name == LEDGER else [])]
    if folder.resolve() in [path.resolve() for path in used]:
        raise BadBackup(f"{folder} is in use: choose another folder for the backup.")
    if keys is not None and folder.resolve() in keys.resolve().parents:
        raise BadBackup(f"{keys} is in {folder}. Keep keys apart from the rest.")
    targets = [folder / name, folder / MANIFEST, *([keys] if keys else [])]
    taken = [str(target) for target in targets if target.exists()]
    if taken and not overwrite:
        raise BadBackup(f"{taken[0]} exists. Choose another name, or replace it with --force.")


def _save_keys(settings: Settings, target: Path | None, key_ids: Sequence[str]) -> Sequence[str]:
    if target is None or not key_ids:
        return ()
    ring = KeyRing(tuple(key for key in key_source(settings).load() if key.id in key_ids))
    if ring:
        KeyFile(target, settings.data_dir, lambda _: None).replace(ring)
    return sorted(ring.ids)
