"""Structured logs on standard error, with callers' numbers masked."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Final, Literal

import structlog

from leadline_server.domain.numbers.phone_number import mask_number

_NUMBER: Final = re.compile(r"\+?\d[\d \u00a0().\-/]{5,}\d")
"""Whatever may be a phone number: seven digits or more, with the usual signs between them."""

_OPAQUE: Final = frozenset({"timestamp", "level", "account_id", "call_id", "correlation_id", "rpc", "address"})
"""Keys whose values are ids, times and addresses, which only look like numbers."""


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
