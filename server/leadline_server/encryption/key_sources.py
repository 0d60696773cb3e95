"""Where secrets keys come from: a text (the environment), a file, or a command that asks a key-management service.

All of them give the same text (see `key_ring.parse_keys`). Only a file can be created and changed by leadline.
"""

import os
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.encryption.cipher import new_key
from leadline_server.encryption.key_ring import KeyRing, parse_keys, write_keys

COMMAND_SECONDS: Final = 10.0
"""How long the command may take that prints the keys."""

_MOST_BYTES: Final = 64 * 1024
_HEAD: Final = (
    "# leadline's secrets keys, the newest first: they open what is encrypted in the ledger. Keep a copy of this file,"
    " apart from backups.\n"
)


class KeySource(Protocol):
    """Where the keys come from. The methods block."""

    @property
    def name(self) -> str:
        """Its name for people: `/etc/leadline/secrets.key`."""
        ...

    def load(self) -> KeyRing:
        """The keys that are there now; none if there is no file yet. Raises LedgerUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class KeyText:
    """Keys in a setting."""

    text: str = field(repr=False)
    name: str = "secrets_key"

    def load(self) -> KeyRing:
        """The keys. Raises LedgerUnavailable."""
        return _parsed(self.text, self.name)


@dataclass(frozen=True, slots=True)
class KeyCommand:
    """Keys that a command prints, such as one that asks a key-management service. It runs without a shell."""

    command: str = field(repr=False)
    name: str = "the secrets_key_command"

    def load(self) -> KeyRing:
        """Run the command, and return the keys that it prints. Raises LedgerUnavailable."""
        try:
            done = subprocess.run(  # noqa: S603 - the command is the administrator's
                shlex.split(self.command), capture_output=True, timeout=COMMAND_SECONDS, check=True
            )
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            raise LedgerUnavailable(
                f"{self.name} failed ({type(error).__name__}). Run it by hand to see why."
            ) from None
        return _parsed(done.stdout[:_MOST_BYTES].decode(errors="replace"), self.name)


@dataclass(frozen=True, slots=True)
class KeyFile:
    """Keys in a file, which leadline creates when it first needs one.

    Attributes:
        path: the file.
        apart_from: the data directory. The file must not be in it: a copy of that folder would have both.
        created: called with the path when the file was created, to say so.
    """

    path: Path
    apart_from: Path
    created: Callable[[Path], object] = field(repr=False)

    @property
    def name(self) -> str:
        """The file's path."""
        return str(self.path)

    def load(self) -> KeyRing:
        """The keys; none if there is no file. Raises LedgerUnavailable."""
        try:
            with self.path.open("rb") as file:
                return _parsed(file.read(_MOST_BYTES).decode(errors="replace"), self.name)
        except FileNotFoundError:
            return KeyRing()
        except OSError as error:
            raise self._unusable(error) from error

    def create(self) -> KeyRing:
        """The keys, after the file was created with a new key; by one process only if several start at once.

        Raises:
            LedgerUnavailable: the file cannot be created, or would be in the data directory.
        """
        if self._write(KeyRing((new_key(),)), os.link):
            self.created(self.path)
        return self.load()

    def replace(self, ring: KeyRing) -> None:
        """Write other keys, completely or not at all. Raises LedgerUnavailable."""
        self._write(ring, os.replace)

    def _write(self, ring: KeyRing, move: Callable[[Path, Path], object]) -> bool:
        """Write a file beside the old one, synced, and move it there; False if `move` found one that must stay."""
        if self.path.absolute().resolve().is_relative_to(self.apart_from.absolute().resolve()):
            raise LedgerUnavailable(f"{self.path} is in the data directory. Set secrets_key_file to a path outside it.")
        partial = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            partial.unlink(missing_ok=True)
            _write_synced(partial, _HEAD + write_keys(ring))
            move(partial, self.path)
            _sync_folder(self.path.parent)
        except FileExistsError:
            return False
        except OSError as error:
            raise self._unusable(error) from error
        finally:
            partial.unlink(missing_ok=True)
        return True

    def _unusable(self, error: OSError) -> LedgerUnavailable:
        return LedgerUnavailable(
            f"{self.path} cannot be used ({error.strerror}). Check its permissions, or set secrets_key_file."
        )


def _parsed(text: str, name: str) -> KeyRing:
    try:
        return parse_keys(text)
    except ValueError as error:
        raise LedgerUnavailable(f"{name} {error}. Restore it, or move it away.") from None


def _write_synced(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Without this, a power loss could take away a file whose keys are in use."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
