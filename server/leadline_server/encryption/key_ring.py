"""The secrets keys that a process has, in memory, and how they are written as text."""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from leadline_server.encryption.cipher import KEY_BYTES, Key, key_of

_MOST_KEYS: Final = 100
_SEPARATORS: Final = re.compile(r"[\s,]+")
_COMMENT: Final = re.compile(r"#[^\n]*")


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Secrets keys. The first one is for what is encrypted from now on; the others open what is there."""

    keys: tuple[Key, ...] = field(default=(), repr=False)

    def __contains__(self, key_id: object) -> bool:
        return any(key.id == key_id for key in self.keys)

    def __iter__(self) -> Iterator[Key]:
        return iter(self.keys)

    def __bool__(self) -> bool:
        return bool(self.keys)

    @property
    def first(self) -> Key:
        """The key for what is encrypted from now on. The ring must not be empty."""
        return self.keys[0]

    @property
    def ids(self) -> frozenset[str]:
        """The ids of all keys."""
        return frozenset(key.id for key in self.keys)

    def find(self, key_id: str) -> Key | None:
        """The key with an id; None if the ring lacks it."""
        return next((key for key in self.keys if key.id == key_id), None)

    def joined(self, others: Iterable[Key]) -> "KeyRing":
        """These keys, then those of `others` that are not among them."""
        return KeyRing(tuple({key.id: key for key in (*self.keys, *others)}.values()))


def parse_keys(text: str) -> KeyRing:
    """The keys in a text: base64 of 32 bytes each, separated by spaces, lines or commas. `#` begins a comment.

    Raises:
        ValueError: something in it is no key. The message does not repeat it.
    """
    written = [part for part in _SEPARATORS.split(_COMMENT.sub("", text)) if part]
    if len(written) > _MOST_KEYS:
        raise ValueError(f"has more than {_MOST_KEYS} keys")
    return KeyRing().joined(_key(part) for part in written)


def write_keys(ring: KeyRing) -> str:
    """The keys as text, one a line, the first one first."""
    return "".join(f"{base64.urlsafe_b64encode(key.value).decode()}\n" for key in ring)


def _key(written: str) -> Key:
    try:
        standard = written.rstrip("=").replace("-", "+").replace("_", "/")
        value = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        value = b""
    if len(value) != KEY_BYTES:
        raise ValueError(f"has a part that is not a key: a key is the base64 of {KEY_BYTES} random bytes")
    return key_of(value)
