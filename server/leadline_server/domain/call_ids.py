"""Call ids that carry their source, so that the ids of two phone systems never mean one call.

Example: Asterisk's 1790000000.12 of the source `berlin` is `berlin/1790000000.12`, whichever way it is reported.
"""

import re
from hashlib import sha256
from typing import Final

MAX_SOURCE: Final = 32
"""The most characters of a source."""

_LONGEST: Final = 128  # characters of a call id, in the contract


SOURCE_PATTERN: Final = r"^[A-Za-z0-9._-]*$"


def is_source(name: str) -> bool:
    """Whether a text can be a source; the empty one is none."""
    return len(name) <= MAX_SOURCE and re.fullmatch(SOURCE_PATTERN, name) is not None


def sourced_id(source: str, call_id: str) -> str:
    """The id of a call of a source; without a source the phone system's own id.

    An id that would be too long ends with a hash of itself, so that it stays unique.
    """
    if not source:
        return call_id
    whole = f"{source}/{call_id}"
    if len(whole) <= _LONGEST:
        return whole
    digest = sha256(call_id.encode(errors="replace")).hexdigest()
    return f"{whole[: _LONGEST - len(digest) - 1]}-{digest}"
