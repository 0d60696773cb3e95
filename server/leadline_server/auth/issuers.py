"""The settings of an issuer of JWTs: a table `[issuers.NAME]`."""

from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from leadline_server.domain.access.principals import WITHOUT_ACCOUNT, Role
from leadline_server.domain.loopback import is_loopback

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "Ed25519")
"""Signatures with public keys alone. With a shared secret, every verifier could also sign (RFC 8725, section 3.2)."""


def _algorithm(value: str) -> str:
    if value not in ALGORITHMS:
        raise ValueError(f"must be one of {', '.join(ALGORITHMS)}")
    return value


def _address(value: str) -> str:
    parts = urlsplit(value)
    if value and not (parts.hostname and (parts.scheme == "https" or _is_local(parts.scheme, parts.hostname))):
        raise ValueError("must begin with https://; on this machine http:// is allowed")
    return value


def _is_local(scheme: str, host: str) -> bool:
    return scheme == "http" and is_loopback(host)


class IssuerConfig(BaseModel):
    """An issuer whose JWTs are accepted, and how its claims are read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: str = Field(min_length=1, description="The issuer, exactly as in the tokens' iss.")
    audiences: tuple[str, ...] = Field(min_length=1, description="A token's aud must have one of these.")
    jwks_url: Annotated[str, AfterValidator(_address)] = Field("", description="Where its public keys are (JWKS).")
    jwks_file: Path | None = Field(None, description="The file of its public keys, in place of jwks_url.")
    algorithms: tuple[Annotated[str, AfterValidator(_algorithm)], ...] = Field(
        ALGORITHMS, min_length=1, description="The signatures that are accepted."
    )
    account: str = Field("", description="The account of all its tokens, in place of account_claim.")
    account_claim: str = Field("leadline_account", min_length=1, description="The claim that names the account.")
    role_claim: str = Field("leadline_role", min_length=1, description="The claim that names the role.")
    roles: tuple[Role, ...] = Field(
        (Role.USER,),
        min_length=1,
        description="The roles that its tokens may have; without the claim it is the first.",
    )
    user_claim: str = Field("sub", min_length=1, description="The claim that names the user, with the role user.")

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if bool(self.jwks_url) is (self.jwks_file is not None):
            raise ValueError("give either jwks_url or jwks_file")
        if self.account and WITHOUT_ACCOUNT & set(self.roles):
            raise ValueError("tokens of one account cannot have the roles platform or monitor")
        return self
