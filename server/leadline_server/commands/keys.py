"""The RPCs of keys: IssueKey, ListKeys, RotateKey, RevokeKey and DenyTokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from leadline_server.audit.acting import acting
from leadline_server.clock import Clock
from leadline_server.commands.paging import PageTokens
from leadline_server.domain.access.api_keys import certificate_digest, key_digest, new_key, new_key_id
from leadline_server.domain.access.key_changes import revoked, rotated
from leadline_server.domain.access.principals import ApiKey, Grant, Principal, Role
from leadline_server.ports.ledger.credentials import Credentials, DenialKind, TokenDenial

MOST_KEYS: Final = 1_000
"""API keys of one account. Those that are not accepted any more are dropped when there is no room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyWish:
    """A key that someone wants issued. Attributes as of `ApiKey`."""

    account_id: str
    role: Role
    user_id: str = ""
    grants: frozenset[Grant] = frozenset()
    label: str = ""
    certificate_name: str = ""
    expire_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key: what the ledger keeps of it, and the key itself, which is shown once."""

    key: ApiKey
    secret: str
    replaced: ApiKey | None = None

    def __repr__(self) -> str:
        return f"IssuedKey({self.key.key_id})"


@dataclass(frozen=True, slots=True)
class KeyList:
    """One page of keys, and the token of the next; empty on the last."""

    keys: Sequence[ApiKey]
    next_page_token: str


class Keys:
    """Issues, lists and ends the API keys of an account.

    Args:
        credentials: the ledger's keys.
        tokens: makes page tokens.
        clock: the clock.
    """

    def __init__(self, credentials: Credentials, tokens: PageTokens, clock: Clock) -> None:
        self._credentials = credentials
        self._tokens = tokens
        self._clock = clock

    async def issue(self, wish: KeyWish, principal: Principal) -> IssuedKey:
        """Issue a key. Raises TooManyKeys or KeyConflict."""
        issued = made(wish, principal.id, self._clock.now())
        await self._credentials.issue(issued.key, MOST_KEYS)
        return issued

    async def list(self, account_id: str, page_size: int, page_token: str) -> KeyList:
        """A page of an account's keys. Raises InvalidPageToken."""
        after = self._tokens.read(account_id, page_token) if page_token else ""
        found = await self._credentials.list(account_id, after, page_size + 1)
        keys = found[:page_size]
        more = self._tokens.make(account_id, keys[-1].key_id) if len(found) > page_size else ""
        return KeyList(keys, more)

    async def rotate(self, account_id: str, key_id: str, overlap: timedelta, principal: Principal) -> IssuedKey:
        """Issue a key in the place of another. Raises KeyNotFound, KeyConflict or TooManyKeys."""
        now, new_id = self._clock.now(), new_key_id()
        secret = new_key(new_id)
        new = new_id, key_digest(secret)
        old, successor = await self._credentials.change(
            account_id,
            key_id,
            lambda family: rotated(family, key_id, new, principal.id, now, overlap),
            MOST_KEYS,
            acting(),
        )
        return IssuedKey(successor, secret, old)

    async def revoke(self, account_id: str, key_id: str) -> ApiKey:
        """End a key at once. Raises KeyNotFound."""
        now = self._clock.now()
        [key] = await self._credentials.change(
            account_id, key_id, lambda family: [revoked(family, key_id, now)], MOST_KEYS, acting()
        )
        return key

    async def deny(self, account_id: str, issuer: str, denied: tuple[DenialKind, str], until: datetime | None) -> None:
        """Refuse an account's JWTs of a subject, or one JWT."""
        kind, value = denied
        now = self._clock.now()
        denial = TokenDenial(account_id=account_id, issuer=issuer, kind=kind, value=value, denied_at=now, until=until)
        await self._credentials.deny(denial, acting())


def made(wish: KeyWish, creator: str, now: datetime) -> IssuedKey:
    """A new key as it is wished for. It is not stored yet."""
    key_id = new_key_id()
    secret = "" if wish.certificate_name else new_key(key_id)
    key = ApiKey(
        key_id=key_id,
        digest=key_digest(secret) if secret else certificate_digest(wish.certificate_name),
        role=wish.role,
        account_id=wish.account_id,
        user_id=wish.user_id,
        grants=wish.grants,
        label=wish.label,
        certificate_name=wish.certificate_name,
        family=key_id,
        create_time=now,
        creator=creator,
        expire_time=wish.expire_time,
    )
    return IssuedKey(key, secret)
