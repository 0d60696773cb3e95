"""One HTTP request and its answer, limited in time and size. Redirects are not followed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import aiohttp
from yarl import URL

from leadline_server.crm.egress import AddressRefused
from leadline_server.crm.toolkit.http_answers import HttpAnswer
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
    try:
        async with session.request(
            request.method,
            request.address,
            params=request.params,
            data=request.body,
            headers={**request.headers, **headers},
            timeout=aiohttp.ClientTimeout(total=deadline, connect=deadline * _CONNECT_SHARE),
            allow_redirects=False,
        ) as response:
            body = await _read(response, is_write=request.is_write)
            return HttpAnswer(status=response.status, headers=response.headers, body=body, is_write=request.is_write)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise CrmUnavailable(_refused(error) or "The CRM cannot be reached.") from error
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        if refused := _refused(error):
            raise CrmUnavailable(refused) from error
        if request.is_write:
            raise CrmOutcomeUnknown("The CRM did not answer. It may have done what it was asked.") from error
        raise CrmUnavailable("The CRM did not answer.") from error


async def _read(response: aiohttp.ClientResponse, *, is_write: bool) -> bytes:
    body = bytearray()
    if (response.content_length or 0) <= MAX_ANSWER_BYTES:  # a longer one is not even received
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > MAX_ANSWER_BYTES:
                break
        else:
            return bytes(body)
    response.close()
    message = f"The CRM's answer is longer than {MAX_ANSWER_BYTES} bytes."
    raise CrmOutcomeUnknown(message) if is_write else CrmTooMuch(message)


def _refused(error: Exception) -> str:
    """Why leadline itself refuses to connect to the host; empty if it does not. Then nothing was sent."""
    causes = (error, error.__cause__, getattr(error, "os_error", None))
    return next((str(cause) for cause in causes if isinstance(cause, AddressRefused)), "")
