"""Frames of Asterisk's manager interface (AMI): lines `Key: value`, ended by an empty line.

Source: docs.asterisk.org, "AMI v2 Specification". Lines and frames are bounded.
"""

from collections.abc import Mapping
from typing import Final

Frame = Mapping[str, str]
"""The fields of a frame. Of a repeated key the first value counts."""

MOST_LINE: Final = 32 * 1024
"""Bytes of a line; a longer one costs its frame."""

MOST_FRAME: Final = 256 * 1024
"""Bytes of a frame. Asterisk's own bound for an action is far lower."""

_NULL: Final = "<unknown>"  # Asterisk writes it where it has no number or no name


class FrameParser:
    """Makes frames of bytes, however they are cut into pieces. It raises nothing and keeps at most one frame.

    Attributes:
        dropped: frames that were too large.
    """

    def __init__(self) -> None:
        self._tail = b""
        self._fields: dict[str, str] = {}
        self._size = 0
        self.dropped = 0

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that end in these bytes."""
        *lines, tail = (self._tail + data).split(b"\n")
        frames = [frame for line in lines if (frame := self._take(line)) is not None]
        if len(tail) > MOST_LINE:
            self._size = MOST_FRAME + 1
            tail = b"-"  # of a line that is too long, so that its end is no empty line
        self._tail = tail
        return frames

    def _take(self, line: bytes) -> Frame | None:
        """The frame that this line ends."""
        text = line.removesuffix(b"\r")
        if not text:
            return self._end()
        self._size += len(text)
        if len(text) > MOST_LINE:
            self._size = MOST_FRAME + 1
        if self._size > MOST_FRAME:
            self._fields.clear()
            return None
        key, colon, value = text.decode(errors="replace").partition(":")
        if colon:
            self._fields.setdefault(key.strip(), value.strip())
        return None

    def _end(self) -> Frame | None:
        fields, is_whole = self._fields, self._size <= MOST_FRAME
        self._fields, self._size = {}, 0
        if not is_whole:
            self.dropped += 1
        return {key: "" if value == _NULL else value for key, value in fields.items()} if is_whole and fields else None
