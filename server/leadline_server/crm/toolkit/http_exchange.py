"""One HTTP exchange: bounded in time and size, redirects not followed, every failure in the port's words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import aiohttp
from yarl import URL

from leadline_server.crm.toolkit.http_answers import HttpAnswer
from leadline_server.domain.errors import CrmOutcomeUnknown, CrmUnavailable

MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024

_CONNECT_SHARE: Final = 0.5
"""Of the deadline, this share is what connecting may take: then it is known that nothing was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is sent. `is_write`: it changes something, so that a lost answer leaves the outcome open."""

    method: str
    address: URL
    is_write: bool
    params: Mapping[str, str] | None = None
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


async def exchange(
    session: aiohttp.ClientSession, request: Request, headers: Mapping[str, str], deadline: float
) -> HttpAnswer:
    """Send a request once, with `headers` besides its own, and read the answer whole, within `deadline` seconds.

    Raises:
        CrmUnavailable: nothing was sent, or a question was not answered.
        CrmOutcomeUnknown: a change was sent and not answered.
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
        raise CrmUnavailable("The CRM cannot be reached.") from error
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        if request.is_write:
            raise CrmOutcomeUnknown("The CRM was told and did not answer.") from error
        raise CrmUnavailable("The CRM did not answer.") from error


async def _read(response: aiohttp.ClientResponse, *, is_write: bool) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            response.close()
            message = f"The CRM's answer is longer than {MAX_ANSWER_BYTES} bytes."
            raise CrmOutcomeUnknown(message) if is_write else CrmUnavailable(message)
    return bytes(body)
