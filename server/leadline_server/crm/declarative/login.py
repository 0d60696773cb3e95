"""Tokens that a CRM gives for a password, by a request of its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import aiohttp
import msgspec
from yarl import URL

from leadline_server.clock import Clock
from leadline_server.concurrency.single_flight import SingleFlight
from leadline_server.crm.declarative.request_template import BuiltRequest
from leadline_server.crm.toolkit import standard_failure
from leadline_server.crm.toolkit.delays import LONGEST_TOKEN_LIFE, read_seconds
from leadline_server.crm.toolkit.http_exchange import Request, exchange
from leadline_server.definitions.answer_path import AnswerPath
from leadline_server.domain.crm_errors import CrmAuthFailed

EARLY_SHARE: Final = 0.1
"""A token is replaced when only this share of its life is left."""

_REFUSED: Final = frozenset({400, 401, 403, 422})

_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """How to log in.

    Attributes:
        base_url: the CRM's address.
        request: the request for a token.
        token: the path of the token in the answer.
        lifetime: the path of its life in seconds in the answer, or the seconds.
        header: the header that authorizes requests.
        value: returns the header's value for a token.
        secrets: texts that no message may show.
    """

    base_url: str
    request: BuiltRequest
    token: AnswerPath
    lifetime: AnswerPath | float
    header: str
    value: Callable[[str], str]
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Token:
    text: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    replace_at: float  # epoch seconds


class LoginAuthorizer:
    """An Authorizer that logs in when it has no token, when its token expires, and when the CRM refuses it.

    All concurrent callers share one login, which continues even if they are cancelled. Tokens are in memory only, since
    the password gives a new one at any time.
    """

    def __init__(self, session: aiohttp.ClientSession, login: Login, clock: Clock, deadline: float) -> None:
        self._session = session
        self._login = login
        self._clock = clock
        self._deadline = deadline
        self._current: _Token | None = None
        self._logins: SingleFlight[str, _Token] = SingleFlight()

    async def headers(self) -> Mapping[str, str]:
        """The header. Raises CrmAuthFailed if the CRM refuses the login, CrmUnavailable if it does not answer."""
        current = self._current
        if current is None or self._clock.now().timestamp() >= current.replace_at:
            current = await self._renewed()
        return current.headers

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """Log in again, unless the token has been replaced already."""
        if self._current is not None and self._current.headers == refused:
            await self._renewed()
        return True

    @property
    def secrets(self) -> tuple[str, ...]:
        """The password and the token, with and without the rest of the header."""
        token = (self._current.text, *self._current.headers.values()) if self._current else ()
        return (*token, *self._login.secrets)

    async def _renewed(self) -> _Token:
        return await self._logins.run("", self._log_in)

    async def _log_in(self) -> _Token:
        login, asked_at = self._login, self._clock.now().timestamp()
        answer = await exchange(self._session, self._request(), {}, self._deadline)
        if answer.status in _REFUSED:
            raise CrmAuthFailed(f"The CRM refuses leadline's login (HTTP {answer.status}).")
        if (error := standard_failure(answer)) is not None:
            raise error
        document = answer.json()
        if not (token := login.token.text(document)):
            raise CrmAuthFailed("The CRM's answer to the login has no token.")
        said = login.lifetime.find(document) if isinstance(login.lifetime, AnswerPath) else login.lifetime
        life = read_seconds(said, "lifetime", longest=LONGEST_TOKEN_LIFE) or 0.0
        headers = {login.header: login.value(token)}
        self._current = _Token(token, headers, asked_at + life * (1 - EARLY_SHARE))
        return self._current

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
