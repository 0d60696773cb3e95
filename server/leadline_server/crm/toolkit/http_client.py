"""The HTTP client of adapters: limited in time, size and hosts. It raises the errors of the CRM port."""

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any, Final, TypedDict, Unpack
from urllib.parse import quote, urlencode

import aiohttp
import msgspec
from yarl import URL

from leadline_server.crm.toolkit.authorization import Authorizer
from leadline_server.crm.toolkit.http_answers import Failure, HttpAnswer, standard_failure
from leadline_server.crm.toolkit.http_exchange import Request, exchange
from leadline_server.crm.toolkit.throttle import Throttle
from leadline_server.domain.crm_errors import CrmAuthFailed, CrmError, CrmRateLimited, CrmUnavailable

DEADLINE_SECONDS: Final = 10.0
"""How long one request may take, in seconds."""

_ADDRESSES: Final = 64
"""How many addresses are kept parsed."""

_RATE_LIMITED_SECONDS: Final = 1.0  # after a 429 without Retry-After
_USER_AGENT: Final = "leadline"

_json_encoder: Final = msgspec.json.Encoder()


def segment(text: str) -> str:
    """Any text as one segment of a path. `../admin` becomes `..%2Fadmin`, so no id leads to another path."""
    return quote(text, safe="") if text not in {".", ".."} else "".join(f"%{ord(char):02X}" for char in text)


class Content(TypedDict, total=False):
    """The parts of a request besides its method and path. It has at most one of `json`, `form` and `body`.

    Attributes:
        params: the query.
        json: the body, to be encoded as JSON.
        form: the body, to be encoded as a form.
        body: the body as bytes. Its Content-Type is in `headers`.
        headers: the headers of this request.
        scope: the scope of the CRM's rate limits that it counts for.
        accept: statuses that are no errors here, such as 404 for "no such contact".
    """

    params: Mapping[str, str]
    json: Any
    form: Mapping[str, str]
    body: bytes
    headers: Mapping[str, str]
    scope: str
    accept: Collection[int]


class HttpClient:
    """Sends the requests of one connection. Any number of tasks may use it at once, and may be cancelled.

    Requests go to `origin` and `origins` only. A redirect is an error, and is not followed.

    Args:
        session: the HTTP session, shared by all connections. The client does not close it.
        origin: where paths begin, such as `https://api.example.com` or `https://crm.example.com/base`.
        authorizer: returns the headers that authorize requests.
        failure: returns the error that an answer stands for.
        throttle: gives requests their turns.
        origins: other origins (scheme, host and port) that requests may go to.
        headers: the headers of every request.
        deadline: the time for one request, in seconds.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        origin: str,
        authorizer: Authorizer,
        *,
        failure: Failure = standard_failure,
        throttle: Throttle | None = None,
        origins: Collection[str] = (),
        headers: Mapping[str, str] | None = None,
        deadline: float = DEADLINE_SECONDS,
    ) -> None:
        self._session = session
        self._base = origin.rstrip("/")
        self._origins = frozenset(URL(address).origin() for address in (origin, *origins))
        self._authorizer = authorizer
        self._failure = failure
        self._throttle = throttle or Throttle()
        self._headers = {"User-Agent": _USER_AGENT, "Accept": "application/json", **(headers or {})}
        self._deadline = deadline
        self._address = lru_cache(maxsize=_ADDRESSES)(self._parsed)  # most requests go to a few paths

    async def ask(self, method: str, path: str, **content: Unpack[Content]) -> HttpAnswer:
        """Send a request that reads, with any HTTP method.

        Args:
            method: the HTTP method.
            path: the path below the origin, its segments quoted by `segment`; or a whole address at one of the origins.
            **content: see Content.

        Raises:
            CrmUnavailable: cannot tell; CrmRateLimited if the CRM wants a pause.
            CrmAuthFailed: the CRM refuses the credentials, also after they were renewed.
            CrmRejected: the CRM refuses the request.
        """
        return await self._send(method, path, content, is_write=False)

    async def tell(self, method: str, path: str, **content: Unpack[Content]) -> HttpAnswer:
        """Send a request that changes data, once. It is sent again only if the CRM refused its token.

        Arguments as for `ask`.

        Raises:
            CrmOutcomeUnknown: the request was sent, and its outcome is unknown.
            CrmUnavailable: the request was not sent; CrmRateLimited if the CRM wants a pause.
            CrmAuthFailed: the CRM refuses the credentials, also after they were renewed.
            CrmRejected: the CRM refuses the change.
        """
        return await self._send(method, path, content, is_write=True)

    def _parsed(self, path: str) -> URL:
        address = URL(path if "://" in path else f"{self._base}/{path.lstrip('/')}", encoded=True)
        if address.origin() not in self._origins:
            raise CrmUnavailable("The CRM refers to a host that the settings do not name.")
        return address

    async def _send(self, method: str, path: str, content: Content, *, is_write: bool) -> HttpAnswer:
        body, body_headers = _encoded(content)
        request = Request(
            method=method,
            address=self._address(path),
            is_write=is_write,
            params=content.get("params"),
            body=body,
            headers={**self._headers, **body_headers, **content.get("headers", {})},
        )
        scope, accept = content.get("scope", ""), content.get("accept", ())
        credentials = await self._authorizer.headers()
        answer, error = await self._send_once(request, credentials, scope, accept)
        if isinstance(error, CrmAuthFailed) and await self._authorizer.renew(credentials):
            answer, error = await self._send_once(request, await self._authorizer.headers(), scope, accept)
        if error is not None:
            raise self._redacted(error)
        return answer

    async def _send_once(
        self, request: Request, credentials: Mapping[str, str], scope: str, accept: Collection[int]
    ) -> tuple[HttpAnswer, CrmError | None]:
        await self._throttle.turn(scope)
        answer = await exchange(self._session, request, credentials, self._deadline)
        self._throttle.heed(answer)
        error = None if answer.status in accept else self._failure(answer)
        if isinstance(error, CrmRateLimited):
            self._throttle.hold(error.retry_after or _RATE_LIMITED_SECONDS, scope)
        return answer, error

    def _redacted(self, error: CrmError) -> CrmError:
        for secret in self._authorizer.secrets:
            if secret and secret in error.message:
                error.message = error.message.replace(secret, "***")
                error.args = (error.message,)
        return error


def _encoded(content: Content) -> tuple[bytes | None, Mapping[str, str]]:
    """The body as bytes, and its Content-Type header."""
    if "json" in content:
        return _json_encoder.encode(content["json"]), {"Content-Type": "application/json"}
    if "form" in content:
        return urlencode(content["form"]).encode(), {"Content-Type": "application/x-www-form-urlencoded"}
    return content.get("body"), {}
