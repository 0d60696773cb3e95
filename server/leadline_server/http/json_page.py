"""The common part of pages that take and give JSON and are no RPCs."""

import json
from typing import Any, Final

from leadline_server.domain.errors import LeadlineError
from leadline_server.http.gate import Receive, Send, answer
from leadline_server.transport.refusals import logged

MOST_BYTES: Final = 16 * 1024
"""The most bytes of a request."""

_STATUSES: Final = {"UNAUTHENTICATED": 401, "PERMISSION_DENIED": 403, "NOT_FOUND": 404, "UNAVAILABLE": 503}


async def read_texts(receive: Receive, names: frozenset[str]) -> dict[str, str] | None:
    """The texts of a request's JSON object; None if it is malformed, too large, or has other fields.

    Args:
        receive: reads the request.
        names: the fields that it may have.
    """
    try:
        said = json.loads(await _body(receive))
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or not names.issuperset(said):
        return None
    return said if all(isinstance(value, str) for value in said.values()) else None


async def send_json(send: Send, status: int, value: dict[str, Any], cookie: bytes = b"") -> None:
    """Answer with JSON, and perhaps a Set-Cookie header."""
    more = [(b"set-cookie", cookie)] if cookie else []
    await answer(send, status, json.dumps(value).encode(), "application/json", more)


async def send_error(send: Send, name: str, error: Exception) -> None:
    """Log an error, and answer with its status, reason and sentence."""
    refusal = logged(name, error)
    status = _STATUSES.get(refusal.code.name, 400 if isinstance(error, LeadlineError) else 500)
    await send_json(send, status, {"reason": refusal.reason, "message": refusal.message})


async def _body(receive: Receive) -> bytes:
    """The body; empty if it is too large or the client is gone."""
    body = b""
    while len(body) <= MOST_BYTES:
        message = await receive()
        if message["type"] != "http.request":
            return b""
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return body if len(body) <= MOST_BYTES else b""
    return b""
