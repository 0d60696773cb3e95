"""Tokens in exchange for a password, by a CRM's own request."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import aiohttp
import msgspec
from yarl import URL

from leadline_server.clock import Clock
from leadline_server.crm.declarative.request_template import BuiltRequest
from leadline_server.crm.toolkit.http_answers import standard_failure
from leadline_server.crm.toolkit.http_exchange import Request, exchange
from leadline_server.definitions.answer_path import AnswerPath
from leadline_server.domain.errors import CrmAuthFailed

EARLY_SHARE: Final = 0.1
"""A token is replaced when this share of its life is left."""

_REFUSED: Final = frozenset({400, 401, 403, 422})

_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """How to log in.

    Attributes:
        base_url: where the CRM is.
        request: what asks for a token.
        token: where in the answer it is.
        lifetime: where in the answer its life in seconds is, or how long it is.
        header: the header that requests then have.
        value: its value, of a token.
        secrets: what no message may show.
    """

    base_url: str
    request: BuiltRequest
    token: AnswerPath
    lifetime: AnswerPath | float
    header: str
    value: Callable[[str], str]
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    headers: Mapping[str, str]
    replace_at: float  # epoch seconds


class LoginAuthorizer:
    """An Authorizer that logs in when it has no token, when its token ends, and when the CRM refuses it.

    All who want a token at once share one login, which goes on though all of them are cancelled. Tokens are kept in
    memory alone: who has the password can always get another.
    """

    def __init__(self, session: aiohttp.ClientSession, login: Login, clock: Clock, deadline: float) -> None:
        self._session = session
        self._login = login
        self._clock = clock
        self._deadline = deadline
        self._current: _Token | None = None
        self._logging_in: asyncio.Task[_Token] | None = None

    async def headers(self) -> Mapping[str, str]:
        """The header. Raises CrmAuthFailed where the CRM gives no token, CrmUnavailable where it cannot be asked."""
        current = self._current
        if current is None or self._clock.now().timestamp() >= current.replace_at:
            current = await self._renewed()
        return current.headers

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """Log in again, unless somebody has done so already."""
        if self._current is not None and self._current.headers == refused:
            await self._renewed()
        return True

    @property
    def secrets(self) -> tuple[str, ...]:
        """The password, and the token as it is and as it is sent."""
        token = (self._current.text, *self._current.headers.values()) if self._current else ()
        return (*token, *self._login.secrets)

    async def _renewed(self) -> _Token:
        if self._logging_in is None:
            self._logging_in = asyncio.create_task(self._log_in())
            self._logging_in.add_done_callback(self._ended)
        return await asyncio.shield(self._logging_in)

    def _ended(self, task: "asyncio.Task[_Token]") -> None:
        self._logging_in = None
        if not task.cancelled() and task.exception() is None:  # else somebody may be left to hear of it, or nobody
            self._current = task.result()

    async def _log_in(self) -> _Token:
        login, asked_at = self._login, self._clock.now().timestamp()
        answer = await exchange(self._session, self._request(), {}, self._deadline)
        if answer.status in _REFUSED:
            raise CrmAuthFailed(f"The CRM does not let leadline log in (HTTP {answer.status}).")
        if (error := standard_failure(answer)) is not None:
            raise error
        document = answer.json()
        if not (token := login.token.text(document)):
            raise CrmAuthFailed("The CRM's answer to the login has no token.")
        life = login.lifetime if isinstance(login.lifetime, float) else login.lifetime.seconds(document) or 0.0
        headers = {login.header: login.value(token)}
        return _Token(token, headers, asked_at + life * (1 - EARLY_SHARE))

    def _request(self) -> Request:
        built = self._login.request
        has_body = built.json is not None
        return Request(
            method=built.method,
            address=URL(f"{self._login.base_url}/{built.address.lstrip('/')}", encoded=True),
            is_write=False,
            body=_encode(built.json) if has_body else None,
            headers={
                "Accept": "application/json",
                **({"Content-Type": "application/json"} if has_body else {}),
                **built.headers,
            },
        )
