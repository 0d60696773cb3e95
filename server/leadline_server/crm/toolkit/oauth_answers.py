"""The answers of token endpoints (RFC 6749, section 5), and what leadline stores of them."""

from datetime import datetime
from typing import Final

import msgspec

from leadline_server.crm.toolkit.delays import LONGEST_TOKEN_LIFE, read_seconds
from leadline_server.crm.toolkit.http_answers import UNREADABLE, HttpAnswer, standard_failure
from leadline_server.crm.toolkit.wire_record import WireRecord
from leadline_server.domain.crm_errors import CrmAuthFailed, CrmUnavailable
from leadline_server.domain.ledger_errors import KeyMissing, LedgerUnavailable, SecretDamaged, StandbyLedger
from leadline_server.domain.request_not_sent import CrmNotUsed

_LIFETIME: Final = 3600.0  # in seconds, if the answer names none; RFC 6749 recommends to name it


class StoredTokens(WireRecord, frozen=True):
    """The stored tokens of a grant."""

    seed: str
    access_token: str
    refresh_token: str
    replace_at: datetime


class _Granted(WireRecord, frozen=True):
    """The answer of a token endpoint (RFC 6749, section 5.1).

    `expires_in` stays JSON text here: a value such as 1e999 must not cost a refresh token that was just rotated.
    """

    access_token: str
    refresh_token: str | None = None
    expires_in: msgspec.Raw = msgspec.Raw(b"null")


class _Refusal(msgspec.Struct, frozen=True):
    """A token endpoint's error (RFC 6749, section 5.2). Its other fields are not read."""

    error: msgspec.Raw = msgspec.Raw(b"null")


STORED: Final = msgspec.json.Decoder(StoredTokens)
GRANTED: Final = msgspec.json.Decoder(_Granted)
_TOO_FAST: Final = "slow_down"
_PENDING: Final = ("authorization_pending", _TOO_FAST)
_refusal: Final = msgspec.json.Decoder(_Refusal)
encode_tokens: Final = msgspec.json.Encoder().encode


class ConsentPending(CrmAuthFailed):
    """A person has not consented yet (RFC 8628, section 3.5). `is_too_fast`: leadline asks too often."""

    def __init__(self, *, is_too_fast: bool) -> None:
        super().__init__("No one has consented yet.")
        self.is_too_fast = is_too_fast


def check_granted(answer: HttpAnswer) -> None:
    """Raise the error that an answer stands for. Bad credentials have status 400 here (RFC 6749, section 5.2).

    Some token endpoints answer 200 with an `error` in the body.
    """
    said = _error_code(answer)
    if said in _PENDING:
        raise ConsentPending(is_too_fast=said == _TOO_FAST)
    if answer.status == 400 or (answer.is_success and said):  # noqa: PLR2004 - see above
        raise CrmAuthFailed(
            f"The CRM refuses leadline's credentials and grants no token: {said or 'it does not say why'}."
        )
    if (error := standard_failure(answer)) is not None:
        raise error


def _error_code(answer: HttpAnswer) -> str:
    """The `error` of a token endpoint's answer. It is one of a few words, so it holds no secret."""
    try:
        said = msgspec.json.decode(_refusal.decode(answer.body).error)
    except UNREADABLE:
        return ""
    return said[:60] if isinstance(said, str) and said.replace("_", "").isalnum() else ""


def life_of(expires_in: msgspec.Raw) -> float:
    """A token's life in seconds. Salesforce does not name it, and other CRMs send it as text."""
    try:
        said = msgspec.json.decode(expires_in)
    except UNREADABLE:  # a number that JSON allows and no float can hold
        said = "out of range"
    seconds = read_seconds(said, "expires_in", longest=LONGEST_TOKEN_LIFE, unreadable=_LIFETIME)
    return _LIFETIME if seconds is None else seconds


def unusable_tokens(error: LedgerUnavailable, done: str) -> CrmUnavailable:
    """The adapter's error for tokens that cannot be `done`: read or stored."""
    if isinstance(error, StandbyLedger | KeyMissing | SecretDamaged):
        return CrmNotUsed(error.message)
    return CrmUnavailable(f"The CRM's tokens cannot be {done} at the moment.", retry_after=1)
