"""A CRM's answer over HTTP, and the error that its status code stands for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import msgspec

from leadline_server.crm.toolkit.delays import read_seconds
from leadline_server.crm.toolkit.json_nesting import is_nested_deeper
from leadline_server.crm.toolkit.redaction import in_its_words
from leadline_server.domain.crm_errors import (
    CrmAuthFailed,
    CrmError,
    CrmOutcomeUnknown,
    CrmRateLimited,
    CrmRejected,
    CrmTooMuch,
    CrmUnavailable,
)
from leadline_server.domain.limits import MOST_NESTING

T = TypeVar("T")

LONGEST_WORDS: Final = 300
"""The most characters of a CRM's own words in a message."""

_REFUSED_CREDENTIALS: Final = frozenset({401, 402, 403})
_CANNOT_NOW: Final = frozenset({408, 421, 425})
_TOO_MANY: Final = 429

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""The errors of a JSON decoder for a body that it cannot read. RecursionError: it is nested too deeply."""

_json: Final = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """An answer of a CRM.

    Attributes:
        status: the HTTP status code.
        headers: the headers, by case-insensitive names.
        body: the whole body. The client refuses longer ones than it allows.
        is_write: whether the request changes data.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)  # a token endpoint answers with tokens
    is_write: bool
    _decoded: list[Any] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300  # noqa: PLR2004 - RFC 9110, section 15.3

    def json(self) -> Any:
        """The body as JSON, decoded once. Do not change it. Raises `unusable` if it is not JSON."""
        if not self._decoded:
            self._decoded.append(self.decode(_json))
        return self._decoded[0]

    def decode(self, decoder: "msgspec.json.Decoder[T]") -> T:
        """The body, decoded by `decoder`.

        Raises:
            CrmTooMuch: it is nested deeper than MOST_NESTING; after a write CrmOutcomeUnknown.
            CrmError: it cannot be decoded; see `unusable`.
        """
        if is_nested_deeper(self.body, MOST_NESTING):
            error = self.unusable("is nested too deeply")
            raise error if self.is_write else CrmTooMuch(error.message)
        try:
            return decoder.decode(self.body)
        except UNREADABLE as error:
            raise self.unusable("differs from its documentation") from error

    def unusable(self, what: str) -> CrmError:
        """The error for an answer that leadline cannot use. After a write its outcome is unknown."""
        message = f"The CRM's answer {what} (HTTP {self.status})."
        return CrmOutcomeUnknown(message) if self.is_write else CrmUnavailable(message)

    @property
    def retry_after(self) -> float | None:
        """The delay of a Retry-After header in seconds, at most a day (RFC 9110, section 10.2.3); None without one."""
        return read_seconds(self.headers.get("Retry-After"), "Retry-After")


Failure = Callable[[HttpAnswer], CrmError | None]
"""Returns the error that an answer stands for; None for a success. Adapters add a vendor's own rules."""


def standard_failure(answer: HttpAnswer, words: Callable[[HttpAnswer], str] = lambda _: "") -> CrmError | None:
    """The error that an answer's status stands for, in a CRM that uses status codes as RFC 9110 does.

    After a write, a server error leaves the outcome unknown: some CRMs answer so although they have committed.

    Args:
        answer: the answer.
        words: finds the CRM's own words in an answer; empty if there are none.
    """
    status = answer.status
    if answer.is_success:
        return None
    if status in _REFUSED_CREDENTIALS:
        return CrmAuthFailed(_sentence("The CRM refuses leadline's credentials", answer, words))
    if status == _TOO_MANY:
        message = _sentence("The CRM asks to slow down", answer, words)
        return CrmRateLimited(message, retry_after=answer.retry_after)
    if status in _CANNOT_NOW or status >= 500:  # noqa: PLR2004 - RFC 9110, section 15.6
        kind = CrmOutcomeUnknown if answer.is_write else CrmUnavailable
        return kind(_sentence("The CRM failed", answer, words), retry_after=answer.retry_after)
    if 400 <= status < 500:  # noqa: PLR2004 - RFC 9110, section 15.5
        return _refused(answer, words)
    return answer.unusable("redirects to another address" if 300 <= status < 400 else "cannot be read")  # noqa: PLR2004 - section 15.4


def _refused(answer: HttpAnswer, words: Callable[[HttpAnswer], str]) -> CrmError:
    if answer.status in {404, 405, 410} and not answer.is_write:
        # The address is probably wrong, so this says nothing about the contact.
        return CrmUnavailable(_sentence("The CRM does not know the address of this request", answer, words))
    return CrmRejected(_sentence("The CRM refuses this", answer, words))


def _sentence(beginning: str, answer: HttpAnswer, words: Callable[[HttpAnswer], str]) -> str:
    said = in_its_words(words(answer), LONGEST_WORDS)
    return f"{beginning} (HTTP {answer.status})" + (f": {said}" if said else ".")
