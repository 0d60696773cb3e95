"""Frames of FreeSWITCH's event socket: lines `Name: value`, an empty line, and a body of `Content-Length` bytes.

Source: "mod_event_socket" of the FreeSWITCH documentation (FreeSWITCH Explained). An event is such a body, as JSON or
as lines whose values are percent-encoded. Headers and bodies are bounded.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from leadline_server.domain.unshown import unshown

EslEvent = Mapping[str, str]
"""The headers of an event. Those that are no texts are left out."""

MOST_HEADERS: Final = 32 * 1024
"""Bytes of the headers of a frame; a frame with more is dropped."""

MOST_BODY: Final = 8 * 1024 * 1024
"""Bytes of a body: the list of some 8,000 channels. A longer body is read past."""

_MOST_BELIEVED: Final = 16 * MOST_BODY
_MOST_DIGITS: Final = 15
_END: Final = b"\n\n"


@unshown
@dataclass(frozen=True, slots=True)
class EslFrame:
    """A frame.

    Attributes:
        headers: its headers, with the names in lower case. Of a repeated one the first counts.
    """

    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def kind(self) -> str:
        """The content type, such as `text/event-json`."""
        return self.headers.get("content-type", "").lower()

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode(errors="replace")

    def event(self) -> EslEvent | None:
        """The event that it carries; None if it carries none."""
        if self.kind == "text/event-json":
            return json_texts(self.body)
        return _lines(self.text, unquote) if self.kind == "text/event-plain" else None


class EslParser:
    """Makes frames of bytes, however they are cut into pieces. It raises nothing and keeps at most one frame.

    Attributes:
        dropped: frames that were too large.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._headers: Mapping[str, str] | None = None
        self._length = 0
        self._skipped = 0
        self._is_lost = False
        self.dropped = 0

    def feed(self, data: bytes) -> list[EslFrame]:
        """The frames that end in these bytes."""
        self._buffer += data
        frames: list[EslFrame] = []
        while self._has_headers() and self._skip():
            if len(self._buffer) < self._length:
                break
            if self._headers:
                frames.append(EslFrame(self._headers, bytes(self._buffer[: self._length])))
            del self._buffer[: self._length]
            self._headers, self._length = None, 0
        return frames

    def _has_headers(self) -> bool:
        """Whether the headers of the next frame are read."""
        if self._headers is not None:
            return True
        del self._buffer[: len(self._buffer) - len(self._buffer.lstrip(b"\r\n"))]
        end = self._buffer.find(_END)
        if end > MOST_HEADERS or (end < 0 and len(self._buffer) > MOST_HEADERS):
            self.dropped += not self._is_lost
            self._is_lost = True
        if end < 0:
            if self._is_lost:
                del self._buffer[: -len(_END)]
            return False
        self._take_headers(bytes(self._buffer[:end]))
        del self._buffer[: end + len(_END)]
        return True

    def _take_headers(self, block: bytes) -> None:
        if self._is_lost:  # the end of a frame whose beginning was too long
            self._headers, self._is_lost = {}, False
            return
        lines = _lines(block.decode(errors="replace"), str)
        self._headers = {name.lower(): value for name, value in lines.items()}
        length = _length(self._headers.get("content-length", ""))
        if length > MOST_BODY:
            self.dropped += 1
            self._headers, self._skipped, length = {}, length, 0
        self._length = length

    def _skip(self) -> bool:
        """Read past a body that is too long. Whether all of it is past."""
        past = min(self._skipped, len(self._buffer))
        del self._buffer[:past]
        self._skipped -= past
        return self._skipped == 0


def json_texts(body: bytes) -> EslEvent | None:
    """The texts of a JSON object; None if it is none."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    return {name: value for name, value in document.items() if isinstance(value, str)}


def _lines(text: str, read: Callable[[str], str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in text.split("\n"):
        name, colon, value = line.partition(":")
        if colon:
            found.setdefault(name.strip(), read(value.strip()))
    return found


def _length(text: str) -> int:
    """A length; one that cannot be meant is none, so that the parser finds the next frame."""
    is_number = text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS
    return length if is_number and (length := int(text)) <= _MOST_BELIEVED else 0
