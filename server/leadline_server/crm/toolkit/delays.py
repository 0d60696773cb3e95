"""Delays in answers of CRMs, such as Retry-After and `expires_in`: read once, bounded, and logged if out of bounds."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

import structlog

from leadline_server.domain.delay import LONGEST_RETRY, UNREADABLE_SECONDS, Delay, read_delay

LONGEST_TOKEN_LIFE: Final = 30 * 24 * 3600.0
"""The longest life of an access token that leadline believes, in seconds. Then it requests a new token."""

_log = structlog.get_logger(__name__)


def read_seconds(
    said: object, field: str, *, longest: float = LONGEST_RETRY, unreadable: float = UNREADABLE_SECONDS
) -> float | None:
    """The delay of an answer's field in seconds, from 0 to `longest`; None if it says nothing.

    Example: the header `Retry-After: 99999999999` gives 86,400 seconds and a warning.

    Args:
        said: the field's value.
        field: its name, for the warning. The value is not logged: it may be any text.
        longest: the bound, in seconds.
        unreadable: the delay of a text that cannot be read, in seconds.
    """
    delay = checked_delay(said, field, longest=longest, unreadable=unreadable)
    return None if delay is None else delay.seconds


def checked_delay(
    said: object, field: str, *, longest: float = LONGEST_RETRY, unreadable: float = UNREADABLE_SECONDS
) -> Delay | None:
    """As `read_seconds`, with the answer to whether the value was out of bounds."""
    delay = read_delay(said, datetime.now(UTC), longest, unreadable)
    if delay is not None and delay.is_clamped:
        with suppress(Exception):  # a log that cannot be written must not cost a refresh token that came with the delay
            _log.warning("delay clamped", field=field, seconds=delay.seconds)
    return delay
