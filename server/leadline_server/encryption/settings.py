"""Which secrets keys the settings name."""

from collections.abc import Callable
from pathlib import Path

from leadline_server.config import Settings
from leadline_server.encryption.key_sources import KeyCommand, KeyFile, KeySource, KeyText
from leadline_server.encryption.keys import SecretsKeys, log_created


def key_source(settings: Settings, created: Callable[[Path], object] = log_created) -> KeySource:
    """Where the secrets keys come from. `created` is called when leadline creates the file."""
    if settings.secrets_key:
        return KeyText(settings.secrets_key)
    if settings.secrets_key_command:
        return KeyCommand(settings.secrets_key_command)
    return KeyFile(settings.secrets_key_path, settings.data_dir, created)


def keys_of(settings: Settings, created: Callable[[Path], object] = log_created) -> SecretsKeys:
    """The keys, which are read at the first need."""
    return SecretsKeys(key_source(settings, created))
