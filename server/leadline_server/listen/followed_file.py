"""A file that a phone system appends to, read on from a bookmark, through rotation.

A file is recognised by its first bytes. So it is found again after `rename` and `create`, and its copy is found after
`copytruncate`: the lines before the rotation are read first.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Final

MOST_BYTES: Final = 256 * 1024
"""Bytes that are read at once, some 1,500 records."""

MOST_FILES: Final = 1_000
"""Files of the folder that are looked at after a rotation."""

_HEAD: Final = 4_096
_PACKED: Final = frozenset({".gz", ".bz2", ".xz", ".zst"})
_MOST_BOOKMARK: Final = 4_096


class BadBookmark(Exception):
    """A bookmark that cannot be read. The message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookmark:
    """How far a file was read.

    Attributes:
        offset: bytes.
        head_size: how many of its first bytes it is recognised by.
        head: their SHA-256, in hex.
    """

    offset: int
    head_size: int
    head: str

    def is_of(self, path: Path) -> bool:
        """Whether a file is the one that was read, or a copy of it."""
        try:
            with path.open("rb") as stream:
                is_long_enough = os.fstat(stream.fileno()).st_size >= self.offset
                return is_long_enough and _digest(stream.read(self.head_size)) == self.head
        except OSError:
            return False


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole lines, and the bookmark behind them."""

    data: bytes
    bookmark: Bookmark


class FollowedFile:
    """Reads what is new in a file.

    Args:
        path: the file.
        bookmark: how far it was read; None: not at all.
        ignored: files beside it that are none of its rotated ones.

    Attributes:
        lost: how often a file was gone before all of it was read.
    """

    def __init__(self, path: Path, bookmark: Bookmark | None, ignored: Iterable[Path] = ()) -> None:
        self._path = path
        self._ignored = {path, *ignored}
        self._bookmark = bookmark
        self.lost = 0

    def next(self) -> Piece | None:
        """The next whole lines; None while there are none. Raises OSError if the file cannot be read."""
        for path, offset in self._places():
            piece = _piece(path, offset, is_rotated=path != self._path)
            if piece is not None:
                self._bookmark = piece.bookmark
                return piece
        return None

    def before(self, most: int) -> bytes:
        """The last whole lines before the bookmark, for the calls that go on behind it. Raises OSError."""
        bookmark = self._bookmark
        if bookmark is None:
            return b""
        files = [*self._rotated(), self._path]
        place = next((place for place, path in enumerate(files) if bookmark.is_of(path)), None)
        if place is None:
            return b""
        found = _last_lines(files[place], bookmark.offset, most)
        for path in reversed(files[:place]):
            if len(found) < most:
                found = _last_lines(path, path.stat().st_size, most - len(found)) + found
        return found

    def _places(self) -> Iterator[tuple[Path, int]]:
        """Where to read on: the file itself; after a rotation the file that was, those after it, and the file."""
        bookmark = self._bookmark
        if not self._path.exists():  # between `rename` and `create`
            return
        if bookmark is None or bookmark.is_of(self._path):
            yield self._path, bookmark.offset if bookmark else 0
            return
        rotated = self._rotated()
        place = next((place for place, path in enumerate(rotated) if bookmark.is_of(path)), None)
        if place is None:
            self.lost += 1
            self._bookmark = None
        else:
            yield rotated[place], bookmark.offset
            yield from ((path, 0) for path in rotated[place + 1 :])
        yield self._path, 0

    def _rotated(self) -> list[Path]:
        """The files whose names begin with this one's, in the order of their last changes."""
        files = (file for file in self._path.parent.iterdir() if file.name.startswith(self._path.name))
        plain = (file for file in islice(files, MOST_FILES) if file.suffix not in _PACKED and file.is_file())
        found = [file for file in plain if file not in self._ignored]
        return sorted(found, key=lambda file: file.stat().st_mtime_ns)


def load_bookmark(path: Path) -> Bookmark | None:
    """The bookmark of a file; None if there is none.

    Raises:
        BadBookmark: it is none.
        OSError: it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            document = json.loads(stream.read(_MOST_BOOKMARK))
        bookmark = Bookmark(**document)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, RecursionError):
        raise BadBookmark(f"{path} is not a bookmark; remove it to begin at the file's beginning") from None
    if not _is_sound(bookmark):
        raise BadBookmark(f"{path} is not a bookmark; remove it to begin at the file's beginning")
    return bookmark


def save_bookmark(path: Path, bookmark: Bookmark) -> None:
    """Write a bookmark, whole or not at all. Raises OSError."""
    beside = path.with_name(f"{path.name}.new")
    with beside.open("w", encoding="utf-8") as stream:
        json.dump(asdict(bookmark), stream)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(path)


def _is_sound(bookmark: Bookmark) -> bool:
    """Whether the values of a file's bookmark are what they must be."""
    document = asdict(bookmark)
    numbers = [document.pop("offset"), document.pop("head_size")]
    are_numbers = all(type(number) is int and number >= 0 for number in numbers)
    return are_numbers and numbers[1] <= _HEAD and isinstance(document["head"], str)


def _piece(path: Path, offset: int, *, is_rotated: bool) -> Piece | None:
    """The lines behind an offset. The last line of a rotated file is whole without an end, too."""
    with path.open("rb") as stream:
        stream.seek(offset)
        data = stream.read(MOST_BYTES)
        if len(data) == MOST_BYTES or not is_rotated:
            data = _whole_lines(data)
        if not data:
            return None
        stream.seek(0)
        head = stream.read(min(offset + len(data), _HEAD))
    bookmark = Bookmark(offset=offset + len(data), head_size=len(head), head=_digest(head))
    return Piece(data if data.endswith(b"\n") else data + b"\n", bookmark)


def _last_lines(path: Path, end: int, most: int) -> bytes:
    """The last whole lines of a file before a place."""
    with path.open("rb") as stream:
        stream.seek(max(end - most, 0))
        data = stream.read(min(end, most))
    return data if end <= most else data.partition(b"\n")[2]


def _whole_lines(data: bytes) -> bytes:
    """The data up to its last line's end. A line that is longer than a piece is cut, and left out by its reader."""
    end = data.rfind(b"\n") + 1
    return data[:end] if end or len(data) < MOST_BYTES else data


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
