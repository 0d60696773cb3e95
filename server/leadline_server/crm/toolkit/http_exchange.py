"""One HTTP request and its answer, limited in time and size. Redirects are not followed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import aiohttp
from yarl import URL

from leadline_server.concurrency.deadline import TimeLimit
from leadline_server.crm.egress import AddressRefused
from leadline_server.crm.toolkit.http_answers import HttpAnswer
from leadline_server.crm.toolkit.http_direct import REPEATED, DirectConnector, answered, head
from leadline_server.domain.crm_errors import CrmOutcomeUnknown, CrmTooMuch, CrmUnavailable
from leadline_server.domain.limits import MOST_LOOKUP_BYTES

MAX_ANSWER_BYTES: Final = MOST_LOOKUP_BYTES
"""The most bytes of an answer, after decompression. A longer one is never decoded: that would stop the event loop."""

_CONNECT_SHARE: Final = 0.5
"""The share of the deadline for connecting. If that fails, it is certain that nothing was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request. `is_write`: it changes data, so a lost answer leaves the outcome unknown."""

    method: str
    address: URL = field(repr=False)  # some CRMs take a key in the query
    is_write: bool
    params: Mapping[str, str] | None = field(default=None, repr=False)
    body: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


async def exchange(
    session: aiohttp.ClientSession, request: Request, headers: Mapping[str, str], deadline: float
) -> HttpAnswer:
    """Send a request once, with `headers` in addition to its own, and read the whole answer in `deadline` seconds.

    Raises:
        CrmUnavailable: nothing was sent, or a read was not answered.
        CrmTooMuch: the answer to a read is longer than MAX_ANSWER_BYTES.
        CrmOutcomeUnknown: a write was sent, and its answer is missing or too long.
    """
    sent = {**request.headers, **headers}
    try:
        connector = session.connector
        if isinstance(connector, DirectConnector) and request.address.raw_user is None:
            async with TimeLimit(deadline):
                return await _direct(connector, request, sent, deadline * _CONNECT_SHARE)
        async with session.request(
            request.method,
            request.address,
            params=request.params,
            data=request.body,
            headers=sent,
            timeout=aiohttp.ClientTimeout(total=deadline, connect=deadline * _CONNECT_SHARE),
            allow_redirects=False,
        ) as response:
            try:
                body = await _read(response.content, response.content_length or 0, is_write=request.is_write)
            except BaseException:
                response.close()
                raise
            return HttpAnswer(status=response.status, headers=response.headers, body=body, is_write=request.is_write)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise CrmUnavailable(_refused(error) or "The CRM cannot be reached.") from error
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        if refused := _refused(error):
            raise CrmUnavailable(refused) from error
        if request.is_write:
            raise CrmOutcomeUnknown("The CRM did not answer. It may have done what it was asked.") from error
        raise CrmUnavailable("The CRM did not answer.") from error


async def _direct(
    connector: DirectConnector, request: Request, headers: Mapping[str, str], connect_seconds: float
) -> HttpAnswer:
    """The answer by a connection of the pool. A kept one may be closed already: then another one, if that is safe."""
    address = request.address.extend_query(request.params) if request.params else request.address
    body = request.body
    sent = head(request.method, address, headers, None if body is None else len(body)) + (body or b"")
    try:
        return await _sent(connector, address.origin(), request, sent, connect_seconds)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError, aiohttp.ClientConnectionResetError):
        if request.method not in REPEATED:
            raise
    return await _sent(connector, address.origin(), request, sent, connect_seconds)


async def _sent(
    connector: DirectConnector, origin: URL, request: Request, sent: bytes, connect_seconds: float
) -> HttpAnswer:
    connection = await connector.connected(origin, connect_seconds)
    try:
        message, stream = await answered(connection, sent, has_body=request.method != "HEAD")
        length = int(message.headers.get("Content-Length", 0))
        body = await _read(stream, length, is_write=request.is_write)
    except BaseException:
        connection.close()
        raise
    connection.release()
    return HttpAnswer(status=message.code, headers=message.headers, body=body, is_write=request.is_write)


async def _read(stream: aiohttp.StreamReader, length: int, *, is_write: bool) -> bytes:
    """The whole body. `length` is what its header says; a longer one than is read is not even received."""
    if stream.is_eof() and len(whole := stream.read_nowait()) <= MAX_ANSWER_BYTES:
        return whole  # most answers arrive whole
    body = bytearray()
    if length <= MAX_ANSWER_BYTES and not stream.is_eof():
        async for chunk in stream.iter_any():
            body += chunk
            if len(body) > MAX_ANSWER_BYTES:
                break
        else:
            return bytes(body)
    message = f"The CRM's answer is longer than {MAX_ANSWER_BYTES} bytes."
    raise CrmOutcomeUnknown(message) if is_write else CrmTooMuch(message)


def _refused(error: Exception) -> str:
    """Why leadline itself refuses to connect to the host; empty if it does not. Then nothing was sent."""
    causes = (error, error.__cause__, getattr(error, "os_error", None))
    return next((str(cause) for cause in causes if isinstance(cause, AddressRefused)), "")
