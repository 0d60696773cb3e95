"""The refusals of RPCs: logged in one line, and sent as a status."""

from contextlib import suppress
from typing import NoReturn

import structlog

from leadline_server.domain.errors import (
    InvalidRequest,
    LeadlineError,
)
from leadline_server.transport import status
from leadline_server.transport.context import Context

_log = structlog.get_logger(__name__)


async def refuse(context: Context, answer: status.Refusal) -> NoReturn:
    """End the call with an error. Raises gRPC's exception for it."""
    await context.abort(answer.code, answer.message, answer.trailing(context.time_remaining()))


def logged(rpc: str, error: Exception) -> status.Refusal:
    """Log an error in one line, and return its status. The line has no text of the request, since that names people.

    It never raises. If the line cannot be written, a shorter one is tried, without the error's own texts.
    """
    answer = status.refusal(error)
    try:
        _log_refusal(rpc, error, answer)
    except Exception as failed:  # noqa: BLE001 - such as a text that the log's encoding does not have, or a full disk
        correlation_id = answer.metadata.get("correlation_id", "")
        with suppress(Exception):
            _log.error(
                "rpc_failed",
                rpc=rpc,
                code=answer.code.name,
                correlation_id=correlation_id,
                error=type(error).__name__,
                log_error=type(failed).__name__,
            )
    return answer


def _log_refusal(rpc: str, error: Exception, answer: status.Refusal) -> None:
    known = {"rpc": rpc, "code": answer.code.name, "reason": answer.reason}
    if "correlation_id" in answer.metadata:
        _log.error("rpc_failed", **known, correlation_id=answer.metadata["correlation_id"], exc_info=error)
    elif isinstance(error, InvalidRequest):
        _log.info("rpc_refused", **known, fields=[_loggable(violation.field) for violation in error.violations[:16]])
    elif isinstance(error, LeadlineError) and error.__cause__ is not None:
        _log.info("rpc_refused", **known, cause=type(error.__cause__).__name__)
    else:
        _log.info("rpc_refused", **known)


def _loggable(field: str) -> str:
    """A field's path without an attribute's key, which is the caller's text: `call.attributes`."""
    return field.partition('["')[0]
