"""Structured logs on standard error, without callers' numbers, names and secrets."""

import logging
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, MutableMapping
from types import TracebackType
from typing import Any, Final, Literal

import structlog

from leadline_server.domain.errors import LeadlineError
from leadline_server.domain.masking import masked, without_values

_OPAQUE: Final = frozenset(
    {
        "timestamp",
        "level",
        "account_id",
        "call_id",
        "contact_id",
        "correlation_id",
        "rpc",
        "address",
        "hash",
        "span_id",
        "trace_id",
        "exception",
    }
)
"""Keys whose values are ids, times and addresses, which only look like numbers. Exceptions are masked before."""

_SPEAKING: Final = (
    AttributeError,
    ImportError,
    IndexError,
    LookupError,
    NameError,
    OSError,
    TypeError,
    ArithmeticError,
)
"""Python's own errors, which put values in quotes. Other exceptions may say anything, such as a caller's name."""

MOST_LINES: Final = 20
SAMPLE_SECONDS: Final = 10.0
"""The most lines of one kind in this time. Lines of errors are never left out."""

_MOST_KINDS: Final = 1_000
_MOST_CAUSES: Final = 5
MOST_FRAMES: Final = 25
"""The most frames of an exception that are logged: the last ones, where it was raised."""

MOST_SENTENCE: Final = 2_000
"""The longest message of an exception that is looked at, in characters. Of a longer one only the type is logged."""

_PEER_LEFT: Final = "ExecuteBatchError"
"""gRPC logs it with its traceback if a peer leaves before its answer is sent. Anyone could fill the log with these."""

_log = structlog.get_logger("leadline_server.library")


def configure_logs(level: str, style: Literal["console", "json"], *extra: structlog.typing.Processor) -> None:
    """Set logging up for this process, for libraries too. `extra` adds to each line, such as the ids of a trace."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            SampledLines(),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *extra,
            show_exception,
            mask_values,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[LibraryLines()], level=max(number, logging.WARNING), force=True)


class LibraryLines(logging.Handler):
    """Writes what libraries log, such as asyncio and gRPC. Their arguments may be anything, so these are left out."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        error = record.exc_info[1] if record.exc_info else None
        if type(error).__name__ == _PEER_LEFT:
            _log.debug("a peer left before its answer", logger=record.name)
            return
        write = _log.error if record.levelno >= logging.ERROR else _log.warning
        write("library", logger=record.name, detail=str(record.msg).splitlines()[0][:200], exc_info=error)


def mask_values(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: hide every number, address and secret that a line would show."""
    for key, value in event.items():
        if key in _OPAQUE or isinstance(value, bool | int | float | None):
            continue
        event[key] = [masked(str(item)) for item in value] if isinstance(value, list | tuple) else masked(str(value))
    return event


def show_exception(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: replace an exception by its types and where it was raised."""
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        event["exception"] = "\n".join(described(error))
    return event


def described(error: BaseException) -> Iterator[str]:
    """The lines of an exception and its causes: frames, types, and the message where it cannot name a person."""
    cause, known = error.__cause__ or (None if error.__suppress_context__ else error.__context__), 0
    yield "Traceback (most recent call last):"
    yield from _frames(error.__traceback__)
    yield _sentence(error)
    while cause is not None and known < _MOST_CAUSES:
        yield "Caused by:"
        yield from _frames(cause.__traceback__)
        yield _sentence(cause)
        cause, known = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__), known + 1


def _frames(trace: TracebackType | None) -> Iterator[str]:
    """The places of a traceback's last frames.

    No value and no source text: Python's own formatter reads and parses the sources of all frames, on the event loop.
    """
    last: deque[tuple[str, int, str]] = deque(maxlen=MOST_FRAMES)
    frames = 0
    while trace is not None:
        code = trace.tb_frame.f_code
        last.append((code.co_filename, trace.tb_lineno, code.co_name))
        trace, frames = trace.tb_next, frames + 1
    if frames > MOST_FRAMES:
        yield f"  {frames - MOST_FRAMES} frames before"
    for file, line, name in last:
        yield f'  File "{file}", line {line}, in {name}'


def _sentence(error: BaseException) -> str:
    kind = type(error).__name__
    if isinstance(error, (LeadlineError, *_SPEAKING)) and len(str(error)) > MOST_SENTENCE:
        return kind  # a message that is cut may end within a value, which then is not recognised
    if isinstance(error, LeadlineError):
        return f"{kind}: {without_values(str(error))}"
    if isinstance(error, _SPEAKING) and type(error).__module__ in ("builtins", "sqlite3"):
        return f"{kind}: {without_values(str(error))}"
    return kind


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
