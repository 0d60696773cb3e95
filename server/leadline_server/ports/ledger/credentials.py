"""The ledger's API keys, and the tokens that it denies."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from leadline_server.domain.access.principals import ApiKey, BrowserSession, VerifiedToken
from leadline_server.domain.audit import LEADLINE, Actor
from leadline_server.domain.unshown import unshown


class DenialKind(StrEnum):
    """The kind of a denial's value.

    SUBJECT: a subject, for all its tokens. TOKEN: a token's id. SESSION: a session's id. SESSIONS: a principal's id,
    for all its sessions that were opened before the denial.
    """

    SUBJECT = "sub"
    TOKEN = "jti"  # noqa: S105 - the name of a claim
    SESSION = "session"
    SESSIONS = "sessions"


@unshown
@dataclass(frozen=True, slots=True, kw_only=True)
class TokenDenial:
    """JWTs or sessions to refuse.

    Attributes:
        account_id: the account whose tokens are refused; empty: of every account.
        issuer: the `iss` claim; empty for sessions.
        kind, value: the subject, the token's id, and so on.
        denied_at: when it was denied.
        until: when the denial ends; None: never.
    """

    account_id: str
    issuer: str
    kind: DenialKind
    value: str
    denied_at: datetime
    until: datetime | None = None


class Credentials(Protocol):
    """API keys by digest and by id. The obligations of `ports.ledger` hold.

    A change is seen by every process at its next request: `find` and `is_denied` answer from what is in force now.
    """

    async def find(self, digest: bytes) -> ApiKey | None:
        """The key with this digest, live or not; None if there is none."""
        ...

    async def list(self, account_id: str, after: str, limit: int) -> Sequence[ApiKey]:
        """At most `limit` keys of an account whose ids follow `after`, in the order of their ids."""
        ...

    async def issue(self, key: ApiKey, most: int) -> None:
        """Keep a new key. Keys that are not accepted any more are dropped if there is no room for it otherwise.

        Raises:
            TooManyKeys: the account has `most` keys that are accepted.
            KeyConflict: there is a key with this digest: a certificate's name that is accepted already.
        """
        ...

    async def issue_first(self, key: ApiKey) -> bool:
        """Keep the very first key; False, changing nothing, if the ledger has had a key before."""
        ...

    async def change(
        self,
        account_id: str,
        key_id: str,
        change: Callable[[Sequence[ApiKey]], Sequence[ApiKey]],
        most: int,
        by: Actor = LEADLINE,
    ) -> Sequence[ApiKey]:
        """Change the rotation of a key: `change` takes all its keys, and returns those to write. Returns these.

        Raises:
            KeyNotFound: the account has no such key.
            TooManyKeys: as for `issue`.
        """
        ...

    async def deny(self, denial: TokenDenial, by: Actor = LEADLINE) -> None:
        """Refuse tokens from now on."""
        ...

    async def is_denied(self, token: VerifiedToken, now: datetime) -> bool:
        """Whether a token's subject or id is denied at `now`."""
        ...

    async def is_ended(self, session: BrowserSession, principal_id: str) -> bool:
        """Whether a session, or all sessions of its principal until then, were ended."""
        ...

    def version(self) -> int:
        """A number that changes, for every process, with every change of keys and denials.

        A ledger that cannot tell without I/O returns another number each time.
        """
        ...

    async def reach(self) -> None:
        """Return if the ledger can be read now. Raises LedgerUnavailable."""
        ...
