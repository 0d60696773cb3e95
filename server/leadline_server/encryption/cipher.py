"""Encrypts and opens one document: AES-256-GCM, bound to the key's id, the owner and the field.

An encrypted document is a version (one byte), the id of its key (16 digits), a nonce (12 bytes), and the ciphertext
with its tag. The associated data is the version, the key's id, the owner and the field, each preceded by its length. So
a document opens in its own place only: not in another row, under another name, or by another key.
"""

import os
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
ID_LENGTH: Final = 16

_VERSION: Final = b"\x01"
_NONCE_BYTES: Final = 12  # NIST SP 800-38D, section 5.2.1.1
_HEAD: Final = len(_VERSION) + ID_LENGTH
_LENGTH_BYTES: Final = 4


class CannotOpen(Exception):
    """A document was not encrypted by this key for this place, or was changed."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a encrypted document belongs.

    Attributes:
        owner: whose it is, such as `account:acme` or `connection:sales`.
        field: what it is, such as `tokens`.
    """

    owner: str
    field: str


@dataclass(frozen=True, slots=True)
class Key:
    """A key, and its id. Make it with `key_of` or `new_key`."""

    id: str
    value: bytes = field(repr=False)


def key_of(value: bytes) -> Key:
    """The key with these 32 bytes. Its id is a digest, which reveals nothing of it."""
    return Key(sha256(b"leadline key id\0" + value).hexdigest()[:ID_LENGTH], value)


def new_key() -> Key:
    """A random key."""
    return key_of(os.urandom(KEY_BYTES))


def encrypt(key: Key, place: Place, document: bytes) -> bytes:
    """Encrypt a document for its place."""
    nonce = os.urandom(_NONCE_BYTES)
    head = _VERSION + key.id.encode()
    return head + nonce + AESGCM(key.value).encrypt(nonce, document, _associated(key.id, place))


def decrypt(key: Key, place: Place, encrypted: bytes) -> bytes:
    """The document. Raises CannotOpen."""
    nonce, ciphertext = encrypted[_HEAD : _HEAD + _NONCE_BYTES], encrypted[_HEAD + _NONCE_BYTES :]
    if encrypted[:1] != _VERSION or key_id_of(encrypted) != key.id or len(nonce) < _NONCE_BYTES:
        raise CannotOpen
    try:
        return AESGCM(key.value).decrypt(nonce, ciphertext, _associated(key.id, place))
    except InvalidTag:
        raise CannotOpen from None


def key_id_of(encrypted: bytes) -> str:
    """The id of the key that encrypted a document."""
    return encrypted[len(_VERSION) : _HEAD].decode("ascii", errors="replace")


def _associated(key_id: str, place: Place) -> bytes:
    parts = (_VERSION, key_id.encode(), place.owner.encode(), place.field.encode())
    return b"".join(len(part).to_bytes(_LENGTH_BYTES, "big") + part for part in parts)
