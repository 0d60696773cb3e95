"""The HTTP client of adapters: bounded in time and size, to one place only, with every failure in the port's words."""

from collections.abc import Collection, Mapping
from typing import Any, Final, TypedDict, Unpack
from urllib.parse import quote, urlencode

import aiohttp
import msgspec
from yarl import URL

from leadline_server.crm.toolkit.authorization import Authorizer
from leadline_server.crm.toolkit.http_answers import Failure, HttpAnswer, standard_failure
from leadline_server.crm.toolkit.http_exchange import Request, exchange
from leadline_server.crm.toolkit.throttle import Throttle
from leadline_server.domain.errors import CrmAuthFailed, CrmError, CrmRateLimited, CrmUnavailable

DEADLINE_SECONDS: Final = 10.0
"""How long one request may take, in seconds."""

_RATE_LIMITED_SECONDS: Final = 1.0  # for a 429 that does not say for how long
_USER_AGENT: Final = "leadline"

_json_encoder: Final = msgspec.json.Encoder()


def segment(text: str) -> str:
    """Any text as one segment of a path: no id can lead out of its place."""
    return quote(text, safe="") if text not in {".", ".."} else "".join(f"%{ord(char):02X}" for char in text)


class Content(TypedDict, total=False):
    """What a request has besides its method and path.

    Attributes:
        params: the query.
        json: the body, written as JSON; or
        form: written as a form; or
        body: as it is, with its Content-Type among the headers.
        headers: of this request.
        scope: which of the CRM's rate limits it counts for.
        accept: statuses that are answers too, whatever they mean elsewhere.
    """

    params: Mapping[str, str]
    json: Any
    form: Mapping[str, str]
    body: bytes
    headers: Mapping[str, str]
    scope: str
    accept: Collection[int]


class HttpClient:
    """One connection's way to its CRM. Safe to use by any number of tasks at once, and to cancel.

    No request leaves for another place than `origin` and `origins`: redirects are answers of no use, not followed.

    Args:
        session: what connections are kept in; shared by all, closed by whoever made it.
        origin: where paths are, such as `https://api.example.com` or `https://crm.example.com/base`.
        authorizer: what requests are authorized with.
        failure: what an answer means.
        throttle: gives requests their turns.
        origins: other places, scheme, host and port, that requests may be sent to.
        headers: of every request.
        deadline: for one request, in seconds.
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
        self._origins = frozenset(URL(place).origin() for place in (origin, *origins))
        self._authorizer = authorizer
        self._failure = failure
        self._throttle = throttle or Throttle()
        self._headers = {"User-Agent": _USER_AGENT, "Accept": "application/json", **(headers or {})}
        self._deadline = deadline

    async def ask(self, method: str, path: str, **content: Unpack[Content]) -> HttpAnswer:
        """Ask a question, by whatever method.

        Args:
            method: the HTTP method.
            path: from the origin on, its segments quoted by `segment`; or a whole address at one of the origins.
            **content: see Content.

        Raises:
            CrmUnavailable: cannot tell; CrmRateLimited where the CRM wants a pause.
            CrmAuthFailed: the CRM refuses the credentials, new ones too.
            CrmRejected: it refuses the question.
        """
        return await self._send(method, path, content, is_write=False)

    async def tell(self, method: str, path: str, **content: Unpack[Content]) -> HttpAnswer:
        """Have something changed. Arguments as for `ask`; sent once, and again only if it was refused by its token.

        Raises:
            CrmOutcomeUnknown: it was sent, and nobody knows what became of it.
            CrmUnavailable: it was not sent; CrmRateLimited where the CRM wants a pause.
            CrmAuthFailed: the CRM refuses the credentials, new ones too.
            CrmRejected: it refuses the change.
        """
        return await self._send(method, path, content, is_write=True)

    def _address(self, path: str) -> URL:
        address = URL(path if "://" in path else f"{self._base}/{path.lstrip('/')}", encoded=True)
        if address.origin() not in self._origins:
            raise CrmUnavailable("The CRM refers leadline to a host that its settings do not name.")
        return address

    async def _send(self, method: str, path: str, content: Content, *, is_write: bool) -> HttpAnswer:
        body, body_headers = _written(content)
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
        answer, error = await self._tried(request, credentials, scope, accept)
        if isinstance(error, CrmAuthFailed) and await self._authorizer.renew(credentials):
            answer, error = await self._tried(request, await self._authorizer.headers(), scope, accept)
        if error is not None:
            raise self._redacted(error)
        return answer

    async def _tried(
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


def _written(content: Content) -> tuple[bytes | None, Mapping[str, str]]:
    """The body as bytes, and the header that says what they are."""
    if "json" in content:
        return _json_encoder.encode(content["json"]), {"Content-Type": "application/json"}
    if "form" in content:
        return urlencode(content["form"]).encode(), {"Content-Type": "application/x-www-form-urlencoded"}
    return content.get("body"), {}
