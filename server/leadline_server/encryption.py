"""Encrypts documents at rest with a key outside the ledger, and says which key a document needs.

An encrypted document is the id of its key, a colon, and a Fernet token (AES-128-CBC with HMAC-SHA256). The id is a
digest of the key and reveals nothing of it. Example: `3f0c9a7be1d24c55:gAAAAAB...`.
"""

import os
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet, InvalidToken

from leadline_server.domain.errors import KeyMissing, LedgerUnavailable

KEY_FILE: Final = "token.key"
"""The file in the data directory with the key of OAuth tokens and of the quarantine."""

ID_LENGTH: Final = 16

_MISSING: Final = b"missing "


def key_id(key: bytes) -> str:
    """The id of a key: 16 hexadecimal digits."""
    return sha256(b"leadline key id\0" + key).hexdigest()[:ID_LENGTH]


def encrypt(key: bytes, document: bytes) -> bytes:
    """Encrypt a document with a Fernet key."""
    return key_id(key).encode() + b":" + Fernet(key).encrypt(document)


def decrypt(key: bytes, encrypted: bytes) -> bytes | None:
    """The document; None if it was encrypted with another key."""
    try:
        return Fernet(key).decrypt(encrypted[ID_LENGTH + 1 :])
    except InvalidToken:
        return None


def read_key(path: Path) -> bytes | None:
    """The key in a file; None if there is no file, or only a note that the key is missing.

    Raises:
        ValueError: the file has something else.
        OSError: the file cannot be read.
    """
    try:
        key = path.read_bytes().strip()
    except FileNotFoundError:
        return None
    if key.startswith(_MISSING):
        return None
    Fernet(key)
    return key


def load_key(path: Path) -> bytes:
    """The key in a file. A missing file is created with mode 0600, by one process only if several start at once.

    Raises:
        KeyMissing: a restore left the file without the key.
        LedgerUnavailable: the file has no key, or can be neither read nor created.
    """
    try:
        if not path.exists():
            write_key(path, Fernet.generate_key())
        key = read_key(path)
    except ValueError:
        raise LedgerUnavailable(f"{path} has no key. Restore it from a backup, or move it away.") from None
    except OSError as error:
        raise LedgerUnavailable(f"{path} cannot be used ({error.strerror}). Check its permissions.") from error
    if key is None:
        raise KeyMissing(path.read_text().split()[1:])
    return key


def note_missing(path: Path, key_ids: frozenset[str]) -> None:
    """Leave a note in place of a key, so that no server creates another key."""
    write_key(path, _MISSING + " ".join(sorted(key_ids)).encode())


def write_key(path: Path, key: bytes) -> None:
    """Create a file with a key, complete and synced, unless there is one of this name already."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(partial)
        except FileExistsError:
            return
    finally:
        partial.unlink(missing_ok=True)
