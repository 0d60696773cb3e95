"""File systems of a test's own: small ones, full ones, and ones that refuse to be written. They need root."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

MEGABYTES: Final = 4


@contextmanager
def mounted(folder: Path, *arguments: str) -> Iterator[Path]:
    """A separate file system. The test is skipped if this machine does not allow a mount."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(["mount", *arguments, folder], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@contextmanager
def in_memory(folder: Path, megabytes: int = MEGABYTES) -> Iterator[Path]:
    """A disk in memory."""
    with mounted(folder, "-t", "tmpfs", "-o", f"size={megabytes}m", "none"):
        yield folder


def image(path: Path, megabytes: int = MEGABYTES) -> Path:
    """A real file system in a file, to be mounted."""
    with path.open("wb") as file:
        file.truncate(megabytes * 1_000_000)
    subprocess.run(["mkfs.ext4", "-q", "-O", "^has_journal", path], check=True)
    return path


@contextmanager
def in_file(folder: Path, path: Path) -> Iterator[Path]:
    """The file system of an image."""
    with mounted(folder, "-o", "loop", str(path)):
        yield folder


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Leave no byte free."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    try:
        yield
    finally:
        filler.unlink()


def mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *arguments], check=True)


@contextmanager
def unwritable(*files: Path) -> Iterator[None]:
    """Refuse every write to these files, also through handles that are open."""
    subprocess.run(["chattr", "+i", *files], check=True)
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", *files], check=True)
