"""Principals: who a request comes from, by its credential."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeAlias

from leadline_server.domain.unshown import unshown


class Role(StrEnum):
    """The purpose of a credential. The table of roles says what each may do."""

    PLATFORM = "platform"
    ACCOUNT_ADMIN = "account_admin"
    SERVICE = "service"
    REPORTER = "reporter"
    USER = "user"
    AUDITOR = "auditor"
    MONITOR = "monitor"


class Grant(StrEnum):
    """A right that a credential has beyond its role.

    CALL_DATA: a platform credential may read contacts and call logs.
    UPDATE_PREFERENCES: a service may write the preferences of users.
    """

    CALL_DATA = "call_data"
    UPDATE_PREFERENCES = "update_preferences"


GRANTS_OF: Final = {Role.PLATFORM: Grant.CALL_DATA, Role.SERVICE: Grant.UPDATE_PREFERENCES}
"""The one grant that each role can have; the other roles have none."""

WITHOUT_ACCOUNT: Final = frozenset({Role.PLATFORM, Role.MONITOR})
"""Roles whose credentials belong to no account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who a request comes from.

    Attributes:
        id: names the credential in logs and in the audit trail, and reveals nothing of it: "key:0123456789abcdef".
        role: its role.
        account_id: the account that it belongs to; empty: none.
        user_id: the user that it acts for, with the role `user`; empty: none.
        grants: what it may do beyond its role.
    """

    id: str
    role: Role
    account_id: str = ""
    user_id: str = ""
    grants: frozenset[Grant] = frozenset()

    @property
    def has_short_answers(self) -> bool:
        """Whether its answers leave out contacts and candidates."""
        if self.role is Role.PLATFORM:
            return Grant.CALL_DATA not in self.grants
        return self.role is Role.REPORTER


EVERYONE: Final = Principal(id="everyone", role=Role.PLATFORM, grants=frozenset({Grant.CALL_DATA}))
"""The principal of every request while authentication is off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """The record of an API key, or of a client certificate that it accepts.

    Attributes:
        key_id: 16 hexadecimal digits that identify it.
        digest: the SHA-256 of the key, or of the certificate's name (`domain.access.api_keys`).
        role, account_id, user_id, grants: as of its principal.
        label: what people call it: "office PBX".
        certificate_name: the name in the client certificate that takes the key's place: "URI:spiffe://acme/pbx".
            Empty: it is a key.
        family: the id of the first key that this one was rotated from.
        create_time: when it was issued.
        creator: the principal that issued it.
        expire_time: when it ends by itself; None: never.
        revoke_time: when it was revoked; None: it was not.
    """

    key_id: str
    digest: bytes = field(repr=False)
    role: Role
    account_id: str = ""
    user_id: str = ""
    grants: frozenset[Grant] = frozenset()
    label: str = ""
    certificate_name: str = ""
    family: str = ""
    create_time: datetime
    creator: str = ""
    expire_time: datetime | None = None
    revoke_time: datetime | None = None

    def is_live(self, now: datetime) -> bool:
        """Whether it is accepted at `now`."""
        return self.revoke_time is None and (self.expire_time is None or now < self.expire_time)


@unshown
@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedToken:
    """The claims of a JWT that was verified.

    Attributes:
        issuer: the `iss` claim.
        subject: the `sub` claim.
        token_id: the `jti` claim; empty: it has none.
        expire_time: the `exp` claim, in seconds since 1970.
        role, account_id, user_id: as its issuer's settings read them from the claims.
    """

    issuer: str
    subject: str
    token_id: str
    expire_time: float
    role: Role
    account_id: str
    user_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserSession:
    """A browser's session. It may do the same as the credential that opened it, and ends with that.

    Attributes:
        session_id: identifies it.
        issue_time, expire_time: when it begins and ends, in seconds since 1970.
        basis: the credential that it was opened with.
    """

    session_id: str
    issue_time: float
    expire_time: float
    basis: ApiKey | VerifiedToken


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedToken:
    """What a page in a frame of another site has in place of a session. It acts for one user, and ends with its basis.

    Attributes:
        origin: the origin of the page around the frame: "https://crm.example".
        account_id, user_id: whom it acts for.
        expire_time: when it ends, in seconds since 1970.
        basis: the credential that it was issued for.
    """

    origin: str
    account_id: str
    user_id: str
    expire_time: float
    basis: ApiKey | VerifiedToken


Credential: TypeAlias = ApiKey | VerifiedToken | BrowserSession | EmbedToken


def basis_of(credential: Credential) -> ApiKey | VerifiedToken:
    """The key or the JWT that a credential is, or was made of."""
    return credential if isinstance(credential, ApiKey | VerifiedToken) else credential.basis


def principal(credential: Credential) -> Principal:
    """The principal of a verified credential. Example: a key of account acme is "key:0123456789abcdef" of acme."""
    if isinstance(credential, BrowserSession):
        return principal(credential.basis)
    if isinstance(credential, EmbedToken):
        name, account_id = principal(credential.basis).id, credential.account_id
        return Principal(id=name, role=Role.USER, account_id=account_id, user_id=credential.user_id)
    if isinstance(credential, ApiKey):
        kind = "certificate" if credential.certificate_name else "key"
        name, grants = f"{kind}:{credential.key_id}", credential.grants
    else:
        name, grants = f"token:{credential.issuer}#{credential.subject}", frozenset[Grant]()
    return Principal(
        id=name,
        role=credential.role,
        account_id=credential.account_id,
        user_id=credential.user_id,
        grants=grants,
    )
