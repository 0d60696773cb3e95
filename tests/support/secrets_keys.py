"""Secrets keys for tests: in memory, or in files."""

from pathlib import Path

from leadline_server.encryption.cipher import Key, new_key
from leadline_server.encryption.key_ring import KeyRing, write_keys
from leadline_server.encryption.key_sources import KeyFile, KeyText
from leadline_server.encryption.keys import SecretsKeys


def keys_with(*keys: Key) -> SecretsKeys:
    """A process that has these keys; a new one without any."""
    return SecretsKeys(KeyText(write_keys(KeyRing(keys or (new_key(),)))))


def key_file(path: Path) -> KeyFile:
    """The keys in a file beside a data directory."""
    return KeyFile(path, path.parent / "data", lambda _: None)
