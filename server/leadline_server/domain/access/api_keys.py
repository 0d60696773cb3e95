"""API keys as texts: `leadline_0123456789abcdef_` and 43 characters, which are 256 random bits.

The ledger keeps the SHA-256 of a key and never the key. A slow hash is for passwords, which can be guessed; 256 random
bits cannot. Programs that search for leaked secrets recognise the prefix.
"""

import hashlib
import re
import secrets
from typing import Final

PREFIX: Final = "leadline_"

_SECRET_BYTES: Final = 32
_ID_BYTES: Final = 8

_is_key = re.compile(rf"{PREFIX}([0-9a-f]{{16}})_[A-Za-z0-9_-]{{43}}", re.ASCII).fullmatch


def new_key_id() -> str:
    """A new key id: 16 random hexadecimal digits."""
    return secrets.token_hex(_ID_BYTES)


def new_key(key_id: str) -> str:
    """A new key with this id. It is shown once, and never stored."""
    return f"{PREFIX}{key_id}_{secrets.token_urlsafe(_SECRET_BYTES)}"


def key_id_of(key: str) -> str:
    """The key id in a text; empty if the text is not an API key."""
    found = _is_key(key)
    return "" if found is None else found[1]


def key_digest(key: str) -> bytes:
    """The name of a key in the ledger."""
    return hashlib.sha256(key.encode("utf-8", "replace")).digest()


def certificate_digest(name: str) -> bytes:
    """The name of a client certificate in the ledger. Example: "URI:spiffe://acme/pbx". No key begins so."""
    return hashlib.sha256(f"certificate {name}".encode("utf-8", "replace")).digest()
