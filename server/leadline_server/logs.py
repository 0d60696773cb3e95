"""Structured logs on standard error, with callers' numbers masked."""

import logging
import re
import sys
import time
from collections.abc import Callable, MutableMapping
from typing import Any, Final, Literal

import structlog

from leadline_server.domain.numbers.phone_number import mask_number

_NUMBER: Final = re.compile(r"\+?\d[\d \u00a0().\-/]{5,}\d")
"""Whatever may be a phone number: seven digits or more, with the usual signs between them."""

_OPAQUE: Final = frozenset({"timestamp", "level", "account_id", "call_id", "correlation_id", "rpc", "address"})
"""Keys whose values are ids, times and addresses, which only look like numbers."""


MOST_LINES: Final = 20
SAMPLE_SECONDS: Final = 10.0
"""The most lines of one kind in this time. Lines of errors are never left out."""

_MOST_KINDS: Final = 1_000


def configure_logs(level: str, style: Literal["console", "json"]) -> None:
    """Set logging up for this process."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[
            SampledLines(),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            mask_numbers,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def mask_numbers(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: hide every phone number that a line would show."""
    for key, value in event.items():
        if isinstance(value, str) and key not in _OPAQUE:
            event[key] = _NUMBER.sub(lambda found: mask_number(found.group()), value)
    return event


class SampledLines:
    """A structlog processor: writes the first lines of a kind, and then only how many more there were.

    Refused requests cost a line each, so a client that repeats one would fill the disk. A kind is an event with its
    RPC, reason and account. The first line of the next ten seconds says in `left_out` how many are missing before it.

    Args:
        now: a monotonic clock, in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._window = 0
        self._lines: dict[tuple[Any, ...], int] = {}
        self._left_out: dict[tuple[Any, ...], int] = {}

    @property
    def kinds(self) -> int:
        """How many kinds are remembered."""
        return max(len(self._lines), len(self._left_out))

    def __call__(self, _: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """The line; raises DropEvent for one that is left out."""
        if method in {"error", "critical", "exception"}:
            return event
        self._turn()
        kind = (event.get("event"), event.get("rpc"), event.get("reason"), event.get("account_id"))
        lines = self._lines[kind] = self._lines.get(kind, 0) + 1
        if lines > MOST_LINES:
            self._left_out[kind] = self._left_out.get(kind, 0) + 1
            raise structlog.DropEvent
        if left_out := self._left_out.pop(kind, 0):
            event["left_out"] = left_out
        return event

    def _turn(self) -> None:
        window = int(self._now() // SAMPLE_SECONDS)
        if window != self._window or len(self._lines) >= _MOST_KINDS:
            self._window = window
            self._lines.clear()
        if len(self._left_out) >= _MOST_KINDS:
            self._left_out.clear()
