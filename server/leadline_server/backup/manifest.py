"""The file `backup.json`, which says what a backup consists of, and which keys a restore needs."""

import hashlib
import os
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

MANIFEST: Final = "backup.json"
LEDGER: Final = "ledger.db"
DUMP: Final = "ledger.dump"
"""The ledger, from a SQLite file and from PostgreSQL."""

_MOST_BYTES: Final = 64 * 1024


class BadBackup(Exception):
    """A backup that cannot be made or restored; the text is a sentence for people."""


class Manifest(msgspec.Struct, frozen=True):
    """The parts of a backup.

    Attributes:
        leadline: the version that made it.
        made_at: when it was made.
        digests: SHA-256 of each file, by its name: `ledger.db`, which has the embedded CRM too, or `ledger.dump`.
        key_ids: the keys that documents in the ledger are encrypted with.
    """

    leadline: str
    made_at: datetime
    digests: dict[str, str]
    key_ids: list[str]


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the file, complete or not at all."""
    partial = folder / f".{MANIFEST}.{os.getpid()}"
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / MANIFEST)


def read_manifest(folder: Path, ledger: str) -> Manifest:
    """The manifest of a backup whose files are as they were made; `ledger` is LEDGER or DUMP.

    Raises:
        BadBackup: a file is missing, or is another one, or the backup is of the other kind of ledger.
    """
    try:
        with (folder / MANIFEST).open("rb") as file:
            manifest = msgspec.json.decode(file.read(_MOST_BYTES), type=Manifest)
    except (OSError, msgspec.DecodeError) as error:
        raise BadBackup(f"{folder} is not a complete backup: {MANIFEST} is missing or cannot be read.") from error
    if set(manifest.digests) != {ledger}:
        raise BadBackup(f"{folder / MANIFEST} names other files than {ledger}. The setting ledger says which it is.")
    for name, wanted in manifest.digests.items():
        if not (folder / name).is_file() or digest(folder / name) != wanted:
            raise BadBackup(f"{folder / name} is not the file that the backup was made with.")
    return manifest


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
